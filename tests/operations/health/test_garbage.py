"""Garbage on any topic is a complaint with its place, and hides nothing else of the pipeline's health."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.producer import message_accumulator
from aiokafka.producer import producer as aiokafka_producer
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy
from confluent_kafka import Producer

from infra.kafka.topics import topic_name
from infra.settings import Settings
from schemas.avro.codec import Codec
from schemas.registry import Registry
from streams.operations.health.health_collector import HealthCollector
from streams.pipeline.journal.kafka_log import KafkaLogReader, KafkaLogWriter
from streams.pipeline.journal.kinds import KINDS
from streams.pipeline.journal.owned_shard import take_over
from streams.pipeline.journal.snapshots import SnapshotPolicy
from streams.pipeline.reference.load_config import core_config

FLUSH_S = 30.0
UNKNOWN_SCHEMA = b"\x00\x7f\xff\xff\xffbody"


def take_over_all(settings: Settings) -> int:
    """Gives every shard its first snapshot, and returns the number of shards."""
    codec, reader, policy = Codec(Registry(settings)), KafkaLogReader(settings), SnapshotPolicy.of(settings)
    config, count = core_config(settings), 0
    for kind in KINDS:
        for partition in range(kind.partitions(config)):
            shard = take_over(kind, partition, config, codec, reader, lambda n: KafkaLogWriter(settings, n), policy)
            shard.close()
            count += 1
    return count


class Writer:
    """Anybody who can reach the broker."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._producer = Producer({"bootstrap.servers": settings.kafka_bootstrap_servers})

    def write(self, topic: str, value: bytes | None) -> str:
        """Writes a record to partition 0 and returns its place, as complaints name it."""
        places: list[str] = []
        name = topic_name(self._settings, topic)
        self._producer.produce(name, value, b"key", 0, lambda _, message: places.append(f"{name}-0@{message.offset()}"))
        assert self._producer.flush(FLUSH_S) == 0
        return places[0]


@pytest.mark.parametrize("value", [b"", None, b"garbage", b"\x00" * 5, UNKNOWN_SCHEMA])
def test_a_snapshot_record_that_cannot_be_read_is_named(pipeline_settings: Settings, value: bytes | None) -> None:
    shards = take_over_all(pipeline_settings)
    writer = Writer(pipeline_settings)
    places = [writer.write(kind.snapshots, value) for kind in KINDS]
    for kind in KINDS:
        writer.write(kind.journal, value)
    health = HealthCollector(pipeline_settings).collect()
    assert health.kafka == ""
    assert sorted(complaint.split(": ")[0] for complaint in health.complaints) == sorted(places)
    # The snapshots before the garbage are reported all the same.
    assert [snapshot.sequence for snapshot in health.snapshots] == [1] * shards


class NotUtf8(str):
    """A header's name as another program may write it."""

    def encode(self, *_: str) -> bytes:
        return b"\xff\xfe"


async def write_with_header(settings: Settings, topics: Sequence[str]) -> None:
    """Writes a record whose header has a name that is not UTF-8 to partition 0 of each topic."""
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka_bootstrap_servers)
    await producer.start()
    try:
        for topic in topics:
            headers = [(NotUtf8("zz"), b"1")]
            await producer.send_and_wait(topic_name(settings, topic), b"value", b"key", partition=0, headers=headers)
    finally:
        await producer.stop()


def test_a_header_that_is_not_utf_8_is_named(pipeline_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    shards = take_over_all(pipeline_settings)
    # The compiled builder takes plain strings only.
    for module in (message_accumulator, aiokafka_producer):
        monkeypatch.setattr(module, "DefaultRecordBatchBuilder", _DefaultRecordBatchBuilderPy)
    topics = ["orders", *(topic for kind in KINDS for topic in (kind.journal, kind.snapshots))]
    asyncio.run(write_with_header(pipeline_settings, topics))
    monkeypatch.undo()
    health = HealthCollector(pipeline_settings).collect()
    assert health.kafka == ""
    named = {complaint.split("@")[0] for complaint in health.complaints}
    assert {
        f"{topic_name(pipeline_settings, topic)}-0" for topic in topics if "snap" in topic or "ord" in topic
    } <= named
    (waiting,) = {item.seconds for item in health.lag if item.topic == "orders" and item.partition == 0}
    assert waiting is None
    assert [snapshot.sequence for snapshot in health.snapshots] == [1] * shards
