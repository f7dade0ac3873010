"""What Kafka tells of a pipeline: how far its groups are, who reads what, how old snapshots are.

Groups commit their positions for this only; what counts is in the journals and tables.
"""

import time
from collections.abc import Iterable
from typing import NamedTuple

from confluent_kafka import (
    Consumer,
    ConsumerGroupTopicPartitions,
    IsolationLevel,
    KafkaError,
    Message,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, MemberDescription, OffsetSpec

from infra.settings import Settings
from infra.topics import BY_NAME, partition_count, topic_name
from schemas.codec import Codec
from schemas.errors import RegistryUnavailable
from streams.health.model import Lag, Owner, SnapshotAge
from streams.journal.kinds import KINDS

REQUEST_TIMEOUT_S = 5.0
TAILS_TIMEOUT_S = 4.0
TAIL_OFFSETS = 8
MS_PER_S = 1_000
NO_RECORD = -1
EARLIEST: OffsetSpec = OffsetSpec.earliest()  # type: ignore[no-untyped-call]
LATEST: OffsetSpec = OffsetSpec.latest()  # type: ignore[no-untyped-call]
LOG_WARNING = 4

Place = tuple[str, int]
"""Base topic and partition."""


class KafkaHealth(NamedTuple):
    """See streams.health.model.Health."""

    lag: list[Lag]
    owners: list[Owner]
    members: dict[str, list[str]]
    snapshots: list[SnapshotAge]


class KafkaHealthReader:
    """Asks one cluster about one pipeline."""

    def __init__(self, settings: Settings, codec: Codec, groups: dict[str, list[str]]) -> None:
        """groups: consumer group to the base topics that it reads."""
        self._settings = settings
        self._codec = codec
        self._groups = groups
        self._base = {topic_name(settings, topic): topic for topic in BY_NAME}
        self._admin = AdminClient({"bootstrap.servers": settings.kafka_bootstrap_servers, "log_level": LOG_WARNING})

    def read(self) -> KafkaHealth:
        """Everything, within some seconds. Raises KafkaException where Kafka does not answer or topics are missing."""
        members = self._members()
        owners = [
            Owner(group, self._base[place.topic], place.partition, _name(member))
            for group, described in members.items()
            for member in described
            for place in member.assignment.topic_partitions
            if place.topic in self._base
        ]
        names = {group: sorted(_name(member) for member in described) for group, described in members.items()}
        return KafkaHealth(self._lag(), sorted(owners), names, self._snapshots())

    def _members(self) -> dict[str, list[MemberDescription]]:
        answers = self._admin.describe_consumer_groups(list(self._groups), request_timeout=REQUEST_TIMEOUT_S)
        return {group: list(answer.result(REQUEST_TIMEOUT_S).members) for group, answer in answers.items()}

    def _lag(self) -> list[Lag]:
        places = [
            (topic, partition)
            for topic in sorted({topic for topics in self._groups.values() for topic in topics})
            for partition in range(partition_count(self._settings, topic))
        ]
        starts, ends = self._offsets(places, EARLIEST), self._offsets(places, LATEST)
        found = []
        for group, topics in self._groups.items():
            committed = self._committed(group)
            positions = {place: max(committed.get(place, 0), starts[place]) for place in places if place[0] in topics}
            behind = {place: position for place, position in positions.items() if position < ends[place]}
            times = self._first_times(behind)
            for (topic, partition), position in positions.items():
                lag = Lag(group, topic, partition, 0, 0.0, position)
                first = times.get((topic, partition))
                if (topic, partition) in behind and first != NO_RECORD:
                    age = None if first is None else _age(first)
                    lag = lag._replace(records=ends[topic, partition] - position, seconds=age)
                found.append(lag)
        return found

    def _offsets(self, places: Iterable[Place], which: OffsetSpec) -> dict[Place, int]:
        asked = {self._place(place): which for place in places}
        answers = self._admin.list_offsets(
            asked, isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=REQUEST_TIMEOUT_S
        )
        return {
            (self._base[place.topic], place.partition): answer.result(REQUEST_TIMEOUT_S).offset
            for place, answer in answers.items()
        }

    def _committed(self, group: str) -> dict[Place, int]:
        asked = [ConsumerGroupTopicPartitions(group)]
        (answer,) = self._admin.list_consumer_group_offsets(asked, request_timeout=REQUEST_TIMEOUT_S).values()
        places = answer.result(REQUEST_TIMEOUT_S).topic_partitions
        return {(self._base[p.topic], p.partition): p.offset for p in places if p.topic in self._base and p.offset >= 0}

    def _first_times(self, positions: dict[Place, int]) -> dict[Place, int]:
        """Kafka time in ms of the first record at or after each position; NO_RECORD where none is there."""
        times: dict[Place, int] = {}
        for place, message in self._read(positions):
            times.setdefault(place, NO_RECORD if message is None else message.timestamp()[1])
        return times

    def _snapshots(self) -> list[SnapshotAge]:
        kinds = {kind.snapshots: kind for kind in KINDS}
        places = [(topic, p) for topic in kinds for p in range(partition_count(self._settings, topic))]
        ends = self._offsets(places, LATEST)
        tails = {place: max(end - TAIL_OFFSETS, 0) for place, end in ends.items() if end}
        newest = {place: message for place, message in self._read(tails, to_end=True) if message is not None}
        return [
            SnapshotAge(
                kinds[topic].shard_name(partition), self._sequence(topic, message), _age(message.timestamp()[1]) or 0
            )
            for (topic, partition), message in sorted(newest.items(), key=lambda item: item[0])
        ]

    def _sequence(self, topic: str, message: Message) -> int | None:
        value = message.value()
        assert isinstance(value, bytes)
        try:
            sequence: int = self._codec.decode(topic, value).sequence
        except RegistryUnavailable:
            return None
        return sequence

    def _read(self, positions: dict[Place, int], to_end: bool = False) -> Iterable[tuple[Place, Message | None]]:
        """Records from positions on, each partition's end as None, until all have begun (or ended) or time is up."""
        waiting = set(positions)
        if not waiting:
            return
        consumer = Consumer(_consumer_configuration(self._settings))
        try:
            consumer.assign([self._place(place, offset) for place, offset in positions.items()])
            deadline = time.monotonic() + TAILS_TIMEOUT_S
            while waiting and time.monotonic() < deadline:
                for message in consumer.consume(1_000, timeout=0.1):
                    error = message.error()
                    place = (self._base[str(message.topic())], int(message.partition() or 0))
                    if error is None:
                        yield place, message
                    elif error.code() == KafkaError._PARTITION_EOF:
                        yield place, None
                    else:
                        continue
                    if error is not None or not to_end:
                        waiting.discard(place)
        finally:
            consumer.close()

    def _place(self, place: Place, offset: int | None = None) -> TopicPartition:
        name = topic_name(self._settings, place[0])
        return TopicPartition(name, place[1]) if offset is None else TopicPartition(name, place[1], offset)


def _age(timestamp_ms: int) -> float:
    return max(0.0, time.time() - timestamp_ms / MS_PER_S)


def _name(member: MemberDescription) -> str:
    return member.group_instance_id or f"{member.client_id}@{member.host}"


def _consumer_configuration(settings: Settings) -> dict[str, str | int | bool]:
    return {
        "bootstrap.servers": settings.kafka_bootstrap_servers,
        "group.id": f"{settings.topic_prefix}health",
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        "isolation.level": "read_committed",
        "auto.offset.reset": "earliest",
        "fetch.message.max.bytes": 65_536,
        "queued.max.messages.kbytes": 1_024,
        "log_level": LOG_WARNING,
    }
