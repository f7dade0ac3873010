"""Reads a pipeline's health from Kafka: lag and members of its consumer groups, and the age of its snapshots.

Consumer groups commit their positions only to be read here; the journals and tables hold the positions that count. The
client is aiokafka: librdkafka's admin client ends the whole process if a broker dies during a group request (its issue
3663).
"""

import asyncio
import time
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment

from infra.errors import TopicError
from infra.kafka.client_config import aiokafka_options
from infra.kafka.topics import BY_NAME, partition_count, partition_difference, topic_name
from infra.settings import Settings
from schemas.avro.codec import Codec
from schemas.errors import RegistryUnavailable
from streams.operations.health.health import PartitionLag, PartitionOwner, SnapshotAge
from streams.pipeline.journal.kinds import KINDS

READ_TIMEOUT_S = 15.0
REQUEST_TIMEOUT_MS = 5_000
RECORDS_TIMEOUT_S = 3.0
"""Time for reading the first or the last records of partitions."""
POLL_MS = 200
TAIL_OFFSETS = 8
"""Offsets before a partition's end from which its last record is looked for; transaction markers take some."""
UUID_CHARACTERS = 36

Positions = dict[TopicPartition, int]


class KafkaHealth(NamedTuple):
    """The part of streams.operations.health.health.Health that is read from Kafka."""

    lag: list[PartitionLag]
    owners: list[PartitionOwner]
    members: dict[str, list[str]]
    snapshots: list[SnapshotAge]


