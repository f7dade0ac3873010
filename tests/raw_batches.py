"""Record batches with what no client library writes: header names that are no UTF-8, time stamps before 1970."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import for_code
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy
from faust.types import TP

from infra.kafka.client_config import aiokafka_options
from infra.settings import Settings

NO_PRODUCER = -1
TIMEOUT_MS = 30_000
LEADER_S = 10.0
WITHOUT_LEADER = (3, 5, 6)
"""Kafka's codes for a partition that has just been made: unknown, without a leader, another leader."""


class OddRecord(NamedTuple):
    """A record with header names as bytes. timestamp_ms: UTC epoch milliseconds; -1 for none."""

    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[bytes, bytes | None]] = ()
    timestamp_ms: int = -1


class _Name(str):
    """A header name that encodes to the given bytes."""

    __slots__ = ("raw",)
    raw: bytes

    def encode(self, *_: Any) -> bytes:
        return self.raw


def append(settings: Settings, topic: str, partition: int, records: Sequence[OddRecord]) -> int:
    """Appends records to a partition in one batch, and returns the first one's offset. topic: with prefix."""
    return asyncio.run(_append(settings, topic, partition, batch(records)))


def batch(records: Sequence[OddRecord]) -> bytes:
    """Returns a record batch in Kafka's format, without a base offset."""
    size = sum(len(record.key or b"") + len(record.value or b"") + 100 for record in records)
    builder = _DefaultRecordBatchBuilderPy(2, 0, False, NO_PRODUCER, NO_PRODUCER, NO_PRODUCER, 2 * size + 2**24)
    for number, record in enumerate(records):
        headers = [(_name(name), value) for name, value in record.headers]
        builder.append(number, record.timestamp_ms, record.key, record.value, headers)
    return bytes(builder.build())


def _name(raw: bytes) -> _Name:
    name = _Name()
    name.raw = raw
    return name


async def _append(settings: Settings, topic: str, partition: int, batch: bytes) -> int:
    client = AIOKafkaClient(**aiokafka_options(settings))
    await client.bootstrap()
    try:
        await client.add_topic(topic)
        request = ProduceRequest(
            transactional_id=None, required_acks=-1, timeout=TIMEOUT_MS, topics=[(topic, [(partition, batch)])]
        )
        deadline = time.monotonic() + LEADER_S
        while True:
            answer = await client.send(client.cluster.leader_for_partition(TP(topic, partition)), request)
            _, code, offset = answer.topics[0][1][0][:3]
            if code not in WITHOUT_LEADER or time.monotonic() > deadline:
                break
            await client.force_metadata_update()
    finally:
        await client.close()
    if code:
        raise for_code(code)(f"{topic}-{partition}")
    assert isinstance(offset, int)
    return offset
