"""Checks of rows on a real server: missing, doubled and foreign rows are named by their places."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest
from clickhouse_connect.driver.client import Client

from infra.settings import Settings
from streams.evidence.reconcile.reconciliation import Check
from streams.evidence.reconcile.row_checks import newest_positions, rows_are_records
from streams.pipeline.journal.raw_records import RawRecord
from tests.evidence.never_merged import never_merged
from tests.evidence.reconcile.session import Session, drop, land, read_facts, traded_session

Land = Callable[[Session], str]


@pytest.fixture
def session() -> Session:
    return traded_session()


def compare(client: Client, run_id: str, session: Session, wait_s: float = 0) -> Check:
    """Compares the rows with the records that the session's topics hold now."""

    def end_of(topic: str, partition: int) -> int:
        log = session.log.partitions[topic, partition]
        return log[-1].offset + 1 if log else 0

    return rows_are_records(client, run_id, read_facts(session), end_of, wait_s)


def fill_place(client: Client, run_id: str) -> tuple[int, int]:
    sql = "SELECT partition, offset FROM fills WHERE run_id = {run:String} AND order_id = 'b-1'"
    partition, offset = client.query(sql, parameters={"run": run_id}).result_rows[0]
    return partition, offset


def copy_fill(client: Client, run_id: str, place: tuple[int, int], **columns: object) -> None:
    """Inserts a fill's row again, with other columns."""
    replaced = ", ".join(f"{value} AS {name}" for name, value in columns.items())
    client.command(
        f"INSERT INTO fills SELECT * {f'REPLACE ({replaced})' if columns else ''} FROM fills "
        "WHERE run_id = {run:String} AND partition = {partition:Int32} AND fills.offset = {offset:Int64}",
        parameters={"run": run_id, "partition": place[0], "offset": place[1]},
    )


def test_rows_that_are_the_records_pass(client: Client, landed: Land, session: Session) -> None:
    check = compare(client, landed(session), session)
    assert check.differences == []
    assert check.checked == sum(len(log) for log in session.log.partitions.values())


def test_a_missing_row_is_named(client: Client, landed: Land, session: Session) -> None:
    run_id = landed(session)
    partition, offset = fill_place(client, run_id)
    client.command("DELETE FROM fills WHERE run_id = {run:String} AND order_id = 'b-1'", parameters={"run": run_id})
    expected = f"fills: records without a row: 1, first (partition:offset) {partition}:{offset}"
    assert compare(client, run_id, session).differences == [expected]


def test_a_doubled_row_is_named(client: Client, landed: Land, session: Session) -> None:
    run_id = landed(session)
    with never_merged(client, "fills"):
        copy_fill(client, run_id, fill_place(client, run_id))
        (sentence,) = compare(client, run_id, session).differences
    assert sentence.startswith("fills: 1 rows are there twice")


def test_a_row_from_nowhere_is_named(client: Client, landed: Land, session: Session) -> None:
    run_id = landed(session)
    partition, offset = fill_place(client, run_id)
    copy_fill(client, run_id, (partition, offset), offset=offset + 1_000)
    expected = f"fills: rows without a record: 1, first (partition:offset) {partition}:{offset + 1_000}"
    assert compare(client, run_id, session).differences == [expected]


def test_another_run_is_another_matter(client: Client, landed: Land, session: Session) -> None:
    assert compare(client, landed(session), session).passed
    assert not compare(client, "run-without-rows", session).passed


def test_rows_of_records_that_came_later_are_left_out(client: Client, landed: Land, session: Session) -> None:
    facts = read_facts(session)
    session.move()
    run_id = landed(session)
    ends = {place: log[-1].offset + 1 for place, log in session.log.partitions.items() if log}
    check = rows_are_records(client, run_id, facts, lambda topic, partition: ends[topic, partition], 0)
    assert check.differences == []


def test_what_compaction_removed_stays_as_rows(client: Client, landed: Land, session: Session) -> None:
    run_id = landed(session)
    drop(session, "positions", lambda position: position.account_id == "C")
    drop(session, "snapshots.accounts", lambda _: True)
    assert compare(client, run_id, session).differences == []
    assert newest_positions(client, run_id, read_facts(session)).differences == []


def test_the_newest_position_must_be_the_newest_record(client: Client, landed: Land, session: Session) -> None:
    run_id = landed(session)
    drop(session, "positions", lambda position: position.symbol == "XYZ")
    differences = newest_positions(client, run_id, read_facts(session)).differences
    assert [sentence.endswith("newest record none") for sentence in differences] == [True]


class LateSink:
    """A client whose rows land only after they were asked for once."""

    def __init__(self, client: Client, land_rows: Callable[[], None]) -> None:
        self._client = client
        self._land_rows: Callable[[], None] | None = land_rows

    def query(self, *arguments: Any, **options: Any) -> Any:
        result = self._client.query(*arguments, **options)
        if self._land_rows is not None:
            self._land_rows()
            self._land_rows = None
        return result


def test_a_sink_that_is_behind_is_waited_for(client: Client, server_settings: Settings, session: Session) -> None:
    settings = server_settings.model_copy(update={"run_id": "run-late"})
    late = cast(Client, LateSink(client, lambda: land(session, settings)))
    assert not compare(late, settings.run_id, session).passed, "it does not wait at all"
    late = cast(Client, LateSink(client, lambda: land(session, again)))
    again = server_settings.model_copy(update={"run_id": "run-later"})
    assert compare(late, again.run_id, session, wait_s=60).differences == []


def test_garbage_waits_for_the_letter_of_its_shard(client: Client, landed: Land, session: Session) -> None:
    record = session.send_bytes("orders", b"A", b"more garbage")
    assert compare(client, landed(session), session).differences == [], "no worker has taken it"
    session.run()
    assert compare(client, landed(session), session).differences == []
    drop_letter(session)
    (sentence,) = compare(client, landed(session), session).differences
    assert sentence == f"orders: records without a row: 1, first (partition:offset) {record.partition}:{record.offset}"


def test_a_letter_that_landed_late_stands_for_its_record(client: Client, landed: Land, session: Session) -> None:
    session.send_bytes("orders", b"A", b"more garbage")
    session.run()
    run_id = landed(session)
    letter = drop_letter(session)
    facts = read_facts(session)
    check = rows_are_records(client, run_id, facts, lambda topic, partition: letter.offset + 1, 0)
    assert check.differences == []


def drop_letter(session: Session) -> RawRecord:
    """Removes the newest dead letter."""
    return session.log.partitions["dlq.orders", 0].pop()
