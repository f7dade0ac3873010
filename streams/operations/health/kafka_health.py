"""Reads a pipeline's health from Kafka: lag and members of its consumer groups, and the age of its snapshots.

Consumer groups commit their positions only to be read here; the journals and tables hold the positions that count. The
client is aiokafka, for the reason that infra.kafka.group_members gives.

Anybody may write anything to Kafka. A record that can't be read becomes a complaint, and the rest is read all the same.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from aiokafka.errors import KafkaConnectionError, KafkaError

from infra.errors import TopicError
from infra.kafka.client_config import aiokafka_options
from infra.kafka.group_members import GroupMember, group_members
from infra.kafka.topics import BY_NAME, partition_count, partition_difference, topic_name
from infra.settings import Settings
from schemas.avro.codec import Codec
from schemas.errors import RegistryUnavailable
from streams.operations.health.health import JournalTail, PartitionLag, PartitionOwner, SnapshotAge
from streams.operations.health.journal_tails import journal_tails
from streams.pipeline.journal.kinds import KINDS

READ_TIMEOUT_S = 15.0
REQUEST_TIMEOUT_MS = 5_000
COORDINATOR_TIMEOUT_S = 5.0
"""Time for the coordinator of a consumer group to be found; a broker that has just started reads its groups first."""
RECORDS_TIMEOUT_S = 3.0
"""Time for reading the first or the last records of partitions."""
FETCH_WAIT_MS = 200
POLL_S = 0.01
RETRY_S = 0.1
PASSING_S = 3.0
"""Time in which a group that works passes a record; then the record is the business of its dead letter alone."""
TAIL_OFFSETS = 8
"""Offsets before a partition's end from which its last record is looked for; transaction markers take some."""

Positions = dict[TopicPartition, int]
Answer = TypeVar("Answer")


class UnreadableRecord(Exception):
    """The client can't parse a record. offset: at or before that of the record, behind the last one that was read."""

    def __init__(self, place: TopicPartition, offset: int, error: Exception) -> None:
        super().__init__(f"{place.topic}-{place.partition}@{offset}: {_text(error)}")
        self.offset = offset


Unreadable = dict[TopicPartition, UnreadableRecord]
"""Records that a client can't parse, by their partitions."""


