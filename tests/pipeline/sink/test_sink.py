"""The sink on real servers: every record becomes one row, whatever happens in between."""

from __future__ import annotations

import itertools
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.exceptions import ClickHouseError as DriverError
from confluent_kafka import Consumer, Producer

from infra.clickhouse.client import connect
from infra.clickhouse.migrate import migrate
from infra.errors import ClickHouseError, PaperError, TopicError
from infra.kafka.topics import BY_NAME, delete_topics, ensure_topics, topic_name
from infra.settings import REPOSITORY, Settings
from schemas.avro.codec import Codec
from schemas.registry import Registry
from streams.errors import SinkError
from streams.evidence.reconcile import reconcile
from streams.evidence.replay.input_source import open_source
from streams.pipeline.clients.follow import Follower
from streams.pipeline.clients.producer import RecordProducer
from streams.pipeline.journal.kafka_log import KafkaLogReader, KafkaTransactions
from streams.pipeline.journal.raw_records import RawOutput
from streams.pipeline.sink.sink import Sink, group_id
from tests.end_to_end.processes import environment, paper, running
from tests.infra.clickhouse_servers import LocalServer
from tests.pipeline.sink.proxy import proxy
from tests.pipeline.sink.records import fill_value, order_value

DEADLINE_S = 90
POLL_S = 0.05
_numbers = itertools.count()


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
    """Returns the encoded orders with numbers from first to last - 1."""
    source = Registry(settings)
    return lambda first, last: [order_value(source, number) for number in range(first, last)]


@contextmanager
def running_sink(settings: Settings) -> Iterator[Sink]:
    """Runs a sink in a thread, and raises its error at the end."""
    sink = Sink(settings, f"sink-{next(_numbers)}")
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
    found: list[Any] | None = None
    while found != expected:
        assert time.monotonic() < deadline, f"{query}: {found}, expected {expected}"
        with suppress(ClickHouseError, DriverError):  # Some tests kill it.
            found = rows(settings, query)
        time.sleep(POLL_S)


COUNTS = "SELECT count(), uniqExact(partition, offset) FROM orders"
MERGED = f"{COUNTS} FINAL"
LETTERS = "SELECT count(), uniqExact(source_offset) FROM dead_letters FINAL"
FILLS = "SELECT count(), uniqExact(partition, offset) FROM fills"


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


def test_bad_records_become_dead_letters_once_and_neighbours_land(settings: Settings) -> None:
    source = Registry(settings)
    good = [fill_value(source, number) for number in range(2001)]
    bad = [b"", b"no avro", None, b"\x00\x00\x0f\x42\x40unknown", good[7][:-4]]
    produce(settings, *good[:1000], *bad, *good[1000:2000], b"", topic="fills")
    letters = "SELECT source_offset, error_class, stage, hex(record_value) FROM dead_letters ORDER BY source_offset"
    classes = ["EMPTY_VALUE", "WRONG_MAGIC", "NULL_VALUE", "UNKNOWN_SCHEMA", "NOT_READABLE"]
    expected = [
        (1000 + n, error_class, "sink", (value or b"").hex().upper())
        for n, (error_class, value) in enumerate(zip(classes, bad, strict=True))
    ] + [(2005, "EMPTY_VALUE", "sink", "")]
    with running_sink(settings):
        wait_for(settings, FILLS, [(2000, 2000)])
        wait_for(settings, letters, expected)
    # The last record of the partition has no row: it is read again and finds its letter written.
    produce(settings, good[2000], topic="fills")
    with running_sink(settings):
        wait_for(settings, FILLS, [(2001, 2001)])
    assert rows(settings, letters) == expected
    other = settings.model_copy(update={"run_id": "other"})
    with running_sink(other):
        wait_for(settings, f"{FILLS} WHERE run_id = 'other'", [(2001, 2001)])
        wait_for(settings, "SELECT count() FROM dead_letters WHERE run_id = 'other'", [(6,)])
    assert len(list(KafkaLogReader(settings).read("dlq.fills", 0, 0))) == 6, "the letters are the same for all runs"


