"""Kafka as a log, on a real broker: odd records, open transactions, and records that are too large."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition

from infra.kafka.client_config import client_config
from infra.kafka.topics import MIB, topic_name
from infra.settings import Settings
from streams.errors import LogUnavailable, RecordTooLarge
from streams.pipeline.journal import kafka_log
from streams.pipeline.journal.kafka_log import KafkaLogReader, KafkaTransactions
from streams.pipeline.journal.kafka_records import raw_record, read_headers
from streams.pipeline.journal.raw_records import UNREADABLE_HEADERS, RawOutput, RawRecord
from streams.pipeline.sink.column_batch import of_messages
from tests.raw_batches import OddRecord, append

PATIENCE_S = 60.0
ODD = [
    OddRecord(b"k", b"before", [(b"a", b"1")]),
    OddRecord(b"k", b"odd", [(b"ok", b"2"), (b"\xff\xfe", b"3")]),
    OddRecord(b"k", b"none", [(b"n", None), (b"", b"")]),
    OddRecord(None, None),
    OddRecord(b"k", b"odd", [(b"\xff", b"3"), (b"\xfe", b"3")]),
]
TIMES = 100
"""Enough for the interpreter to optimise the loops that read headers."""
HEADERS = [(("a", b"1"),), UNREADABLE_HEADERS, (("n", b""), ("", b"")), (), UNREADABLE_HEADERS]


def fetched(settings: Settings, topic: str, count: int) -> list[Any]:
    consumer = Consumer(client_config(settings) | {"group.id": f"{settings.topic_prefix}reader"})
    try:
        consumer.assign([TopicPartition(topic, 0, 0)])
        found: list[Any] = []
        while len(found) < count:
            found += consumer.consume(count - len(found), PATIENCE_S)
    finally:
        consumer.close()
    return found


def test_headers_that_the_client_can_not_read_are_marked_however_they_are_read(pipeline_settings: Settings) -> None:
    topic = topic_name(pipeline_settings, "orders")
    append(pipeline_settings, topic, 0, ODD * TIMES)
    records = list(KafkaLogReader(pipeline_settings).read("orders", 0, 0))
    assert [record.value for record in records] == [record.value for record in ODD] * TIMES
    assert [record.headers for record in records] == HEADERS * TIMES
    messages = fetched(pipeline_settings, topic, len(records))
    assert [len(headers or ()) for headers in read_headers(messages)] == [len(record.headers) for record in records]
    assert [raw_record(message, "orders") for message in messages] == records
    (batch,) = of_messages(fetched(pipeline_settings, topic, len(records)), {topic: "orders"})
    assert list(batch.records()) == records


def test_a_record_without_a_time_is_read(pipeline_settings: Settings) -> None:
    append(pipeline_settings, topic_name(pipeline_settings, "orders"), 0, [OddRecord(b"k", b"v")])
    (record,) = KafkaLogReader(pipeline_settings).read("orders", 0, 0)
    assert record.timestamp_ns > 0, "the broker's append time"


def test_records_that_are_there_are_not_held_until_a_batch_is_full(
    pipeline_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_log, "READ_POLL_S", PATIENCE_S)
    append(pipeline_settings, topic_name(pipeline_settings, "orders"), 0, ODD)
    began = time.monotonic()
    assert len(list(KafkaLogReader(pipeline_settings).read("orders", 0, 0))) == len(ODD)
    assert time.monotonic() - began < PATIENCE_S / 2


class Signalling:
    """A consumer that signals when it delivers the end of a partition."""

    def __init__(self, consumer: Consumer, at_end: Event) -> None:
        self._consumer = consumer
        self._at_end = at_end

    def consume(self, *args: Any, **kwargs: Any) -> list[Any]:
        messages = self._consumer.consume(*args, **kwargs)
        errors = [error for message in messages if (error := message.error()) is not None]
        if any(error.code() == KafkaError._PARTITION_EOF for error in errors):
            self._at_end.set()
        return messages

    def __getattr__(self, name: str) -> Any:
        return getattr(self._consumer, name)


class SignallingReader(KafkaLogReader):
    """A reader that says when it has come to the end of what it may read."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.at_end = Event()

    def _consumer(self) -> Any:
        return Signalling(super()._consumer(), self.at_end)


