"""Topics are declared completely, and the cluster is changed or checked to match."""

from __future__ import annotations

import dataclasses
import time
import uuid
from collections.abc import Iterator

import pytest
from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

from infra.errors import TopicError
from infra.kafka import topics
from infra.kafka.topics import BY_NAME, TOPICS, Partitions, delete_topics, ensure_topics, topic_name
from infra.settings import REPOSITORY, Settings

TIMEOUT_S = 30


@pytest.fixture
def settings(stack: Settings) -> Iterator[Settings]:
    """Returns settings with a topic prefix for this test; it needs no schemas and tables."""
    prefix = f"topics-{uuid.uuid4()}."
    settings = stack.model_copy(update={"topic_prefix": prefix, "account_partitions": 3, "execution_partitions": 2})
    try:
        yield settings
    finally:
        present = admin_of(settings).list_topics(timeout=TIMEOUT_S)
        delete_topics(settings, [name for name in present.topics if name.startswith(settings.topic_prefix)])


def admin_of(settings: Settings) -> AdminClient:
    return AdminClient({"bootstrap.servers": settings.kafka_bootstrap_servers})


def test_every_topic_with_a_schema_has_one_and_the_other_way_round() -> None:
    declared = {topic.name for topic in TOPICS if topic.has_schema}
    assert declared == {path.stem for path in (REPOSITORY / "schemas" / "avsc").glob("*.avsc")}


def test_inputs_of_a_shard_have_the_same_partitions() -> None:
    for kind, names in {
        Partitions.ACCOUNT: ("orders", "executions", "marks", "controls", "journal.accounts", "snapshots.accounts"),
        Partitions.EXECUTION: ("orders.approved", "market.data", "journal.execution", "snapshots.execution"),
    }.items():
        assert {BY_NAME[name].partitions for name in names} == {kind}


def test_only_states_are_compacted() -> None:
    compacted = {topic.name for topic in TOPICS if topic.compacted}
    assert compacted == {"positions", "snapshots.accounts", "snapshots.execution"}


def test_a_dead_letter_topic_takes_the_largest_record_of_its_topic() -> None:
    for topic in TOPICS:
        assert topic.dead_letters().max_message_bytes > topic.max_message_bytes


def test_the_broker_takes_the_largest_record() -> None:
    lines = (REPOSITORY / "infra/stack/broker.properties").read_text().splitlines()
    broker = dict(line.split("=", 1) for line in lines if not line.startswith("#"))
    assert int(broker["message.max.bytes"]) >= max(topic.max_message_bytes for topic in BY_NAME.values())


def test_an_undeclared_topic_has_no_name(stack_free_settings: Settings) -> None:
    with pytest.raises(TopicError, match="infra/kafka/topics"):
        topic_name(stack_free_settings, "order")


@pytest.fixture
def stack_free_settings() -> Settings:
    return Settings(_env_file=None, topic_prefix="p.")


def test_the_prefix_is_part_of_every_name(stack_free_settings: Settings) -> None:
    assert topic_name(stack_free_settings, "orders") == "p.orders"
    assert topic_name(stack_free_settings, topics.dead_letter_topic("orders")) == "p.dlq.orders"


def test_topics_are_made_as_declared_and_only_once(settings: Settings) -> None:
    first = ensure_topics(settings)
    assert sorted(first.created) == sorted(topic_name(settings, name) for name in BY_NAME)
    present = admin_of(settings).list_topics(timeout=TIMEOUT_S).topics
    assert len(present[topic_name(settings, "orders")].partitions) == 3
    assert len(present[topic_name(settings, "market.data")].partitions) == 2
    assert len(present[topic_name(settings, "dlq.orders")].partitions) == 1
    assert config_of(settings, "positions")["cleanup.policy"] == "compact"
    assert config_of(settings, "orders")["retention.ms"] == "-1"
    assert config_of(settings, "dlq.orders")["message.timestamp.type"] == "LogAppendTime"
    assert config_of(settings, "market.data")["max.message.bytes"] == str(4 * 1024 * 1024)

    second = ensure_topics(settings)
    assert second.created == []
    assert sorted(second.existing) == sorted(first.created)