def test_two_sinks_share_the_partitions(settings: Settings, values: Callable[..., list[bytes]]) -> None:
    everything = "SELECT count(), uniqExact(partition, offset) FROM orders FINAL"
    with running_sink(settings), running_sink(settings):
        for partition in range(4):
            produce(settings, *values(partition * 500, partition * 500 + 500), partition=partition)
        wait_for(settings, everything, [(2000, 2000)])


@contextmanager
def own_clickhouse(settings: Settings, folder: Path) -> Iterator[tuple[Settings, LocalServer]]:
    """Runs a ClickHouse that the test may stop, and yields settings for it."""
    with LocalServer(folder / "data") as server:
        own = settings.model_copy(update={"clickhouse_url": server.url})
        migrate(own)
        yield own, server


def test_a_sink_whose_client_was_fenced_joins_with_a_new_one(
    settings: Settings, values: Callable[..., list[bytes]]
) -> None:
    produce(settings, *values(0, 100))
    with running_sink(settings) as sink:
        wait_for(settings, COUNTS, [(100, 100)])
        fence(settings, sink.member)
        produce(settings, *values(100, 200))
        wait_for(settings, COUNTS, [(200, 200)])


def fence(settings: Settings, member: str) -> None:
    """Joins the group under the name of another member, as that member does after its session has ended."""
    configuration = {"group.id": group_id(settings), "group.instance.id": member}
    thief = Consumer({"bootstrap.servers": settings.kafka_bootstrap_servers, **configuration})
    thief.subscribe([topic_name(settings, "orders")])
    deadline = time.monotonic() + DEADLINE_S
    while not thief.assignment():
        assert time.monotonic() < deadline
        thief.poll(POLL_S)
    thief.close()


def test_while_clickhouse_is_away_the_intake_stops_and_goes_on_by_itself(
    settings: Settings, values: Callable[..., list[bytes]], tmp_path: Path
) -> None:
    small = settings.model_copy(update={"sink_buffer_bytes": 1_000_000, "sink_queue_bytes": 4_000_000})
    with own_clickhouse(small, tmp_path) as (own, server), running_sink(own):
        produce(own, *values(0, 1000))
        wait_for(own, COUNTS, [(1000, 1000)])
        server.kill()
        produce(own, *(b"x" * 900_000 for _ in range(12)), topic="test.results")
        produce(own, *values(1000, 2000))
        server.start()
        produce(own, *values(2000, 3000))
        wait_for(own, COUNTS, [(3000, 3000)])
        wait_for(own, LETTERS, [(12, 12)])


def test_clickhouse_killed_after_it_stored_and_before_it_answered(
    settings: Settings, values: Callable[..., list[bytes]], tmp_path: Path
) -> None:
    kills: list[int] = []

    def kill() -> bool:
        if len(kills) == 2:
            return False
        kills.append(1)
        server.kill()
        server.start()
        return True

    with own_clickhouse(settings, tmp_path) as (own, server), proxy(server, kill) as url:
        produce(own, *values(0, 3000))
        with running_sink(own.model_copy(update={"clickhouse_url": url, "sink_block_rows": 1000})):
            wait_for(own, COUNTS, [(3000, 3000)])
        assert len(kills) == 2


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


def test_the_process_killed_twice_midway_goes_on_where_the_rows_end(
    settings: Settings, values: Callable[..., list[bytes]], tmp_path: Path
) -> None:
    small = settings.model_copy(update={"sink_block_rows": 100})
    produce(settings, *values(0, 6000))
    for least in (0, 2000):
        with running(small, tmp_path, "sink") as sink:
            await_rows(settings, least)
            sink.kill()
    with running(small, tmp_path, "sink") as sink:
        wait_for(settings, COUNTS, [(6000, 6000)])
        assert sink.stop() == 0


