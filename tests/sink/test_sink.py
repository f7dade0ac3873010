"""The sink on real Kafka, registry and ClickHouse: rows are records, once, whatever happens in between."""

from __future__ import annotations

import itertools
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from infra.clickhouse.client import connect
from infra.clickhouse.migrate import migrate
from infra.settings import REPOSITORY, Settings
from infra.topics import topic_name
from schemas.registry import Registry
from streams.errors import SinkError
from streams.sink.sink import Sink
from tests.clickhouse.servers import LocalServer
from tests.sink.records import order_value

DEADLINE_S = 90
names = itertools.count(1)


def produce(settings: Settings, *values: bytes | None, partition: int = 0, topic: str = "orders") -> None:
    producer = Producer({"bootstrap.servers": settings.kafka_bootstrap_servers})
    for value in values:
        producer.produce(topic_name(settings, topic), value, b"acc-1", partition)
    assert producer.flush(DEADLINE_S) == 0


@pytest.fixture
def settings(pipeline_settings: Settings) -> Settings:
    return pipeline_settings.model_copy(update={"sink_block_age_s": 0.2})


@pytest.fixture
def values(settings: Settings) -> Callable[[int, int], list[bytes]]:
    """Orders number `first` to `last` - 1 as values."""
    source = Registry(settings)
    return lambda first, last: [order_value(source, number) for number in range(first, last)]


@contextmanager
def running_sink(settings: Settings) -> Iterator[Sink]:
    """A sink in a thread; its error is raised at the end."""
    sink = Sink(settings, f"sink-{next(names)}")
    failures: list[Exception] = []

    def run() -> None:
        try:
            sink.run()
        except Exception as error:
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield sink
    finally:
        sink.stop()
        thread.join(DEADLINE_S)
        assert not thread.is_alive()
    if failures:
        raise failures[0]


def rows(settings: Settings, query: str) -> list[Any]:
    with closing(connect(settings)) as client:
        return list(client.query(query).result_rows)


