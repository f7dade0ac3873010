"""The sink's protocol in memory: whatever dies or freezes, rows and dead letters exist exactly once."""

from __future__ import annotations

import pytest
from clickhouse_connect.driver.exceptions import OperationalError

from infra.settings import Settings
from schemas.memory_registry import MemoryRegistry
from streams.pipeline.journal.memory_log import MemoryLog
from streams.pipeline.sink import landing
from streams.pipeline.sink.buffer import Buffer
from streams.pipeline.sink.column_batch import of_records
from streams.pipeline.sink.dead_letter_writer import DeadLetterWriter
from streams.pipeline.sink.landing import Landing
from streams.pipeline.sink.landing_flow import LandingFlow
from streams.pipeline.sink.missing_rows import MissingRows
from streams.pipeline.sink.tables import SinkStopped, Tables
from tests.pipeline.sink.memory_clickhouse import MemoryClickHouse, MemoryDeadLetterWriters
from tests.pipeline.sink.records import fill_value, record

SOURCE = MemoryRegistry()
SETTINGS = Settings(_env_file=None)
BYTES_MAX = 10**6
FILLS, LETTERS = ("fills", 0), ("dlq.fills", 0)


class Died(Exception):
    """A crash of the sink."""


class World:
    """Topics and tables that outlive the sinks on them."""

    def __init__(self) -> None:
        self.log = MemoryLog()
        self.clickhouse = MemoryClickHouse()
        self.pen = MemoryDeadLetterWriters(self.log)

    def send(self, *values: bytes | None) -> None:
        for value in values:
            self.log.append("fills", 0, b"acc-1", value)

    def sink(self, run_id: str = "live") -> RunningSink:
        return RunningSink(self, SETTINGS.model_copy(update={"run_id": run_id}))

    def refusals(self) -> list[int]:
        return [int(dict(letter.headers)["offset"]) for letter in self.log.partitions[LETTERS]]


class RunningSink:
    """A sink that has just taken the partitions over."""

    def __init__(self, world: World, settings: Settings) -> None:
        self.world = world
        tables = Tables(settings, lambda seconds: self.pause(seconds), world.clickhouse)
        letters = DeadLetterWriter(tables, world.log, world.pen)
        self.landing = Landing(tables, SOURCE, letters.write, settings.run_id)
        self.buffer = Buffer(100, 1.0, BYTES_MAX)
        self.flow = LandingFlow(self.buffer, tables, self.landing, letters, MissingRows(tables, world.log), self.pause)
        self.next = {place: 0 for place in (FILLS, LETTERS)} | self.flow.begin([FILLS, LETTERS])

    def pause(self, _: float) -> None:
        raise SinkStopped

    def read(self) -> None:
        for topic, partition in (FILLS, LETTERS):
            records = list(self.world.log.read(topic, partition, self.next[topic, partition]))
            self.flow.take(of_records(records), 0)
            self.next[topic, partition] += len(records)

    def land_everything(self) -> None:
        self.read()
        self.flow.land_all()
        self.read()
        self.flow.land_all()