class KafkaHealth(NamedTuple):
    """The part of streams.operations.health.health.Health that is read from Kafka."""

    lag: list[PartitionLag]
    owners: list[PartitionOwner]
    members: dict[str, list[str]]
    snapshots: list[SnapshotAge]
    complaints: list[str]
    journals: Sequence[JournalTail] = ()


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
        try:
            return asyncio.run(asyncio.wait_for(self._read(), READ_TIMEOUT_S))
        except asyncio.CancelledError as error:
            # Nobody cancels the reading. A consumer that stops while it waits to fetch again raises this.
            raise KafkaConnectionError("the connection was lost while health was read") from error

    async def _read(self) -> KafkaHealth:
        connection = aiokafka_options(self._settings) | {"request_timeout_ms": REQUEST_TIMEOUT_MS}
        admin = AIOKafkaAdminClient(**connection)
        consumer = AIOKafkaConsumer(
            **connection,
            enable_auto_commit=False,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            fetch_max_wait_ms=FETCH_WAIT_MS,
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
            complaints: list[str] = []
            members, owners = await self._members(admin, complaints)
            lag = await self._lag(admin, consumer, complaints)
            snapshots = await self._snapshots(consumer, complaints)
            journals = await journal_tails(consumer, self._settings, self._codec)
            return KafkaHealth(lag, owners, members, snapshots, complaints, journals)
        finally:
            try:
                await consumer.stop()
            finally:
                await admin.close()

    async def _members(
        self, admin: AIOKafkaAdminClient, complaints: list[str]
    ) -> tuple[dict[str, list[str]], list[PartitionOwner]]:
        members: dict[str, list[str]] = {}
        owners = []
        for group in self._groups:
            described = await _coordinated(partial(group_members, admin, group))
            members[group] = sorted(member.name for member in described)
            for member in described:
                try:
                    assigned = _assigned_partitions(member)
                except Exception as error:
                    complaints.append(f"the assignment of {member.name} in {group} can't be read: {_text(error)}")
                    continue
                owners += [
                    PartitionOwner(group, self._base_names[topic], partition, member.name)
                    for topic, partition in assigned
                    if topic in self._base_names
                ]
        return members, sorted(owners)

    async def _lag(
        self, admin: AIOKafkaAdminClient, consumer: AIOKafkaConsumer, complaints: list[str]
    ) -> list[PartitionLag]:
        partitions = self._partitions({topic for topics in self._groups.values() for topic in topics})
        starts, ends = await consumer.beginning_offsets(partitions), await consumer.end_offsets(partitions)
        found = []
        for group, topics in self._groups.items():
            committed = await _coordinated(partial(admin.list_consumer_group_offsets, group))
            positions = {
                partition: max(committed[partition].offset if partition in committed else 0, starts[partition])
                for partition in partitions
                if self._base_names[partition.topic] in topics
            }
            behind = {partition: position for partition, position in positions.items() if position < ends[partition]}
            first, unread, unreadable = await self._first_records(consumer, behind, ends)
            complaints += await _not_passed(admin, group, unreadable)
            for partition, position in positions.items():
                topic = self._base_names[partition.topic]
                lag = PartitionLag(group, topic, partition.partition, 0, 0.0, position)
                if partition in first or partition in unread:
                    seconds = _age_s(first[partition].timestamp) if partition in first else None
                    lag = lag._replace(records=ends[partition] - position, seconds=seconds)
                found.append(lag)
        return found

    async def _snapshots(self, consumer: AIOKafkaConsumer, complaints: list[str]) -> list[SnapshotAge]:
        kinds = {topic_name(self._settings, kind.snapshots): kind for kind in KINDS}
        ends = await consumer.end_offsets(self._partitions(kind.snapshots for kind in KINDS))
        waiting = {partition: max(end - TAIL_OFFSETS, 0) for partition, end in ends.items() if end}
        newest: dict[TopicPartition, SnapshotAge] = {}
        unreadable: dict[TopicPartition, str] = {}
        deadline = time.monotonic() + RECORDS_TIMEOUT_S
        self._assign(consumer, waiting)
        while waiting and time.monotonic() < deadline:
            idle = True
            for partition in waiting:
                kind = kinds[partition.topic]
                try:
                    record = await _next_record(consumer, partition)
                    if record is not None:
                        sequence = self._sequence(kind.snapshots, record.value)
                        shard = kind.shard_name(partition.partition)
                        newest[partition] = SnapshotAge(shard, sequence, _age_s(record.timestamp))
                        idle = False
                except UnreadableRecord as error:
                    consumer.seek(partition, error.offset + 1)
                    unreadable[partition] = str(error)
                except Exception as error:
                    unreadable[partition] = f"{partition.topic}-{partition.partition}@{record.offset}: {_text(error)}"
                    idle = False
            waiting = {partition: 0 for partition in waiting if await consumer.position(partition) < ends[partition]}
            if idle:
                await asyncio.sleep(POLL_S)
        complaints += [text for _, text in sorted(unreadable.items())]
        return [age for _, age in sorted(newest.items())]

    async def _first_records(
        self, consumer: AIOKafkaConsumer, positions: Positions, ends: Positions
    ) -> tuple[dict[TopicPartition, Any], set[TopicPartition], Unreadable]:
        """Returns the first record at or after each position, the partitions that were not read, and why, if known."""
        first: dict[TopicPartition, Any] = {}
        unreadable: Unreadable = {}
        waiting, unread = set(positions), set[TopicPartition]()
        deadline = time.monotonic() + RECORDS_TIMEOUT_S
        self._assign(consumer, positions)
        while waiting and time.monotonic() < deadline:
            seen = len(first)
            for partition in sorted(waiting):
                try:
                    record = await _next_record(consumer, partition)
                except UnreadableRecord as error:
                    unreadable[partition] = error
                    unread.add(partition)
                else:
                    if record is not None:
                        first[partition] = record
            waiting = {
                partition
                for partition in waiting - unread
                if partition not in first and await consumer.position(partition) < ends[partition]
            }
            if waiting and len(first) == seen:
                await asyncio.sleep(POLL_S)
        return first, waiting | unread, unreadable

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


async def _coordinated(ask: Callable[[], Awaitable[Answer]]) -> Answer:
    """Asks a group's coordinator, again while there is none within COORDINATOR_TIMEOUT_S. Raises KafkaError."""
    deadline = time.monotonic() + COORDINATOR_TIMEOUT_S
    while True:
        try:
            return await ask()
        except KafkaError as error:
            if not error.retriable or time.monotonic() > deadline:
                raise
        await asyncio.sleep(RETRY_S)


def _age_s(timestamp_ms: int) -> float:
    return max(0.0, time.time() - timestamp_ms / 1_000)


def _assigned_partitions(member: GroupMember) -> list[tuple[str, int]]:
    if not member.assignment:
        return []
    assigned = ConsumerProtocolMemberAssignment.decode(member.assignment).assignment
    return [(topic, partition) for topic, partitions in assigned for partition in partitions]


async def _next_record(consumer: AIOKafkaConsumer, place: TopicPartition) -> Any:
    """Returns the next record of a partition if it has been fetched, else None. Raises UnreadableRecord."""
    try:
        # One at a time: the client loses the records that it parsed before one that it can't parse.
        records = await consumer.getmany(place, timeout_ms=0, max_records=1)
    except KafkaError:
        raise
    except Exception as error:
        raise UnreadableRecord(place, await consumer.position(place), error) from error
    return records[place][0] if records else None


def _text(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


async def _not_passed(admin: AIOKafkaAdminClient, group: str, unreadable: Unreadable) -> list[str]:
    """Returns complaints about records that no client can read, unless the group passes them within PASSING_S."""
    left, deadline = dict(unreadable), time.monotonic() + PASSING_S
    while left and time.monotonic() < deadline:
        await asyncio.sleep(RETRY_S)
        committed = await _coordinated(partial(admin.list_consumer_group_offsets, group))
        positions = {partition: committed[partition].offset for partition in left if partition in committed}
        left = {partition: error for partition, error in left.items() if positions.get(partition, 0) <= error.offset}
    return [str(error) for error in left.values()]
