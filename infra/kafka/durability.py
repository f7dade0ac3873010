"""Checks that records survive the loss of a broker's machine: by replicas on a cluster, by fsync on a single broker.

Kafka acknowledges a record when the brokers that must have it hold it in memory. The system writes it to disk later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from infra.errors import TopicError
from infra.kafka.client_config import client_config
from infra.kafka.replication import IN_SYNC, REPLICAS_MIN, Copies, copies
from infra.kafka.topics import ADMIN_TIMEOUT_S, BY_NAME, topic_name
from infra.principal import ADMIN
from infra.settings import Settings

if TYPE_CHECKING:
    from confluent_kafka.admin import AdminClient

FLUSH_MS_MAX = 1_000
"""Longest time after which a single broker writes its records to the disk."""
NAMED = 3
TRANSACTIONS = "__transaction_state"
UNCLEAN = "unclean.leader.election.enable"


class TopicDurability(NamedTuple):
    """The durability of a topic.

    flush_ms: after the broker has looked whether a flush is due, which it does too. unclean: whether a copy that lacks
    acknowledged records may become the leader.
    """

    replicas: int
    in_sync: int
    flush_messages: int
    flush_ms: int
    unclean: bool = False


def ensure_durable(settings: Settings) -> list[str]:
    """Checks the topics of a pipeline and the broker's log of transactions. Returns warnings.

    Raises:
        TopicError: the topics of a cluster lose acknowledged records with one of its machines.
        confluent_kafka.KafkaException: the broker does not answer.
    """
    from confluent_kafka.admin import AdminClient

    admin = AdminClient(client_config(settings, ADMIN))
    brokers = len(admin.list_topics(timeout=ADMIN_TIMEOUT_S).brokers)
    topics = _read(admin, [topic_name(settings, base) for base in BY_NAME])
    if brokers == 1:
        return unflushed(topics)
    weak = too_few_copies(topics, copies(settings, brokers))
    if weak:
        raise TopicError("\n  ".join(["the cluster may lose records that it has acknowledged:", *weak]))
    return []


def too_few_copies(topics: dict[str, TopicDurability], wanted: Copies) -> list[str]:
    """Returns what is missing until the topics of a cluster survive the loss of a machine; nothing if they do."""
    few = [name for name, topic in topics.items() if topic.replicas < wanted.replicas]
    lone = [name for name, topic in topics.items() if topic.in_sync < wanted.in_sync]
    unclean = [name for name, topic in topics.items() if topic.unclean]
    found = []
    if few:
        found.append(
            f"{_named(few)}: {topics[few[0]].replicas} replicas, at least {wanted.replicas} are needed. Move the "
            "partitions with kafka-reassign-partitions, and set default.replication.factor and "
            f"transaction.state.log.replication.factor to {wanted.replicas} on all brokers before topics are created"
        )
    if lone:
        found.append(
            f"{_named(lone)}: min.insync.replicas is {topics[lone[0]].in_sync}, at least {wanted.in_sync} is needed. "
            f"Correct it with kafka-configs --alter --topic {lone[0]} --add-config {IN_SYNC}={wanted.in_sync}, "
            "and set it on all brokers for topics to come"
        )
    if unclean:
        found.append(
            f"{_named(unclean)}: {UNCLEAN} is true, so a copy without the last acknowledged records may take over. "
            f"Correct it with kafka-configs --alter --topic {unclean[0]} --add-config {UNCLEAN}=false"
        )
    return found


def unflushed(topics: dict[str, TopicDurability]) -> list[str]:
    """Returns what a power cut can cost the topics of a single broker; nothing if that is at most FLUSH_MS_MAX."""
    late = [name for name, topic in topics.items() if topic.flush_messages > 1 and topic.flush_ms > FLUSH_MS_MAX]
    if not late:
        return []
    return [
        f"a power cut may cost more than the last {FLUSH_MS_MAX / 1000:.0f} s of {_named(late)}: the broker leaves it "
        f"to the system when records reach the disk; set log.flush.interval.ms={FLUSH_MS_MAX} and "
        f"log.flush.scheduler.interval.ms={FLUSH_MS_MAX} on the broker, or use a cluster of {REPLICAS_MIN} brokers; "
        "`paper down` and `paper up` does it for the local one"
    ]


def _named(topics: list[str]) -> str:
    rest = len(topics) - NAMED
    return ", ".join(topics[:NAMED]) + (f" and {rest} other topics" if rest > 0 else "")


def _read(admin: AdminClient, names: list[str]) -> dict[str, TopicDurability]:
    """Returns the durability of topics, and of the log of transactions as it is or will be."""
    from confluent_kafka.admin import ConfigResource, ResourceType

    metadata = admin.list_topics(timeout=ADMIN_TIMEOUT_S)
    resources = [ConfigResource(ResourceType.TOPIC, name) for name in names]
    # librdkafka takes one broker in a call.
    calls = [resources, *([ConfigResource(ResourceType.BROKER, str(broker))] for broker in metadata.brokers)]
    configs = {
        (resource.restype, resource.name): {key: entry.value for key, entry in future.result(ADMIN_TIMEOUT_S).items()}
        for call in calls
        for resource, future in admin.describe_configs(call, request_timeout=ADMIN_TIMEOUT_S).items()
    }
    brokers = [configs[ResourceType.BROKER, str(broker)] for broker in metadata.brokers]
    looks_ms = max(int(broker["log.flush.scheduler.interval.ms"]) for broker in brokers)
    found = {}
    for name in names:
        config = configs[ResourceType.TOPIC, name]
        flush_ms = max(int(config["flush.ms"]), looks_ms)
        found[name] = TopicDurability(
            replicas=min(len(partition.replicas) for partition in metadata.topics[name].partitions.values()),
            in_sync=int(config[IN_SYNC]),
            flush_messages=int(config["flush.messages"]),
            flush_ms=flush_ms,
            unclean=config.get(UNCLEAN) == "true",
        )
    found[TRANSACTIONS] = TopicDurability(
        min(int(broker["transaction.state.log.replication.factor"]) for broker in brokers),
        min(int(broker["transaction.state.log.min.isr"]) for broker in brokers),
        max(int(broker["log.flush.interval.messages"]) for broker in brokers),
        max(max(int(broker["log.flush.interval.ms"] or looks_ms) for broker in brokers), looks_ms),
    )
    return found