def test_a_frozen_sink_is_replaced_and_each_row_and_letter_is_there_once(
    settings: Settings, values: Callable[..., list[bytes]], tmp_path: Path
) -> None:
    bad = [b"bad-%d" % number for number in range(200)]
    short = settings.model_copy(update={"worker_session_timeout_s": 6.0, "sink_block_rows": 50})
    with running(short, tmp_path, "sink") as frozen:
        produce(settings, *values(0, 2000))
        produce(settings, *bad, topic="fills")
        await_rows(settings, 0)
        frozen.process.send_signal(signal.SIGSTOP)
        with running_sink(short):
            wait_for(settings, MERGED, [(2000, 2000)])
            wait_for(settings, LETTERS, [(200, 200)])
            frozen.process.send_signal(signal.SIGCONT)
            produce(settings, *values(2000, 2100), *values(2100, 2200), partition=1)
            produce(settings, *bad, topic="fills")
            wait_for(settings, LETTERS, [(400, 400)])
        wait_for(settings, MERGED, [(2200, 2200)])
        produce(settings, *values(2200, 2300), partition=2)
        wait_for(settings, MERGED, [(2300, 2300)])
        assert frozen.stop() == 0
    letters = [dict(letter.headers)["offset"] for letter in KafkaLogReader(settings).read("dlq.fills", 0, 0)]
    assert sorted(map(int, letters)) == list(range(400))


def test_sigterm_ends_a_sink_whose_clickhouse_does_not_answer(
    settings: Settings, values: Callable[..., list[bytes]], tmp_path: Path
) -> None:
    hasty = (
        "import infra.forced_exit; infra.forced_exit.STOP_PATIENCE_S = 0.2; from streams.cli.app import main; main()"
    )
    with own_clickhouse(settings, tmp_path) as (own, server):
        sink = subprocess.Popen(
            [sys.executable, "-c", hasty, "sink"], cwd=REPOSITORY, env=environment(own), stderr=subprocess.PIPE
        )
        try:
            produce(own, *values(0, 100))
            wait_for(own, COUNTS, [(100, 100)])
            assert server.process is not None
            server.process.send_signal(signal.SIGSTOP)
            produce(own, *values(100, 200))
            sink.terminate()
            _, told = sink.communicate(timeout=DEADLINE_S)
        finally:
            sink.kill()
            server.process.send_signal(signal.SIGCONT)  # type: ignore[union-attr]
    assert (sink.returncode, b"leaving; the next start continues after" in told) == (1, True)


def await_rows(settings: Settings, least: int) -> None:
    """Waits until more than a number of rows have landed."""
    deadline = time.monotonic() + DEADLINE_S
    while rows(settings, COUNTS)[0][0] <= least:
        assert time.monotonic() < deadline
        time.sleep(POLL_S)


def test_rows_that_kafka_does_not_have_stop_the_sink(settings: Settings, values: Callable[..., list[bytes]]) -> None:
    with closing(connect(settings)) as client:
        client.command("INSERT INTO orders (run_id, partition, offset) VALUES ('live', 0, 1000)")
    produce(settings, *values(0, 10))
    sink = Sink(settings, "sink")
    guard = threading.Timer(DEADLINE_S, sink.stop)
    guard.start()
    try:
        with pytest.raises(SinkError, match="set another RUN_ID"):
            sink.run()
    finally:
        guard.cancel()


def run_to_its_error(settings: Settings) -> str:
    """Runs a sink that must end by itself, and returns its error."""
    sink = Sink(settings, f"sink-{next(_numbers)}")
    guard = threading.Timer(DEADLINE_S, sink.stop)
    guard.start()
    try:
        with pytest.raises(PaperError) as ended:
            sink.run()
    finally:
        guard.cancel()
    return str(ended.value)


