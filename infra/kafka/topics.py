"""Declarations of all topics, and their creation on the cluster."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from infra.errors import TopicError
from infra.kafka.client_config import client_config
from infra.kafka.replication import IN_SYNC, copies
from infra.principal import ADMIN
from infra.settings import Settings

if TYPE_CHECKING:
    from confluent_kafka.admin import AdminClient, ConfigEntry

MIB = 1024 * 1024
ADMIN_TIMEOUT_S = 30.0
POLL_S = 0.02
STAMPS, APPEND_TIME = "message.timestamp.type", "LogAppendTime"
"""The broker stamps records: a client's stamp could move a shard's clock, and one from a wrong clock is refused."""
KEEP_FOR_EVER = {"retention.ms": "-1", "retention.bytes": "-1"}
"""Stated for each topic, because the defaults of a managed cluster delete inputs."""
DLQ_PREFIX = "dlq."
DLQ_MARGIN_BYTES = MIB // 4  # A dead letter has the original record and additional headers.


class PartitionCounts(Protocol):
    """The numbers of partitions: settings, or a core's configuration."""

    @property
    def account_partitions(self) -> int: ...

    @property
    def execution_partitions(self) -> int: ...


class Partitions(Enum):
    """The setting that gives a topic its number of partitions."""

    ACCOUNT = "account"
    EXECUTION = "execution"
    SINGLE = "single"

    def count(self, settings: PartitionCounts) -> int:
        """Returns the number of partitions."""
        counts = {
            Partitions.ACCOUNT: settings.account_partitions,
            Partitions.EXECUTION: settings.execution_partitions,
            Partitions.SINGLE: 1,
        }
        return counts[self]


SETTING_NAMES = {Partitions.ACCOUNT: "ACCOUNT_PARTITIONS", Partitions.EXECUTION: "EXECUTION_PARTITIONS"}


class Key(Enum):
    """The content of a topic's keys."""

    ACCOUNT = "account_id"
    SYMBOL = "symbol"
    ACCOUNT_SYMBOL = "account_id+symbol"
    BROADCAST = "none: one copy to each partition"
    PARTITION = "partition"
    SHARD = "shard"
    SUITE = "suite"
    STRATEGY = "strategy_id"


@dataclass(frozen=True)
class Topic:
    """The declaration of a topic.

    Attributes:
        name: without TOPIC_PREFIX.
        compacted: whether only the newest record of each key is kept; otherwise all records are kept for ever.
        max_message_bytes: largest record batch that the broker accepts.
        consumed: whether a shard or the sink may refuse a record, so that `dlq.<name>` exists too.
        has_schema: whether values are Avro in Confluent wire format, with schema `schemas/avsc/<name>.avsc`.
    """

    name: str
    partitions: Partitions
    key: Key
    compacted: bool = False
    max_message_bytes: int = MIB
    consumed: bool = True
    has_schema: bool = True

    def config(self) -> dict[str, str]:
        """Returns Kafka's topic configuration, with values as the broker reports them."""
        common = {"max.message.bytes": str(self.max_message_bytes), STAMPS: APPEND_TIME, **KEEP_FOR_EVER}
        if not self.compacted:
            return common | {"cleanup.policy": "delete"}
        # Segments are small because only closed segments are compacted, and recovery reads the whole topic.
        return common | {
            "cleanup.policy": "compact",
            "segment.bytes": str(16 * MIB),
            "min.cleanable.dirty.ratio": "0.1",
        }

    def dead_letters(self) -> Topic:
        """Returns the topic for records of this topic that could not be processed."""
        return Topic(
            name=DLQ_PREFIX + self.name,
            partitions=Partitions.SINGLE,
            key=self.key,
            max_message_bytes=self.max_message_bytes + DLQ_MARGIN_BYTES,
            consumed=False,
            has_schema=False,
        )


_ACCOUNT, _EXECUTION, _SINGLE = Partitions.ACCOUNT, Partitions.EXECUTION, Partitions.SINGLE

