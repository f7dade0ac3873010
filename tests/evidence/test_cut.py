"""Tests of cuts: what is read together is read up to the same records, and can be read again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any, TypeVar

import pytest
from clickhouse_connect.driver.client import Client

from infra.clickhouse.client import connect
from infra.settings import Settings
from streams.errors import InputError
from streams.evidence.cut import Cut, read_at_cut
from tests.evidence.metrics.rows import FIRST_DAY, migrated_server, new_run

T = TypeVar("T")
RUN = "it's a \\ run"


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Yields the settings of a database with the pipeline's tables."""
    with migrated_server(tmp_path_factory.mktemp("cuts") / "data") as found:
        yield found


@pytest.fixture
def client(settings: Settings) -> Iterator[Client]:
    """Yields a client that reads all rows."""
    with closing(connect(settings)) as connection:
        yield connection


def land(client: Client, table: str, run_id: str, partition: int, offset: int, **values: Any) -> None:
    """Lands a record as the sink does."""
    row = {"run_id": run_id, "partition": partition, "offset": offset, "kafka_timestamp": FIRST_DAY} | values
    client.insert(table, [list(row.values())], column_names=list(row))


def counted(client: Client, table: str, run_id: str) -> int:
    query = f"SELECT count() FROM {table} FINAL WHERE run_id = {{r:String}}"
    ((count,),) = client.query(query, {"r": run_id}).result_rows
    return int(count)


def read_while(
    settings: Settings, run_id: str, land_more: Callable[[], None], read: Callable[[Client], T]
) -> tuple[Cut, T]:
    """Reads at a cut; records land while the first reading goes on."""
    readings: list[Cut] = []

    def reading(client: Client, cut: Cut) -> tuple[Cut, T]:
        if not readings:
            land_more()
        readings.append(cut)
        return cut, read(client)

    cut, found = read_at_cut(settings, run_id, reading)
    assert readings == [cut, cut], "it is read again at the same cut"
    return cut, found


@pytest.mark.parametrize("run_id", [new_run(), RUN])
def test_what_lands_later_is_not_in_the_cut(settings: Settings, client: Client, run_id: str) -> None:
    def read(reader: Client) -> tuple[int, int]:
        return counted(reader, "fills", run_id), counted(reader, "positions", run_id)

    def land_more() -> None:
        land(client, "fills", run_id, 0, 8)  # behind the last record of its partition
        land(client, "fills", run_id, 1, 0)  # the first of its partition
        land(client, "fills", run_id, 3, 0)  # of a partition that had none, behind all others
        land(client, "positions", run_id, 0, 0)  # of a topic that had none

    land(client, "fills", run_id, 0, 7)
    land(client, "fills", run_id, 2, 0)
    cut, found = read_while(settings, run_id, land_more, read)
    assert cut.ends == {"fills": [7, -1, 0]}
    assert found == (2, 0)
    later, now = read_at_cut(settings, run_id, lambda reader, cut: (cut, read(reader)))
    assert (now, later.ends) == ((5, 1), {"fills": [8, 0, 0, 0], "positions": [0]})
    same, again = read_at_cut(settings, run_id, lambda reader, cut: (cut, read(reader)), as_of=cut.name)
    assert (same, again) == (cut, found)
    assert later.name != cut.name


def test_views_read_at_the_cut_too(settings: Settings, client: Client) -> None:
    run_id = new_run()
    opening = {"account_id": "a", "session_id": "s", "trigger": "SESSION_OPEN", "currency": "USD", "ts": FIRST_DAY}
    view = "SELECT account_id FROM v_scope(run_id = {r:String}, scope = 'account', scope_id = '') ORDER BY 1"

    def read(reader: Client) -> list[str]:
        return [row[0] for row in reader.query(view, {"r": run_id}).result_rows]

    def land_more() -> None:
        land(client, "account_equity", run_id, 0, 1, **opening | {"account_id": "b"})

    land(client, "account_equity", run_id, 0, 0, **opening)
    assert read_while(settings, run_id, land_more, read)[1] == ["a"]
    assert read(client) == ["a", "b"]


def test_dead_letters_are_cut_by_topic(settings: Settings, client: Client) -> None:
    run_id = new_run()

    def land_more() -> None:
        land(client, "dead_letters", run_id, 0, 6, topic="dlq.orders")
        land(client, "dead_letters", run_id, 0, 0, topic="dlq.controls")

    land(client, "dead_letters", run_id, 0, 5, topic="dlq.orders")
    cut, found = read_while(settings, run_id, land_more, lambda reader: counted(reader, "dead_letters", run_id))
    assert (cut.ends, found) == ({"dlq.orders": [5]}, 1)


def test_another_run_is_read_whole(settings: Settings, client: Client) -> None:
    run_id, other = new_run(), new_run()
    land(client, "fills", run_id, 0, 0)
    land(client, "fills", other, 0, 5)
    cut = read_at_cut(settings, run_id, lambda _, cut: cut)
    land(client, "fills", other, 0, 6)
    assert read_at_cut(settings, run_id, lambda reader, _: counted(reader, "fills", other), as_of=cut.name) == 2


def test_an_unknown_cut_is_refused(settings: Settings) -> None:
    run_id = new_run()
    with pytest.raises(InputError, match=f"--as-of 0123: run {run_id} has no such cut"):
        read_at_cut(settings, run_id, lambda *_: pytest.fail("it was read"), as_of="0123")


def test_the_name_depends_on_run_and_content_alone() -> None:
    names = {Cut(run, {"fills": [end]}).name for run in ("a", "b") for end in (1, 2)}
    assert len(names) == 4
    assert Cut("a", {"fills": [1], "marks": [2]}).name == Cut("a", {"marks": (2,), "fills": (1,)}).name


def test_a_cut_that_is_not_noted_leaves_nothing(settings: Settings, client: Client) -> None:
    run_id = new_run()
    land(client, "fills", run_id, 0, 0)
    assert read_at_cut(settings, run_id, lambda reader, _: counted(reader, "fills", run_id), noted=False) == 1
    assert counted(client, "cuts", run_id) == 0