def test_a_new_prefix_under_the_same_run_is_refused_and_a_new_run_lands_everything(
    settings: Settings, values: Callable[..., list[bytes]]
) -> None:
    produce(settings, *values(0, 100))
    with running_sink(settings):
        wait_for(settings, COUNTS, [(100, 100)])
    fresh = settings.model_copy(update={"topic_prefix": f"{settings.topic_prefix}new."})
    ensure_topics(fresh)
    try:
        produce(fresh, *values(0, 150))
        told = run_to_its_error(fresh)
        ids = [KafkaLogReader(some).topic_ids(["orders"])["orders"] for some in (settings, fresh)]
        for part in ("RUN_ID=live", *ids, "set a new RUN_ID", f"TOPIC_PREFIX={settings.topic_prefix} to go on"):
            assert part in told
        assert rows(settings, COUNTS) == [(100, 100)]
        with running_sink(fresh.model_copy(update={"run_id": "second"})):
            wait_for(settings, f"{COUNTS} WHERE run_id = 'second'", [(150, 150)])
    finally:
        delete_topics(fresh, [topic_name(fresh, base) for base in BY_NAME])


def test_topics_that_were_created_again_are_refused(settings: Settings, values: Callable[..., list[bytes]]) -> None:
    """Their offsets begin again, so the rows would count as landed until the new topic is longer than the old one."""
    produce(settings, *values(0, 10))
    with running_sink(settings):
        wait_for(settings, COUNTS, [(10, 10)])
    delete_topics(settings, [topic_name(settings, "orders")])
    ensure_topics(settings)
    produce(settings, *values(0, 30))
    assert "orders (topic id" in run_to_its_error(settings)


def test_rows_that_clickhouse_lost_are_landed_again_once(
    settings: Settings, values: Callable[..., list[bytes]]
) -> None:
    """Transactions leave offsets without a record, and refused records have no row: those are not missing."""
    source = Registry(settings)
    produce(settings, *values(0, 3000))
    writer = KafkaTransactions(settings, "test")
    for start in range(0, 500, 50):
        fills = [RawOutput("fills", 0, b"A", fill_value(source, number), ()) for number in range(start, start + 50)]
        writer.write([*fills, RawOutput("fills", 0, b"A", b"bad", ())])
    with running_sink(settings):
        wait_for(settings, COUNTS, [(3000, 3000)])
        wait_for(settings, FILLS, [(500, 500)])
        wait_for(settings, LETTERS, [(10, 10)])
    with closing(connect(settings)) as client:
        client.command("DELETE FROM orders WHERE offset < 1000 OR offset BETWEEN 1500 AND 1502")
        client.command("DELETE FROM fills WHERE offset % 7 = 3")
        client.command("DELETE FROM dead_letters WHERE offset < 8")
    for _ in range(2):
        with running_sink(settings):
            wait_for(settings, COUNTS, [(3000, 3000)])
            wait_for(settings, FILLS, [(500, 500)])
            wait_for(settings, "SELECT count(), uniqExact(source_offset) FROM dead_letters", [(10, 10)])
    assert len(list(KafkaLogReader(settings).read("dlq.fills", 0, 0))) == 10


@pytest.mark.parametrize("setting", ["account_partitions", "execution_partitions"])
def test_other_partitions_than_those_of_the_settings_are_refused(settings: Settings, setting: str) -> None:
    wrong = settings.model_copy(update={setting: 3})
    told = run_to_its_error(wrong)
    topic = {"account_partitions": "orders", "execution_partitions": "market.data"}[setting]
    name, remedy = topic_name(settings, topic), f"set {setting.upper()}=4"
    assert f"{name}: 4 partitions, declared 3 by {setting.upper()}; {remedy}" in told
    for call in (
        lambda: reconcile(wrong),
        lambda: RecordProducer(wrong, Codec(Registry(wrong))),
        lambda: Follower(wrong, Codec(Registry(wrong)), ["orders"]),
        lambda: open_source(wrong, [], False, lambda _: None),
    ):
        with pytest.raises(TopicError, match=remedy):
            call()
    for command in ("worker", "sink"):
        ended = paper(wrong, command)
        assert (ended.returncode, remedy in ended.stderr) == (1, True)
    status = paper(wrong, "status", "--json")
    assert (status.returncode, remedy in status.stdout) == (1, True)