TOPICS: tuple[Topic, ...] = (
    Topic("orders", _ACCOUNT, Key.ACCOUNT),
    Topic("orders.approved", _EXECUTION, Key.SYMBOL),
    Topic("market.data", _EXECUTION, Key.SYMBOL, max_message_bytes=4 * MIB),
    Topic("executions", _ACCOUNT, Key.ACCOUNT),
    Topic("order.results", _ACCOUNT, Key.ACCOUNT),
    Topic("fills", _ACCOUNT, Key.ACCOUNT),
    Topic("positions", _ACCOUNT, Key.ACCOUNT_SYMBOL, compacted=True),
    Topic("account.equity", _ACCOUNT, Key.ACCOUNT),
    Topic("risk.events", _ACCOUNT, Key.ACCOUNT),
    Topic("marks", _ACCOUNT, Key.BROADCAST),
    Topic("controls", _ACCOUNT, Key.ACCOUNT),
    Topic("desk", _ACCOUNT, Key.SHARD),
    Topic("orders.live", _EXECUTION, Key.SYMBOL),
    Topic("test.results", _SINGLE, Key.SUITE),
    Topic("gate.decisions", _SINGLE, Key.STRATEGY),
    Topic("journal.accounts", _ACCOUNT, Key.PARTITION),
    Topic("journal.execution", _EXECUTION, Key.PARTITION),
    Topic("snapshots.accounts", _ACCOUNT, Key.SHARD, compacted=True, max_message_bytes=4 * MIB),
    Topic("snapshots.execution", _EXECUTION, Key.SHARD, compacted=True, max_message_bytes=4 * MIB),
)
DEAD_LETTER_TOPICS: tuple[Topic, ...] = tuple(t.dead_letters() for t in TOPICS if t.consumed)
BY_NAME: dict[str, Topic] = {t.name: t for t in TOPICS + DEAD_LETTER_TOPICS}


def topic_name(settings: Settings, base: str) -> str:
    """Returns the name of a declared topic on the cluster.

    Raises:
        TopicError: `base` is not declared.
    """
    if base not in BY_NAME:
        raise TopicError(f"topic {base}: not declared; add it to infra/kafka/topics.py")
    return settings.topic_prefix + base


def dead_letter_topic(base: str) -> str:
    """Returns the base name of the dead-letter topic of `base`; apply `topic_name` to it."""
    return DLQ_PREFIX + base


def partition_count(settings: Settings, base: str) -> int:
    """Returns the declared number of partitions of a topic."""
    return BY_NAME[base].partitions.count(settings)


@dataclass(frozen=True)
class Ensured:
    """The result of `ensure_topics`, as full names."""

    created: list[str] = field(default_factory=list)
    existing: list[str] = field(default_factory=list)


def ensure_topics(settings: Settings) -> Ensured:
    """Creates the missing topics and checks the existing ones. May be called at any time.

    Older topics, which took the producers' time stamps, are changed to the broker's.

    Raises:
        TopicError: the broker refused a topic, or a topic differs from its declaration.
        confluent_kafka.KafkaException: the broker does not answer.
    """
    from confluent_kafka.admin import AdminClient

    admin = AdminClient(client_config(settings, ADMIN))
    declared = {topic_name(settings, topic.name): topic for topic in BY_NAME.values()}
    present = _partitions(admin)
    missing = [name for name in declared if name not in present]
    _create(settings, admin, {name: declared[name] for name in missing})
    present = _wait_until_known(admin, set(declared))
    _take_append_time(admin, declared)
    counts = [partition_difference(settings, topic.name, present[name]) for name, topic in declared.items()]
    differences = [sentence for sentence in counts if sentence] + _config_differences(admin, declared)
    if differences:
        raise TopicError("topics differ from infra/kafka/topics.py:\n  " + "\n  ".join(differences))
    return Ensured(created=missing, existing=[name for name in declared if name not in missing])


def _partitions(admin: AdminClient) -> dict[str, int]:
    """Returns the number of partitions of each topic whose partitions all have a leader."""
    return {
        name: len(topic.partitions)
        for name, topic in admin.list_topics(timeout=ADMIN_TIMEOUT_S).topics.items()
        if topic.partitions and all(partition.leader >= 0 for partition in topic.partitions.values())
    }


def _wait_until_known(admin: AdminClient, names: set[str]) -> dict[str, int]:
    """Waits until the broker serves all topics, which happens shortly after the controller has created them."""
    deadline = time.monotonic() + ADMIN_TIMEOUT_S
    while not names <= (present := _partitions(admin)).keys():
        if time.monotonic() > deadline:
            unknown = ", ".join(sorted(names - present.keys()))
            raise TopicError(f"topics without a leader after {ADMIN_TIMEOUT_S:.0f} s: {unknown}; read kafka's log")
        time.sleep(POLL_S)
    return present


