"""Reads the newest journal record of each shard: the number of its transactions, and of its quarantined records."""

import asyncio
import time
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from infra.kafka.topics import partition_count, topic_name
from infra.settings import Settings
from schemas.avro.codec import Codec
from schemas.errors import SchemaError
from streams.operations.health.health import JournalTail
from streams.pipeline.journal.kinds import KINDS, ShardKind

DEADLINE_S = 3.0
POLL_S = 0.02
TAIL_OFFSETS = 8
"""Offsets before a partition's end from which the last record is looked for; transaction markers take some."""
TAIL_GROWTH = 16
"""Factor by which more is read if none of these is a record of the shard."""

Shards = dict[TopicPartition, tuple[ShardKind, str]]


async def journal_tails(consumer: AIOKafkaConsumer, settings: Settings, codec: Codec) -> list[JournalTail]:
    """Returns the newest journal record of each shard, by shard; leaves out shards without one. Ignores other records.

    Raises aiokafka.errors.KafkaError if Kafka does not answer.
    """
    shards: Shards = {
        TopicPartition(topic_name(settings, kind.journal), partition): (kind, kind.shard_name(partition))
        for kind in KINDS
        for partition in range(partition_count(settings, kind.journal))
    }
    begins, ends = await consumer.beginning_offsets(list(shards)), await consumer.end_offsets(list(shards))
    waiting = {place for place in shards if ends[place] > begins[place]}
    found: dict[str, JournalTail] = {}
    deadline, tail = time.monotonic() + DEADLINE_S, TAIL_OFFSETS
    while waiting and time.monotonic() < deadline:
        starts = {place: max(ends[place] - tail, begins[place]) for place in waiting}
        found |= await _newest(consumer, starts, ends, shards, codec, deadline)
        waiting = {place for place in waiting if shards[place][1] not in found and starts[place] > begins[place]}
        tail *= TAIL_GROWTH
    return [found[shard] for shard in sorted(found)]


async def _newest(
    consumer: AIOKafkaConsumer,
    starts: dict[TopicPartition, int],
    ends: dict[TopicPartition, int],
    shards: Shards,
    codec: Codec,
    deadline: float,
) -> dict[str, JournalTail]:
    """Reads each partition from its start to its end."""
    consumer.assign(list(starts))
    for place, start in starts.items():
        consumer.seek(place, start)
    newest: dict[str, JournalTail] = {}
    left = set(starts)
    while left and time.monotonic() < deadline:
        idle = True
        for place in sorted(left):
            kind, shard = shards[place]
            try:
                # One at a time: the client loses the records that it parsed before one that it can't parse.
                records = (await consumer.getmany(place, timeout_ms=0, max_records=1)).get(place, [])
            except KafkaError:
                raise
            except Exception:
                # The client can't parse the record, for example its headers. No shard has written it.
                consumer.seek(place, await consumer.position(place) + 1)
                records, idle = [], False
            for record in records:
                idle = False
                tail = _tail(kind, shard, record.value, codec)
                newest |= {shard: tail} if tail else {}
            if await consumer.position(place) >= ends[place]:
                left.discard(place)
        if idle and left:
            await asyncio.sleep(POLL_S)
    return newest


def _tail(kind: ShardKind, shard: str, value: bytes | None, codec: Codec) -> JournalTail | None:
    try:
        journal: Any = codec.decode(kind.journal, value or b"")
    except SchemaError:
        return None
    return JournalTail(shard, journal.sequence, journal.alarms) if journal.shard == shard else None
