"""Reads the newest journal record of each shard: the number of its transactions, and of its quarantined records."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from infra.kafka.topics import partition_count, topic_name
from infra.settings import Settings
from schemas.avro.codec import Codec
from schemas.errors import SchemaError
from streams.operations.health.health import JournalTail
from streams.pipeline.journal.kafka_log import pipeline_proof
from streams.pipeline.journal.kinds import KINDS, ShardKind
from streams.pipeline.journal.provenance import Proof
from streams.pipeline.journal.raw_records import RawRecord

DEADLINE_S = 3.0
POLL_S = 0.02
TAIL_OFFSETS = 8
"""Offsets before a partition's end from which the last record is looked for; transaction markers take some."""
TAIL_GROWTH = 16
"""Factor by which more is read if none of these is a record of the shard."""


class _Tails:
    """The newest record of each shard's journal that has been read.

    proven: records that bear the pipeline's proof; all that can be read if it has none. others: records without one,
    which count only if there is no proven record at all: earlier versions wrote none.
    """

    def __init__(
        self, shards: Mapping[TopicPartition, tuple[ShardKind, str]], proof: Proof | None, codec: Codec
    ) -> None:
        self.proven: dict[TopicPartition, JournalTail] = {}
        self.others: dict[TopicPartition, JournalTail] = {}
        self._shards = shards
        self._proof = proof
        self._codec = codec

    def take(self, place: TopicPartition, record: Any) -> None:
        """Notes a record, if it is one of the shard."""
        kind, shard = self._shards[place]
        try:
            journal: Any = self._codec.decode(kind.journal, record.value or b"")
        except SchemaError:
            return
        if journal.shard != shard:
            return
        raw = RawRecord(kind.journal, place.partition, record.offset, record.key, record.value, 0, record.headers)
        proven = self._proof is None or self._proof.is_on(raw)
        (self.proven if proven else self.others)[place] = JournalTail(shard, journal.sequence, journal.alarms)

    def of_each_shard(self) -> list[JournalTail]:
        """Returns the newest record of each shard, by shard."""
        return sorted((self.others | self.proven).values())


async def journal_tails(consumer: AIOKafkaConsumer, settings: Settings, codec: Codec) -> list[JournalTail]:
    """Returns the newest journal record of each shard, by shard; leaves out shards without one. Ignores other records.

    Raises aiokafka.errors.KafkaError if Kafka does not answer.
    """
    shards = {
        TopicPartition(topic_name(settings, kind.journal), partition): (kind, kind.shard_name(partition))
        for kind in KINDS
        for partition in range(partition_count(settings, kind.journal))
    }
    begins, ends = await consumer.beginning_offsets(list(shards)), await consumer.end_offsets(list(shards))
    waiting = {place for place in shards if ends[place] > begins[place]}
    tails = _Tails(shards, pipeline_proof(settings), codec)
    deadline, tail = time.monotonic() + DEADLINE_S, TAIL_OFFSETS
    while waiting and time.monotonic() < deadline:
        starts = {place: max(ends[place] - tail, begins[place]) for place in waiting}
        await _read(consumer, starts, ends, tails, deadline)
        waiting = {place for place in waiting if place not in tails.proven and starts[place] > begins[place]}
        tail *= TAIL_GROWTH
    return tails.of_each_shard()


async def _read(
    consumer: AIOKafkaConsumer,
    starts: dict[TopicPartition, int],
    ends: dict[TopicPartition, int],
    tails: _Tails,
    deadline: float,
) -> None:
    """Reads each partition from its start to its end."""
    consumer.assign(list(starts))
    for place, start in starts.items():
        consumer.seek(place, start)
    left = set(starts)
    while left and time.monotonic() < deadline:
        idle = True
        for place in sorted(left):
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
                tails.take(place, record)
            if await consumer.position(place) >= ends[place]:
                left.discard(place)
        if idle and left:
            await asyncio.sleep(POLL_S)
