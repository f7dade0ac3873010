"""A feed that is killed, stopped, run twice or cut off from the broker sends each update once."""

from __future__ import annotations

import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from confluent_kafka import Producer

from infra.kafka.topics import partition_count, topic_name
from infra.settings import Settings
from infra.stack.kafka_server import KafkaServer
from schemas.avro.codec import Codec
from schemas.records.numbers import NANOS_PER_DAY, NANOS_PER_S
from schemas.registry import Registry
from streams.errors import DeliveryError, FeedError
from streams.pipeline.clients.read_topic import read_topic
from streams.pipeline.feed import resume
from streams.pipeline.feed.resume import TOPIC
from streams.pipeline.feed.send import CLOSING_NS, TAIL_RECORDS, Feed
from streams.pipeline.feed.table import MarketTable
from streams.pipeline.journal import kafka_log
from streams.pipeline.journal.kafka_log import KafkaLogReader
from streams.pipeline.prepare import start_prepared_servers
from streams.tools.demo.demo_market import synthetic_market
from tests.end_to_end.processes import running
from tests.faults.test_servers import kill
from tests.pipeline.feed.feed_rows import Row, rows_in, rows_of
from tests.stacks import free_port

SECONDS = 100
SPEED = 10
GARBAGE = 2 * TAIL_RECORDS
AWAIT_S = 60.0


def rows_by_symbol(rows: list[Row]) -> dict[str, list[Row]]:
    symbols: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        symbols[row[0]].append(row)
    return symbols


class Market:
    """The market.data of a pipeline, and the table that it must hold."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.codec = Codec(Registry(settings))
        self.table = synthetic_market(settings, SECONDS)

    def feed(self, table: MarketTable | None = None) -> Feed:
        return Feed(self.settings, self.codec, table or self.table)

    def prove(self) -> None:
        """Asserts that market.data has each update once, ordered by symbol, and a last heartbeat in each partition.

        Each record names the source.
        """
        records = list(read_topic(self.settings, self.codec, TOPIC))
        assert {record.source for record in records} == {f"synthetic:{self.settings.run_seed}:{SECONDS}"}
        fed = [row for record in records for row in rows_in(record)]
        assert rows_by_symbol(fed) == rows_by_symbol(rows_of(self.table))
        closing = [record.ts for record in records if record.ts == self.table.time[-1] + CLOSING_NS]
        assert len(closing) == partition_count(self.settings, TOPIC)

    def await_records(self, count: int) -> None:
        """Waits until the topic has a number of further records."""
        deadline = time.monotonic() + AWAIT_S
        goal = self._records() + count
        while self._records() < goal:
            assert time.monotonic() < deadline, f"{self._records()} of {goal} records"

    def _records(self) -> int:
        reader = KafkaLogReader(self.settings)
        return sum(reader.bounds([TOPIC], p)[TOPIC][1] for p in range(partition_count(self.settings, TOPIC)))

    def add_garbage(self) -> None:
        """Appends records of other writers to the topic."""
        # Records at the end that say nothing about the feed.
        producer = Producer({"bootstrap.servers": self.settings.kafka_bootstrap_servers})
        for partition in range(partition_count(self.settings, TOPIC)):
            for _ in range(GARBAGE):
                producer.produce(topic_name(self.settings, TOPIC), b"garbage", b"ACME.SIM", partition)
        assert producer.flush(AWAIT_S) == 0


@pytest.fixture
def market(pipeline_settings: Settings) -> Market:
    return Market(pipeline_settings)


def test_killed_and_stopped_it_goes_on_where_it_stood(market: Market, tmp_path: Path) -> None:
    arguments = ("feed", "--synthetic", "--seconds", str(SECONDS), "--speed", str(SPEED))
    for says in ("feeds", "resumes after"):
        with running(market.settings, tmp_path, *arguments) as feed:
            feed.await_log(says)
            market.await_records(40)
            feed.kill()
        market.add_garbage()
    with running(market.settings, tmp_path, *arguments) as feed:
        feed.await_log("resumes after")
        market.await_records(40)
        assert feed.stop() == 130
    assert "run the same command again" in feed.log.read_text()
    stood = market.feed().row
    rest = market.feed().run(speed=None)
    assert (rest.before, rest.updates, rest.left) == (stood, len(market.table) - stood, 0)
    assert 0 < stood < len(market.table)
    assert market.feed().run(speed=None).updates == 0, "fed whole"
    market.prove()


def test_of_two_that_feed_the_same_only_the_later_goes_on(market: Market) -> None:
    def overtake(row: int) -> None:
        if row < 2_000:
            market.feed().run(speed=None)

    with pytest.raises(FeedError, match="another process feeds the same updates"):
        market.feed().run(None, overtake, updates_per_transaction=1_000)
    market.prove()


def test_an_older_market_is_refused_with_the_time_that_market_data_has_come_to(market: Market) -> None:
    market.feed().run(None, updates_per_transaction=100)
    newest = {symbol: times[-1] for symbol, times in times_by_symbol(market.table).items()}
    older = replace(market.table, time=market.table.time - NANOS_PER_S)
    with pytest.raises(FeedError, match="market time must not step back") as raised:
        market.feed(older)
    symbol = str(raised.value).partition(":")[0]
    assert f"market.data is already at {newest[symbol]} (20" in str(raised.value)


def times_by_symbol(table: MarketTable) -> dict[str, list[int]]:
    return {name: table.time[table.symbol == code].tolist() for code, name in enumerate(table.symbols)}


def test_times_far_ahead_are_refused_before_anything_is_sent(market: Market) -> None:
    ahead = replace(market.table, time=market.table.time + (time.time_ns() + 2 * NANOS_PER_DAY - market.table.time[0]))
    with pytest.raises(FeedError, match="more than a day ahead of the clock"):
        market.feed(ahead)
    assert list(read_topic(market.settings, market.codec, TOPIC)) == []


def test_it_waits_for_a_broker_that_was_killed(market: Market) -> None:
    with ThreadPoolExecutor(1) as thread:
        feeding = thread.submit(market.feed().run, SPEED)
        market.await_records(40)
        kill(market.settings, KafkaServer())
        start_prepared_servers(market.settings)
        assert feeding.result(AWAIT_S).updates == len(market.table)
    market.prove()


def test_without_a_broker_it_says_how_to_go_on(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_log, "COMMIT_DEADLINE_S", 0.5)
    nowhere = market.settings.model_copy(update={"kafka_bootstrap_servers": f"127.0.0.1:{free_port()}"})
    with pytest.raises(DeliveryError, match="run the same command again"):
        Feed(nowhere, market.codec, market.table)


def test_it_finds_where_it_stood_behind_the_open_transaction_of_another(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = market.feed()
    other = Producer({"bootstrap.servers": market.settings.kafka_bootstrap_servers, "transactional.id": "other"})
    other.init_transactions(AWAIT_S)
    other.begin_transaction()
    for partition in range(partition_count(market.settings, TOPIC)):
        other.produce(topic_name(market.settings, TOPIC), b"garbage", b"ACME.SIM", partition)
    other.flush(AWAIT_S)
    feed.stop()
    assert feed.run(None, updates_per_transaction=10_000).left > 0
    ends = iter([lambda: other.abort_transaction(AWAIT_S)])
    monkeypatch.setattr(resume, "sleep", lambda _: next(ends, lambda: None)())
    again = market.feed()
    assert 0 < again.row == feed.row
    assert next(ends, None) is None, "it has waited"
    again.run(None)
    market.prove()