@pytest.fixture
def hanging(pipeline_settings: Settings) -> Producer:
    """A producer with an open transaction on orders-0, before and behind which there are committed records."""
    writer = KafkaTransactions(pipeline_settings, "test-before")
    writer.write([RawOutput("orders", 0, None, b"before")])
    name = f"{pipeline_settings.topic_prefix}test-hanging"
    producer = Producer(client_config(pipeline_settings) | {"transactional.id": name})
    producer.init_transactions(PATIENCE_S)
    producer.begin_transaction()
    producer.produce(topic_name(pipeline_settings, "orders"), b"hanging", partition=0)
    assert producer.flush(PATIENCE_S) == 0
    writer.write([RawOutput("orders", 0, None, b"behind")])
    return producer


def values(records: Iterator[RawRecord]) -> list[bytes | None]:
    return [record.value for record in records]


@pytest.mark.parametrize(("ending", "found"), [("commit", [b"before", b"hanging", b"behind"]), ("abort", None)])
def test_reading_waits_for_an_open_transaction(
    pipeline_settings: Settings, hanging: Producer, ending: str, found: list[bytes] | None
) -> None:
    reader = SignallingReader(pipeline_settings)
    with ThreadPoolExecutor(1) as thread:
        reading = thread.submit(lambda: values(reader.read("orders", 0, 0)))
        assert reader.at_end.wait(PATIENCE_S)
        getattr(hanging, f"{ending}_transaction")(PATIENCE_S)
        assert reading.result(PATIENCE_S) == (found or [b"before", b"behind"])


@pytest.mark.usefixtures("hanging")
def test_a_transaction_that_stays_open_is_named(pipeline_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_log, "OPEN_TRANSACTION_S", 0.2)
    with pytest.raises(LogUnavailable, match=r"orders-0: offset 2 of 5 is reached, and an open transaction"):
        values(KafkaLogReader(pipeline_settings).read("orders", 0, 0))


def test_a_caller_that_takes_its_time_is_no_silence(
    pipeline_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    KafkaTransactions(pipeline_settings, "test-slow").write([RawOutput("orders", 0, None, b"1")])
    records = KafkaLogReader(pipeline_settings).read("orders", 0, 0)
    assert next(records).value == b"1"
    long_after = time.monotonic() + 1_000
    monkeypatch.setattr(kafka_log, "monotonic", lambda: long_after)
    KafkaTransactions(pipeline_settings, "test-slow").write([RawOutput("orders", 0, None, b"2")])
    assert values(records) in ([b"2"], [])


@pytest.mark.parametrize(("size", "rest"), [(2 * MIB, 1), (9 * MIB, 1), (2 * MIB, 0)])
def test_a_record_that_kafka_never_takes_is_said_at_once(pipeline_settings: Settings, size: int, rest: int) -> None:
    writer = KafkaTransactions(pipeline_settings, "test-large")
    small = RawOutput("orders", 0, b"k", b"small")
    with pytest.raises(RecordTooLarge, match=r"a record for orders-0 has \d+ bytes, and Kafka did not take it"):
        writer.write([RawOutput("orders", 0, b"k", os.urandom(size)), *[small] * rest])
    assert writer.write([small], small) is not None, "the writer goes on"
    assert values(KafkaLogReader(pipeline_settings).read("orders", 0, 0)) == [b"small"]


def test_a_large_record_that_becomes_small_by_compression_is_written(pipeline_settings: Settings) -> None:
    writer = KafkaTransactions(pipeline_settings, "test-large")
    large = RawOutput("orders", 0, b"k", bytes(2 * MIB))
    assert writer.write([large], large) == 0