class KafkaHealthReader:
    """A reader of one pipeline's health.

    groups: the topics, without prefix, that each consumer group reads.
    """

    def __init__(self, settings: Settings, codec: Codec, groups: Mapping[str, list[str]]) -> None:
        self._settings = settings
        self._codec = codec
        self._groups = groups
        self._base_names = {topic_name(settings, topic): topic for topic in BY_NAME}

    def read(self) -> KafkaHealth:
        """Reads lag, owners, members and snapshots within READ_TIMEOUT_S.

        Raises:
            TopicError: topics are missing, or have other partitions than the settings say.
            aiokafka.errors.KafkaError, TimeoutError: Kafka does not answer.
        """
        return asyncio.run(asyncio.wait_for(self._read(), READ_TIMEOUT_S))

    async def _read(self) -> KafkaHealth:
        connection = aiokafka_options(self._settings) | {"request_timeout_ms": REQUEST_TIMEOUT_MS}
        admin = AIOKafkaAdminClient(**connection)
        consumer = AIOKafkaConsumer(
            **connection,
            enable_auto_commit=False,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            fetch_max_wait_ms=POLL_MS,
        )
        try:
            await admin.start()
            await consumer.start()
            missing = self._base_names.keys() - await consumer.topics()
            if missing:
                raise TopicError(
                    f"topics are missing, {min(missing)} among them; `paper up` or `paper prepare` makes them"
                )
            # All at once: the client takes 0.1 s for each topic that it does not know yet.
            await consumer._client.set_topics(list(self._base_names))
            for name, base in self._base_names.items():
                if difference := partition_difference(self._settings, base, len(consumer.partitions_for_topic(name))):
                    raise TopicError(difference)
            members, owners = await self._members(admin)
            return KafkaHealth(await self._lag(admin, consumer), owners, members, await self._snapshots(consumer))
        finally:
            await consumer.stop()
            await admin.close()

    async def _members(self, admin: AIOKafkaAdminClient) -> tuple[dict[str, list[str]], list[PartitionOwner]]:
        members: dict[str, list[str]] = {}
        owners = []
        for group in self._groups:
            # One group in each request: aiokafka 0.14 misreads a response with several groups.
            (response,) = await admin.describe_consumer_groups([group])
            ((_, _, _, _, _, described, *_),) = response.groups
            members[group] = sorted(_member_name(member_id) for member_id, *_ in described)
            for member_id, _, _, _, assignment in described:
                owners += [
                    PartitionOwner(group, self._base_names[topic], partition, _member_name(member_id))
                    for topic, partition in _assigned_partitions(assignment)
                    if topic in self._base_names
                ]
        return members, sorted(owners)

    async def _lag(self, admin: AIOKafkaAdminClient, consumer: AIOKafkaConsumer) -> list[PartitionLag]:
        partitions = self._partitions({topic for topics in self._groups.values() for topic in topics})
        starts, ends = await consumer.beginning_offsets(partitions), await consumer.end_offsets(partitions)
        found = []
        for group, topics in self._groups.items():
            committed = await admin.list_consumer_group_offsets(group)
            positions = {
                partition: max(committed[partition].offset if partition in committed else 0, starts[partition])
                for partition in partitions
                if self._base_names[partition.topic] in topics
            }
            behind = {partition: position for partition, position in positions.items() if position < ends[partition]}
            first, unread = await self._first_records(consumer, behind, ends)
            for partition, position in positions.items():
                topic = self._base_names[partition.topic]
                lag = PartitionLag(group, topic, partition.partition, 0, 0.0, position)
                if partition in first or partition in unread:
                    seconds = _age_s(first[partition].timestamp) if partition in first else None
                    lag = lag._replace(records=ends[partition] - position, seconds=seconds)
                found.append(lag)
        return found

    async def _snapshots(self, consumer: AIOKafkaConsumer) -> list[SnapshotAge]:
        kinds = {topic_name(self._settings, kind.snapshots): kind for kind in KINDS}
        ends = await consumer.end_offsets(self._partitions(kind.snapshots for kind in KINDS))
        waiting = {partition: max(end - TAIL_OFFSETS, 0) for partition, end in ends.items() if end}
        newest: dict[TopicPartition, Any] = {}
        deadline = time.monotonic() + RECORDS_TIMEOUT_S
        self._assign(consumer, waiting)
        while waiting and time.monotonic() < deadline:
            for partition, records in (await consumer.getmany(timeout_ms=POLL_MS)).items():
                newest[partition] = records[-1]
            waiting = {partition: 0 for partition in waiting if await consumer.position(partition) < ends[partition]}
        return [
            SnapshotAge(
                kinds[partition.topic].shard_name(partition.partition),
                self._sequence(kinds[partition.topic].snapshots, record.value),
                _age_s(record.timestamp),
            )
            for partition, record in sorted(newest.items())
        ]

    async def _first_records(
        self, consumer: AIOKafkaConsumer, positions: Positions, ends: Positions
    ) -> tuple[dict[TopicPartition, Any], set[TopicPartition]]:
        """Returns the first record at or after each position, and the partitions that were not read in time."""
        first: dict[TopicPartition, Any] = {}
        waiting = set(positions)
        deadline = time.monotonic() + RECORDS_TIMEOUT_S
        self._assign(consumer, positions)
        while waiting and time.monotonic() < deadline:
            for partition, records in (await consumer.getmany(*waiting, timeout_ms=POLL_MS, max_records=1)).items():
                first[partition] = records[0]
            waiting = {
                partition
                for partition in waiting
                if partition not in first and await consumer.position(partition) < ends[partition]
            }
        return first, waiting

    @staticmethod
    def _assign(consumer: AIOKafkaConsumer, positions: Positions) -> None:
        consumer.assign(list(positions))
        for partition, position in positions.items():
            consumer.seek(partition, position)

    def _partitions(self, topics: Iterable[str]) -> list[TopicPartition]:
        return [
            TopicPartition(topic_name(self._settings, topic), partition)
            for topic in topics
            for partition in range(partition_count(self._settings, topic))
        ]

    def _sequence(self, topic: str, value: bytes) -> int | None:
        try:
            sequence: int = self._codec.decode(topic, value).sequence
        except RegistryUnavailable:
            return None
        return sequence


def _age_s(timestamp_ms: int) -> float:
    return max(0.0, time.time() - timestamp_ms / 1_000)


def _member_name(member_id: str) -> str:
    """Returns the group.instance.id, or the client id if there is none: brokers append a UUID to either."""
    return member_id[: -UUID_CHARACTERS - 1]


def _assigned_partitions(assignment: bytes) -> Iterable[tuple[str, int]]:
    if not assignment:
        return
    for topic, partitions in ConsumerProtocolMemberAssignment.decode(assignment).assignment:
        for partition in partitions:
            yield topic, partition
