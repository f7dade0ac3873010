"""Topics whose records do not survive the loss of a machine are named with a remedy."""

from __future__ import annotations

import pytest
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from infra.kafka.durability import TopicDurability, ensure_durable, too_few_copies, unflushed
from infra.kafka.replication import Copies
from infra.kafka.topics import topic_name
from infra.settings import Settings

TIMEOUT_S = 30
SAFE = TopicDurability(replicas=3, in_sync=2, flush_messages=2**63 - 1, flush_ms=2**63 - 1)
CLUSTER = Copies(replicas=3, in_sync=2)
FLUSHED = TopicDurability(replicas=1, in_sync=1, flush_messages=2**63 - 1, flush_ms=1_000)


@pytest.mark.parametrize(
    ("topic", "named"),
    [
        (SAFE, []),
        (SAFE._replace(replicas=2), ["orders: 2 replicas, at least 3 are needed"]),
        (SAFE._replace(in_sync=1), ["orders: min.insync.replicas is 1, at least 2 is needed"]),
        (SAFE._replace(unclean=True), ["orders: unclean.leader.election.enable is true"]),
        (FLUSHED, ["orders: 1 replicas, at least 3", "orders: min.insync.replicas is 1"]),
    ],
)
def test_topics_of_a_cluster_need_copies(topic: TopicDurability, named: list[str]) -> None:
    found = too_few_copies({"fills": SAFE, "orders": topic}, CLUSTER)
    assert len(found) == len(named)
    assert all(text.startswith(start) for text, start in zip(found, named, strict=True))


@pytest.mark.parametrize(
    ("topic", "weak"),
    [
        (FLUSHED, False),
        (FLUSHED._replace(flush_ms=1_001), True),
        (FLUSHED._replace(flush_ms=2**63 - 1, flush_messages=1), False),
        (SAFE, True),
    ],
)
def test_topics_of_a_single_broker_need_the_disk(topic: TopicDurability, weak: bool) -> None:
    found = unflushed({"fills": FLUSHED, "orders": topic})
    assert [text.partition(": ")[0] for text in found] == [
        "a power cut may cost more than the last 1 s of orders"
    ] * weak


def test_many_weak_topics_are_counted() -> None:
    (said, _) = too_few_copies({f"topic-{number}": FLUSHED for number in range(7)}, CLUSTER)
    assert said.startswith("topic-0, topic-1, topic-2 and 4 other topics: ")


def test_the_local_broker_is_checked(pipeline_settings: Settings) -> None:
    assert ensure_durable(pipeline_settings) == []
    topic = topic_name(pipeline_settings, "journal.accounts")
    resource = ConfigResource(ResourceType.TOPIC, topic)
    resource.add_incremental_config(ConfigEntry("flush.ms", "60000", incremental_operation=AlterConfigOpType.SET))
    admin = AdminClient({"bootstrap.servers": pipeline_settings.kafka_bootstrap_servers})
    (altered,) = admin.incremental_alter_configs([resource]).values()
    altered.result(TIMEOUT_S)
    (warning,) = ensure_durable(pipeline_settings)
    assert warning.startswith(f"a power cut may cost more than the last 1 s of {topic}: ")
    assert "log.flush.interval.ms=1000" in warning