def delete_topics(settings: Settings, names: Iterable[str]) -> None:
    """Deletes topics and all their records. names: full names.

    Raises:
        confluent_kafka.KafkaException: the broker refused to delete a topic.
    """
    from confluent_kafka.admin import AdminClient

    names = list(names)
    if not names:
        return
    admin = AdminClient(client_config(settings, ADMIN))
    for future in admin.delete_topics(names, operation_timeout=ADMIN_TIMEOUT_S).values():
        future.result(ADMIN_TIMEOUT_S)


def _create(settings: Settings, admin: AdminClient, topics: dict[str, Topic]) -> None:
    from confluent_kafka import KafkaError, KafkaException
    from confluent_kafka.admin import NewTopic

    if not topics:
        return
    wanted = copies(settings, len(admin.list_topics(timeout=ADMIN_TIMEOUT_S).brokers))
    new = [
        NewTopic(
            name,
            num_partitions=topic.partitions.count(settings),
            replication_factor=wanted.replicas,
            config=topic.config() | {IN_SYNC: str(wanted.in_sync)},
        )
        for name, topic in topics.items()
    ]
    for name, future in admin.create_topics(new, operation_timeout=ADMIN_TIMEOUT_S).items():
        try:
            future.result(ADMIN_TIMEOUT_S)
        except KafkaException as error:
            # Another process may be creating the same topics.
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise TopicError(f"topic {name}: the broker refused it: {error.args[0].str()}") from error


def partition_difference(settings: Settings, base: str, present: int) -> str:
    """Returns a sentence if a topic has another number of partitions than the settings declare, else an empty text."""
    partitions = BY_NAME[base].partitions
    declared = partitions.count(settings)
    if present == declared:
        return ""
    setting = SETTING_NAMES.get(partitions)
    remedy = f" by {setting}; set {setting}={present}" if setting else ""
    return (
        f"{topic_name(settings, base)}: {present} partitions, declared {declared}{remedy}. Another number would move "
        "keys between shards; for another number, use another TOPIC_PREFIX and RUN_ID"
    )


def _take_append_time(admin: AdminClient, topics: Iterable[str]) -> None:
    """Lets the broker stamp the records of topics that take other stamps, and waits until it does."""
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

    deadline = time.monotonic() + ADMIN_TIMEOUT_S
    change = ConfigEntry(STAMPS, APPEND_TIME, incremental_operation=AlterConfigOpType.SET)
    others = _with_other_stamps(admin, topics)
    if not others:
        return
    changes = [ConfigResource(ResourceType.TOPIC, name, incremental_configs=[change]) for name in others]
    for resource, future in admin.incremental_alter_configs(changes, request_timeout=ADMIN_TIMEOUT_S).items():
        try:
            future.result(ADMIN_TIMEOUT_S)
        except KafkaException as error:
            text = f"topic {resource.name}: the broker refused {STAMPS}={APPEND_TIME}: {error.args[0].str()}"
            raise TopicError(text) from error
    while left := _with_other_stamps(admin, others):
        if time.monotonic() > deadline:
            raise TopicError(f"{', '.join(left)}: {STAMPS} was set to {APPEND_TIME} and is not; read kafka's log")
        time.sleep(POLL_S)


def _with_other_stamps(admin: AdminClient, topics: Iterable[str]) -> list[str]:
    return [name for name, actual in _configs(admin, topics).items() if actual[STAMPS].value != APPEND_TIME]


def _configs(admin: AdminClient, topics: Iterable[str]) -> dict[str, dict[str, ConfigEntry]]:
    """Returns the configuration of topics by their names."""
    from confluent_kafka.admin import ConfigResource, ResourceType

    resources = [ConfigResource(ResourceType.TOPIC, name) for name in topics]
    if not resources:
        return {}
    described = admin.describe_configs(resources, request_timeout=ADMIN_TIMEOUT_S)
    return {resource.name: future.result(ADMIN_TIMEOUT_S) for resource, future in described.items()}


def _config_differences(admin: AdminClient, topics: dict[str, Topic]) -> list[str]:
    return [
        f"{name}: {key} is {actual[key].value}, declared {value}. Correct it with "
        f"kafka-configs --alter --topic {name} --add-config {key}={value}"
        for name, actual in _configs(admin, topics).items()
        for key, value in topics[name].config().items()
        if actual[key].value != value
    ]