def wait_for(settings: Settings, query: str, expected: list[Any]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while (found := rows(settings, query)) != expected:
        assert time.monotonic() < deadline, f"{query}: {found}, expected {expected}"
        time.sleep(0.1)


COUNTS = "SELECT count(), uniqExact(partition, offset) FROM orders"


def test_rows_are_records_and_a_restart_adds_none(settings: Settings, values: Callable[..., list[bytes]]) -> None:
    produce(settings, *values(0, 3000))
    produce(settings, *values(3000, 4000), partition=1)
    with running_sink(settings):
        wait_for(settings, COUNTS, [(4000, 4000)])
    produce(settings, *values(4000, 4500), partition=1)
    with running_sink(settings):
        wait_for(settings, COUNTS, [(4500, 4500)])
    first = "SELECT run_id, partition, offset, order_id, quantity, price, toUnixTimestamp64Nano(ts), side FROM orders"
    (row,) = rows(settings, f"{first} WHERE order_id = 'o-3001'")
    assert row == ("live", 1, 1, "o-3001", 3002, row[5], 1_381_320_000_123_456_789 + 3001, "BUY")
    assert str(row[5]) == "49.120000000"


def test_bad_records_become_dead_letters_once_and_neighbours_land(
    settings: Settings, values: Callable[..., list[bytes]]
) -> None:
    good = values(0, 2000)
    bad = [b"", b"no avro", b"\x00\x00\x0f\x42\x40unknown", good[7][:-4]]
    produce(settings, *good[:1000], *bad, None, *good[1000:], bad[0])
    letters = "SELECT source_offset, error_class, stage, hex(record_value) FROM dead_letters ORDER BY source_offset"
    expected = [
        (1000 + n, error_class, "sink", value.hex().upper())
        for n, (error_class, value) in enumerate(
            zip(["EMPTY_VALUE", "WRONG_MAGIC", "UNKNOWN_SCHEMA", "NOT_READABLE"], bad, strict=True)
        )
    ] + [(2005, "EMPTY_VALUE", "sink", "")]
    with running_sink(settings):
        wait_for(settings, COUNTS, [(2000, 2000)])
        wait_for(settings, letters, expected)
    # The last record of the partition has no row: only its dead letter says that it is done.
    produce(settings, *values(2000, 2001))
    with running_sink(settings):
        wait_for(settings, COUNTS, [(2001, 2001)])
    assert rows(settings, letters) == expected


def test_another_run_lands_everything_again(settings: Settings, values: Callable[..., list[bytes]]) -> None:
    produce(settings, *values(0, 10), b"bad")
    with running_sink(settings):
        wait_for(settings, "SELECT count() FROM dead_letters", [(1,)])
    with running_sink(settings.model_copy(update={"run_id": "other"})):
        by_run = "SELECT run_id, count(), uniqExact(offset) FROM orders GROUP BY run_id ORDER BY run_id"
        wait_for(settings, by_run, [("live", 10, 10), ("other", 10, 10)])


def test_two_sinks_share_the_partitions(settings: Settings, values: Callable[..., list[bytes]]) -> None:
    everything = "SELECT count(), uniqExact(partition, offset) FROM orders FINAL"
    with running_sink(settings), running_sink(settings):
        for partition in range(4):
            produce(settings, *values(partition * 500, partition * 500 + 500), partition=partition)
        wait_for(settings, everything, [(2000, 2000)])


@contextmanager
def own_clickhouse(settings: Settings, folder: Path) -> Iterator[tuple[Settings, LocalServer]]:
    """A ClickHouse that may be stopped, and settings that lead to it."""
    with LocalServer(folder / "data") as server:
        own = settings.model_copy(update={"clickhouse_url": server.url})
        migrate(own)
        yield own, server


def test_clickhouse_killed_midway_and_back(
    settings: Settings, values: Callable[..., list[bytes]], tmp_path: Path
) -> None:
    with own_clickhouse(settings, tmp_path) as (own, server), running_sink(own):
        produce(own, *values(0, 1000))
        wait_for(own, COUNTS, [(1000, 1000)])
        server.kill()
        produce(own, *values(1000, 2000))
        server.start()
        produce(own, *values(2000, 3000))
        wait_for(own, COUNTS, [(3000, 3000)])


def test_it_stops_while_clickhouse_is_away_and_loses_nothing(
    settings: Settings, values: Callable[..., list[bytes]], tmp_path: Path
) -> None:
    with own_clickhouse(settings, tmp_path) as (own, server):
        with running_sink(own):
            produce(own, *values(0, 100))
            wait_for(own, COUNTS, [(100, 100)])
            server.kill()
            produce(own, *values(100, 200))
        server.start()
        with running_sink(own):
            wait_for(own, COUNTS, [(200, 200)])


def test_the_process_killed_midway_goes_on_where_the_rows_end(
    settings: Settings, values: Callable[..., list[bytes]]
) -> None:
    command = [sys.executable, "-m", "streams.cli", "sink"]
    environment = settings.model_copy(update={"sink_block_rows": 100}).as_environment()
    produce(settings, *values(0, 6000))
    process = subprocess.Popen(command, cwd=REPOSITORY, env=environment, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + DEADLINE_S
        while rows(settings, "SELECT count() > 0 FROM orders") == [(False,)] or rows(settings, COUNTS)[0][0] == 0:
            assert process.poll() is None
            assert time.monotonic() < deadline
    finally:
        process.kill()
        process.wait()
    process = subprocess.Popen(command, cwd=REPOSITORY, env=environment, stderr=subprocess.DEVNULL)
    try:
        wait_for(settings, COUNTS, [(6000, 6000)])
        process.terminate()
        assert process.wait(DEADLINE_S) == 0
    finally:
        process.kill()
        process.wait()


def test_rows_that_kafka_does_not_have_stop_the_sink(settings: Settings, values: Callable[..., list[bytes]]) -> None:
    with closing(connect(settings)) as client:
        client.command("INSERT INTO orders (run_id, partition, offset) VALUES ('live', 0, 1000)")
    produce(settings, *values(0, 10))
    sink = Sink(settings, f"sink-{next(names)}")
    guard = threading.Timer(DEADLINE_S, sink.stop)
    guard.start()
    try:
        with pytest.raises(SinkError, match="set another RUN_ID"):
            sink.run()
    finally:
        guard.cancel()
