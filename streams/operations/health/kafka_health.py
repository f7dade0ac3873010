"""What Kafka tells of a pipeline: how far its groups are, who reads what, how old snapshots are.

Groups commit their positions for this only; what counts is in the journals and tables. The client is aiokafka:
librdkafka's admin client ends the whole process when a broker dies during a group request (its issue 3663).
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
from infra.kafka.topics import BY_NAME, partition_count, topic_name
from infra.settings import Settings
from schemas.avro.codec import Codec
from schemas.errors import RegistryUnavailable
from streams.operations.health.health import Lag, Owner, SnapshotAge
from streams.pipeline.journal.kinds import KINDS

READ_TIMEOUT_S = 15.0
REQUEST_TIMEOUT_MS = 5_000
TAILS_TIMEOUT_S = 3.0
POLL_MS = 200
TAIL_OFFSETS = 8
MS_PER_S = 1_000
UUID_CHARACTERS = 36

Positions = dict[TopicPartition, int]


class KafkaHealth(NamedTuple):
    """See streams.operations.health.health.Health."""

    lag: list[Lag]
    owners: list[Owner]
    members: dict[str, list[str]]
    snapshots: list[SnapshotAge]


class KafkaHealthReader:
    """Asks one cluster about one pipeline. groups: consumer group to the base topics that it reads."""

    def __init__(self, settings: Settings, codec: Codec, groups: Mapping[str, list[str]]) -> None:
        self._settings = settings
        self._codec = codec
        self._groups = groups
        self._base = {topic_name(settings, topic): topic for topic in BY_NAME}

    def read(self) -> KafkaHealth:
        """Everything, within READ_TIMEOUT_S.

        Raises:
            TopicError: topics are missing.
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
            missing = self._base.keys() - await consumer.topics()
            if missing:
                raise TopicError(
                    f"topics are missing, {min(missing)} among them; `paper up` or `paper prepare` makes them"
                )
            # At once: asking for offsets of topics that the client does not know yet takes 0.1 s for each.
            await consumer._client.set_topics(list(self._base))
            members, owners = await self._members(admin)
            return KafkaHealth(await self._lag(admin, consumer), owners, members, await self._snapshots(consumer))
        finally:
            await consumer.stop()
            await admin.close()

    async def _members(self, admin: AIOKafkaAdminClient) -> tuple[dict[str, list[str]], list[Owner]]:
        members: dict[str, list[str]] = {}
        owners = []
        for group in self._groups:
            # One group a request: aiokafka 0.14 misreads an answer with several.
            (response,) = await admin.describe_consumer_groups([group])
            ((_, _, _, _, _, described, *_),) = response.groups
            members[group] = sorted(_name(member_id) for member_id, *_ in described)
            for member_id, _, _, _, assignment in described:
                owners += [
                    Owner(group, self._base[topic], partition, _name(member_id))
                    for topic, partition in _assigned(assignment)
                    if topic in self._base
                ]
        return members, sorted(owners)

    async def _lag(self, admin: AIOKafkaAdminClient, consumer: AIOKafkaConsumer) -> list[Lag]:
        places = self._places({topic for topics in self._groups.values() for topic in topics})
        starts, ends = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
        found = []
        for group, topics in self._groups.items():
            committed = await admin.list_consumer_group_offsets(group)
            read = [place for place in places if self._base[place.topic] in topics]
            positions = {
                place: max(committed[place].offset if place in committed else 0, starts[place]) for place in read
            }
            behind = {place: position for place, position in positions.items() if position < ends[place]}
            first, unread = await self._first_records(consumer, behind, ends)
            for place, position in positions.items():
                lag = Lag(group, self._base[place.topic], place.partition, 0, 0.0, position)
                if place in first or place in unread:
                    seconds = _age(first[place].timestamp) if place in first else None
                    lag = lag._replace(records=ends[place] - position, seconds=seconds)
                found.append(lag)
        return found

    async def _snapshots(self, consumer: AIOKafkaConsumer) -> list[SnapshotAge]:
        kinds = {topic_name(self._settings, kind.snapshots): kind for kind in KINDS}
        ends = await consumer.end_offsets(self._places(kind.snapshots for kind in KINDS))
        waiting = {place: max(end - TAIL_OFFSETS, 0) for place, end in ends.items() if end}
        newest: dict[TopicPartition, Any] = {}
        deadline = time.monotonic() + TAILS_TIMEOUT_S
        self._assign(consumer, waiting)
        while waiting and time.monotonic() < deadline:
            for place, records in (await consumer.getmany(timeout_ms=POLL_MS)).items():
                newest[place] = records[-1]
            waiting = {place: 0 for place in waiting if await consumer.position(place) < ends[place]}
        return [
            SnapshotAge(
                kinds[place.topic].shard_name(place.partition),
                self._sequence(kinds[place.topic].snapshots, record.value),
                _age(record.timestamp),
            )
            for place, record in sorted(newest.items())
        ]

    async def _first_records(
        self, consumer: AIOKafkaConsumer, positions: Positions, ends: Positions
    ) -> tuple[dict[TopicPartition, Any], set[TopicPartition]]:
        """The first record at or behind each position, and the places where it was not read in time."""
        first: dict[TopicPartition, Any] = {}
        waiting = set(positions)
        deadline = time.monotonic() + TAILS_TIMEOUT_S
        self._assign(consumer, positions)
        while waiting and time.monotonic() < deadline:
            for place, records in (await consumer.getmany(*waiting, timeout_ms=POLL_MS, max_records=1)).items():
                first[place] = records[0]
            waiting = {
                place for place in waiting if place not in first and await consumer.position(place) < ends[place]
            }
        return first, waiting

    @staticmethod
    def _assign(consumer: AIOKafkaConsumer, positions: Positions) -> None:
        consumer.assign(list(positions))
        for place, position in positions.items():
            consumer.seek(place, position)

    def _places(self, topics: Iterable[str]) -> list[TopicPartition]:
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


def _age(timestamp_ms: int) -> float:
    return max(0.0, time.time() - timestamp_ms / MS_PER_S)


def _name(member_id: str) -> str:
    """The group.instance.id, or else the client id: brokers append a UUID."""
    return member_id[: -UUID_CHARACTERS - 1]


def _assigned(assignment: bytes) -> Iterable[tuple[str, int]]:
    if not assignment:
        return
    for topic, partitions in ConsumerProtocolMemberAssignment.decode(assignment).assignment:
        for partition in partitions:
            yield topic, partition
