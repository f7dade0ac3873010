"""Rows that are missing below a partition's highest row are found at the sink's start and landed once."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing

import pytest

from infra.clickhouse.client import connect
from infra.settings import Settings
from streams.errors import SinkError
from streams.pipeline.journal.memory_log import MemoryLog
from streams.pipeline.journal.raw_records import RawRecord
from streams.pipeline.sink import missing_rows
from streams.pipeline.sink.missing_rows import Completeness, MissingRows
from streams.pipeline.sink.run_topics import require_same_topics
from streams.pipeline.sink.tables import Tables
from tests.pipeline.sink.test_landing_flow import World, filled
from tests.pipeline.sink.test_tables import insert, never, order_rows


class CountingLog(MemoryLog):
    """A log that notes how many records were read."""

    def __init__(self) -> None:
        super().__init__()
        self.read_records: list[tuple[str, int]] = []

    def read(self, topic: str, partition: int, first_offset: int) -> Generator[RawRecord, None, None]:
        for record in super().read(topic, partition, first_offset):
            self.read_records.append((topic, record.offset))
            yield record


@pytest.fixture
def world() -> World:
    made = World()
    made.log = CountingLog()
    made.pen.log = made.log
    return made


def remove(world: World, *offsets: int, table: str = "fills") -> None:
    world.clickhouse.tables[table] = [r for r in world.clickhouse.tables[table] if r["offset"] not in offsets]


def places(world: World) -> list[tuple[int, int]]:
    return sorted(world.clickhouse.places("fills"))


def reads(world: World) -> list[tuple[str, int]]:
    assert isinstance(world.log, CountingLog)
    return world.log.read_records


@pytest.mark.parametrize("lost", [(0,), (0, 1, 2, 3), (4,), (0, 2, 4, 6, 8), (2, 3, 7)])
@pytest.mark.parametrize("with_notes", [True, False])
def test_missing_rows_are_landed_once(world: World, lost: tuple[int, ...], with_notes: bool) -> None:
    world.send(*map(filled, range(10)))
    world.sink().land_everything()
    remove(world, *lost)
    if not with_notes:
        del world.clickhouse.tables[missing_rows.COMPLETE_ROWS]
    for _ in range(2):
        world.sink().land_everything()
        assert places(world) == [(0, offset) for offset in range(10)]


def test_records_that_are_no_rows_stay_none_and_get_no_second_letter(world: World) -> None:
    world.send(filled(0), b"x", filled(2), None, b"", filled(5))
    world.sink().land_everything()
    remove(world, 0, 2)
    world.sink().land_everything()
    assert places(world) == [(0, 0), (0, 2), (0, 5)]
    assert world.refusals() == [1, 3, 4]


def test_missing_rows_of_dead_letters_are_landed_before_they_are_looked_up(world: World) -> None:
    world.send(filled(0), b"x", b"y", filled(3))
    world.sink().land_everything()
    remove(world, 0)
    remove(world, 0, table="dead_letters")
    del world.clickhouse.tables[missing_rows.COMPLETE_ROWS]
    world.sink().land_everything()
    assert (places(world), world.refusals()) == ([(0, 0), (0, 3)], [1, 2])
    assert sorted(world.clickhouse.places("dead_letters")) == [(0, 0), (0, 1)]


def test_what_was_noted_as_complete_is_not_read_again(world: World) -> None:
    world.send(filled(0), b"x", filled(2), b"y", filled(4))
    world.sink().land_everything()
    reads(world).clear()
    world.sink()
    assert reads(world) == []
    crashed = world.sink()
    world.send(filled(5), b"z", filled(7))
    crashed.read()
    crashed.flow._land(["fills"])
    crashed.flow._settle()
    reads(world).clear()
    world.sink()
    assert [read for read in reads(world) if read[0] == "fills"] == [("fills", 6), ("fills", 7)]


def test_a_block_that_lands_again_after_an_outage_counts_once(world: World) -> None:
    world.send(*map(filled, range(4)))
    sink = world.sink()
    sink.land_everything()
    again = world.sink()
    again.next["fills", 0] = 2
    again.land_everything()
    reads(world).clear()
    assert world.sink().flow._missing.completeness("fills") == {0: Completeness(4, 4)}
    assert reads(world) == []


def test_another_run_searches_only_its_own_rows(world: World) -> None:
    world.send(*map(filled, range(4)))
    world.sink().land_everything()
    world.sink("other").land_everything()
    assert len(places(world)) == 8


@pytest.fixture
def tables(table_settings: Settings) -> Iterator[Tables]:
    with closing(Tables(table_settings, never)) as made:
        yield made


def test_clickhouse_counts_and_compares_offsets(
    table_settings: Settings, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(missing_rows, "CHUNK_OFFSETS", 7)
    log = MemoryLog()
    for partition in (0, 2):
        for row in order_rows(0, 40, partition):
            log.append("orders", partition, None, row.body)
    missing = MissingRows(tables, log)
    assert missing.count("orders", {0: 10}) == {0: 0}
    insert(tables, order_rows(2, 8) + order_rows(30, 38) + order_rows(5, 9, partition=2))
    insert(tables, order_rows(4, 9))
    assert missing.count("orders", {0: 5, 2: 100, 3: 1}) == {0: 3, 2: 4, 3: 0}

    def found() -> dict[int, list[int]]:
        offsets: dict[int, list[int]] = {0: [], 2: []}
        for block in missing.find("orders", {0: 38, 2: 9}):
            offsets[block[0].partition] += [record.offset for record in block]
        return offsets

    everything = {0: [0, 1, *range(9, 30)], 2: [0, 1, 2, 3, 4]}
    assert found() == everything
    missing.note({("orders", 0): Completeness(9, 7), ("orders", 2): Completeness(9, 4)})
    missing.note({("orders", 0): Completeness(20, 7)})
    assert missing.completeness("orders") == {0: Completeness(20, 7), 2: Completeness(9, 4)}
    assert found() == {0: list(range(20, 30)), 2: []}
    with closing(connect(table_settings)) as client:
        client.command("DELETE FROM orders WHERE partition = 0 AND offset = 2")
    assert found() == {0: [0, 1, 2, *range(9, 30)], 2: []}


def test_a_run_keeps_its_topics(table_settings: Settings, tables: Tables) -> None:
    settings = table_settings.model_copy(update={"topic_prefix": "a."})
    require_same_topics(tables, settings, "cluster-1", {"orders": "id-1"})
    require_same_topics(tables, settings, "cluster-1", {"orders": "id-1", "fills": "id-2"})
    other = settings.model_copy(update={"topic_prefix": "b."})
    with pytest.raises(SinkError) as refused:
        require_same_topics(tables, other, "cluster-1", {"fills": "id-2", "orders": "id-9"})
    for part in (
        "RUN_ID=live",
        "a.orders (topic id id-1, cluster cluster-1)",
        "b.orders (topic id id-9, cluster cluster-1)",
        "set a new RUN_ID",
        "TOPIC_PREFIX=a.",
    ):
        assert part in str(refused.value)
    with pytest.raises(SinkError, match="cluster-2"):
        require_same_topics(tables, settings, "cluster-2", {"orders": "id-1"})
    with closing(Tables(table_settings.model_copy(update={"run_id": "second"}), never)) as second:
        require_same_topics(second, other, "cluster-1", {"orders": "id-9"})
