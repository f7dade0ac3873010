"""Quix Streams on the running Kafka: consume, apply, produce of a backlog, under both of its guarantees.

Kind to it: topics of one partition, values as bytes, a function that returns its argument. Joining the group and the
first fetch are not in the time; the last flush and commit are.
"""

import tempfile
import time
from typing import Any

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from quixstreams import Application
from quixstreams.kafka.configuration import ConnectionConfig

from streams.tools.bench.peers.peer_protocol import reply, request

VALUE = b"v" * 120
KEYS = [str(number).encode() for number in range(1_000)]
TIMEOUT_S = 60.0
POLL_EVERY = 10_000


def main() -> None:
    """Answers with events a second under each guarantee.

    Asked: kafka (what a client of confluent-kafka needs to connect), prefix of its topics, events.
    """
    asked = request()
    exactly, at_least = (_events_per_s(asked, guarantee) for guarantee in ("exactly-once", "at-least-once"))
    reply(events_per_s=exactly, at_least_once_events_per_s=at_least)


def _events_per_s(asked: dict[str, Any], guarantee: Any) -> float:
    kafka, events, name = asked["kafka"], asked["events"], asked["prefix"] + guarantee
    topics = [f"{name}.in", f"{name}.out"]
    admin = AdminClient(kafka)
    for made in admin.create_topics([NewTopic(topic, 1, 1) for topic in topics]).values():
        made.result(TIMEOUT_S)
    _fill(kafka, topics[0], events)
    with tempfile.TemporaryDirectory() as folder:
        rate = _run(_app(kafka, name, guarantee, folder), topics, events)
    _demand_all(kafka, topics[1], events)
    for removed in admin.delete_consumer_groups([name]).values():
        removed.result(TIMEOUT_S)
    return rate


def _fill(kafka: dict[str, Any], topic: str, events: int) -> None:
    producer = Producer(kafka | {"linger.ms": 5})
    for number in range(events):
        producer.produce(topic, VALUE, key=KEYS[number % len(KEYS)])
        if number % POLL_EVERY == 0:
            producer.flush(TIMEOUT_S)
    producer.flush(TIMEOUT_S)


def _app(kafka: dict[str, Any], group: str, guarantee: Any, folder: str) -> Application:
    return Application(
        ConnectionConfig.from_librdkafka_dict(kafka),
        consumer_group=group,
        auto_offset_reset="earliest",
        processing_guarantee=guarantee,
        state_dir=folder,
        loglevel=None,
    )


def _run(app: Application, topics: list[str], events: int) -> float:
    """Events a second from the first that is applied until all are produced and committed."""
    source = app.topic(topics[0], value_deserializer="bytes", key_deserializer="bytes")
    target = app.topic(topics[1], value_serializer="bytes", key_serializer="bytes")
    began: list[float] = []

    def apply(value: bytes) -> bytes:
        if not began:
            began.append(time.perf_counter())
        return value

    app.dataframe(source).apply(apply).to_topic(target)
    app.run(count=events, timeout=TIMEOUT_S, collect=False)
    return events / (time.perf_counter() - began[0])


def _demand_all(kafka: dict[str, Any], topic: str, events: int) -> None:
    """Ends with an error unless every event was produced: transactions add markers, so there may be more offsets."""
    consumer = Consumer(kafka | {"group.id": "peer"})
    _, end = consumer.get_watermark_offsets(TopicPartition(topic, 0), TIMEOUT_S)
    consumer.close()
    if end < events:
        raise SystemExit(f"{end} of {events} events were produced to {topic}")


if __name__ == "__main__":
    main()