@pytest.fixture(params=["records", "columns"])
def world(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> World:
    """Provides a world that lands blocks as columns, and one that lands them record by record."""
    monkeypatch.setattr(landing, "COLUMNS_FROM", 1 if request.param == "columns" else 10**9)
    return World()


def filled(number: int) -> bytes:
    return fill_value(SOURCE, number)


def test_a_new_sink_goes_on_behind_the_rows(world: World) -> None:
    world.send(*map(filled, range(5)))
    world.sink().land_everything()
    world.send(*map(filled, range(5, 9)))
    again = world.sink()
    assert again.next[FILLS] == 5
    again.land_everything()
    assert world.clickhouse.places("fills") == [(0, offset) for offset in range(9)]


def test_only_what_is_due_lands(world: World) -> None:
    sink = world.sink()
    world.send(*map(filled, range(2)))
    sink.read()
    sink.flow.land_due(0.5)
    assert world.clickhouse.places("fills") == []
    sink.flow.land_due(1.0)
    assert len(world.clickhouse.places("fills")) == 2


MOMENTS = ["before", "noted", "stored"]


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("block", range(6))
def test_a_crash_around_any_insert_adds_and_loses_nothing(world: World, moment: str, block: int) -> None:
    world.send(filled(0), b"x", None, filled(3), b"", filled(5)[:-1], filled(6), b"y", b"z")
    inserts = 0

    def die(when: str, _: str) -> None:
        nonlocal inserts
        if when == moment:
            inserts += 1
            if inserts == block + 1:
                raise Died

    world.clickhouse.fault = die
    try:
        world.sink().land_everything()
    except Died:
        world.clickhouse.fault = lambda when, table: None
    world.sink().land_everything()
    world.sink().land_everything()
    assert world.clickhouse.places("fills") == [(0, 0), (0, 3), (0, 6)]
    assert world.refusals() == [1, 2, 4, 5, 7, 8]
    assert world.clickhouse.places("dead_letters") == [(0, offset) for offset in range(6)]


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("block", range(6))
def test_a_clickhouse_that_dies_around_any_insert_has_each_row_once(world: World, moment: str, block: int) -> None:
    """One of the deaths leaves the block's token without the block."""
    world.send(filled(0), b"x", filled(2), filled(3), b"", filled(5), filled(6))
    inserts = 0

    def die(when: str, _: str) -> None:
        nonlocal inserts
        if when == moment:
            inserts += 1
            if inserts in (block + 1, block + 2):
                raise OperationalError("no answer")

    world.clickhouse.fault = die
    sink = world.sink()
    sink.pause = lambda _: None  # type: ignore[method-assign]
    sink.land_everything()
    assert sorted(world.clickhouse.places("fills")) == [(0, 0), (0, 2), (0, 3), (0, 5), (0, 6)]
    assert sorted(world.clickhouse.places("dead_letters")) == [(0, 0), (0, 1)]


def test_a_sink_that_was_replaced_while_frozen_writes_no_letter_again(world: World) -> None:
    world.send(filled(0), b"x", b"y")
    frozen = world.sink()
    frozen.read()
    world.sink().land_everything()
    world.send(b"z")
    world.sink().land_everything()
    frozen.flow.land_all()
    assert world.refusals() == [1, 2, 3]
    assert world.clickhouse.places("fills") == [(0, 0)]


def test_sinks_that_write_letters_by_turns_miss_none(world: World) -> None:
    one, other = world.sink(), world.sink()
    for number in range(4):
        world.send(b"x")
        sink = (one, other)[number % 2]
        sink.flow.begin([FILLS])
        sink.next[FILLS] = number
        sink.read()
        sink.flow.land_all()
    assert world.refusals() == [0, 1, 2, 3]


def test_another_run_finds_the_letters_written(world: World) -> None:
    world.send(filled(0), b"x", filled(2))
    world.sink().land_everything()
    world.sink("other").land_everything()
    assert world.refusals() == [1]
    rows = [(row["run_id"], row["source_offset"]) for row in world.clickhouse.tables["dead_letters"]]
    assert rows == [("live", 1), ("other", 1)]


def test_memory_is_bounded_over_all_topics(world: World) -> None:
    sink = world.sink()
    for number in range(20):
        for topic in ("fills", "positions", "executions"):
            sink.flow.take(of_records([record(bytes(100_000), number, topic=topic)]), 0)
            sink.flow.land_due(0)
            assert sink.buffer.bytes < BYTES_MAX


def test_while_clickhouse_is_away_what_was_read_waits(world: World) -> None:
    def away(when: str, _: str) -> None:
        raise OperationalError("no answer")

    sink = world.sink()
    world.send(*map(filled, range(3)))
    sink.read()
    world.clickhouse.fault = away
    with pytest.raises(SinkStopped):
        sink.flow.land_all()
    world.clickhouse.fault = lambda when, table: None
    sink.flow.land_all()
    assert len(world.clickhouse.places("fills")) == 3