def config_of(settings: Settings, base: str) -> dict[str, str | None]:
    resource = ConfigResource(ResourceType.TOPIC, topic_name(settings, base))
    admin = admin_of(settings)  # Kept, because its futures end with it.
    (future,) = admin.describe_configs([resource]).values()
    return {key: entry.value for key, entry in future.result(TIMEOUT_S).items()}


def test_another_number_of_partitions_is_an_error_by_name(settings: Settings) -> None:
    ensure_topics(settings)
    more = settings.model_copy(update={"account_partitions": 5})
    with pytest.raises(TopicError, match=r"\.orders: 3 partitions, declared 5"):
        ensure_topics(more)


def test_another_configuration_is_an_error_with_a_remedy(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    ensure_topics(settings)
    larger = dataclasses.replace(BY_NAME["fills"], max_message_bytes=2 * 1024 * 1024)
    monkeypatch.setitem(BY_NAME, "fills", larger)
    with pytest.raises(TopicError, match=r"\.fills: max\.message\.bytes is 1048576, declared 2097152"):
        ensure_topics(settings)


def test_a_topic_made_meanwhile_by_another_process_is_no_error(settings: Settings) -> None:
    missing = {topic_name(settings, "orders"): BY_NAME["orders"]}
    for _ in range(2):
        topics._create(settings, admin_of(settings), missing)


HOUR_MS = 3_600_000
NOW_MS = int(time.time() * 1_000)


def stamp_of(settings: Settings, base: str, sent_ms: int) -> int | str:
    """Sends a record with a client's time stamp; returns the stamp it is read with, or the name of the error."""
    told: list[int | str] = []

    def on_delivery(error: KafkaError | None, message: Message) -> None:
        told.append(error.name() if error else message.offset() or 0)

    name, servers = topic_name(settings, base), settings.kafka_bootstrap_servers
    producer = Producer({"bootstrap.servers": servers})
    producer.produce(name, b"{}", partition=0, timestamp=sent_ms, on_delivery=on_delivery)
    producer.flush(TIMEOUT_S)
    if isinstance(told[0], str):
        return told[0]
    consumer = Consumer({"bootstrap.servers": servers, "group.id": "stamps", "enable.auto.commit": False})
    try:
        consumer.assign([TopicPartition(name, 0, told[0])])
        message = consumer.poll(TIMEOUT_S)
        assert message is not None
        return message.timestamp()[1]
    finally:
        consumer.close()


def test_no_clock_but_the_brokers_stamps_records(settings: Settings) -> None:
    """A worker whose clock was three hours ahead could write nothing: the broker refused its stamps."""
    ensure_topics(settings)
    for base in ("orders", "controls", "market.data", "executions", "marks", "orders.approved"):
        for off_ms in (3 * HOUR_MS, HOUR_MS - 60_000, -365 * 24 * HOUR_MS):
            now_ms = int(time.time() * 1_000)
            stamp = stamp_of(settings, base, now_ms + off_ms)
            assert isinstance(stamp, int), (base, off_ms, stamp)
            assert abs(stamp - now_ms) < HOUR_MS // 4


def test_a_topic_that_takes_the_clients_stamps_is_changed(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as before:
        before.setattr(topics, "APPEND_TIME", "CreateTime")
        ensure_topics(settings)
    assert stamp_of(settings, "orders", NOW_MS - HOUR_MS) == NOW_MS - HOUR_MS
    assert stamp_of(settings, "orders", NOW_MS + 3 * HOUR_MS) == "INVALID_TIMESTAMP"
    assert ensure_topics(settings).created == []
    assert stamp_of(settings, "orders", NOW_MS + 3 * HOUR_MS) != "INVALID_TIMESTAMP"
    assert {config_of(settings, base)["message.timestamp.type"] for base in BY_NAME} == {"LogAppendTime"}
