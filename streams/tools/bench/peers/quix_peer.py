"""Measures Quix Streams on the running Kafka: it consumes, applies and produces a backlog, under each guarantee.

The measurement favours Quix Streams: topics of one partition, values as bytes, and a function that returns its
argument. The time excludes joining the group and the first fetch, and includes the last flush and commit.
"""

import tempfile
import time
from typing import Any

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from quixstreams import Application
from quixstreams.kafka.configuration import ConnectionConfig

from streams.tools.bench.peers.peer_protocol import read_request, send_answer

VALUE = b"v" * 120
KEYS = [str(number).encode() for number in range(1_000)]
TIMEOUT_S = 60.0
POLL_EVERY = 10_000


def main() -> None:
    """Answers with events a second under each guarantee.

    The request has kafka (connection settings of a confluent-kafka client), prefix (of the topics) and events.
    """
    request = read_request()
    exactly, at_least = (_events_per_s(request, guarantee) for guarantee in ("exactly-once", "at-least-once"))
    send_answer(events_per_s=exactly, at_least_once_events_per_s=at_least)


def _events_per_s(request: dict[str, Any], guarantee: Any) -> float:
    kafka, events, name = request["kafka"], request["events"], request["prefix"] + guarantee
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
        ConnectionConfig.from_librdkafka_dict(kafka, ignore_extras=True),
        consumer_group=group,
        auto_offset_reset="earliest",
        processing_guarantee=guarantee,
        state_dir=folder,
        loglevel=None,
    )


def _run(app: Application, topics: list[str], events: int) -> float:
    """Returns events a second from applying the first event until all are produced and committed."""
    source = app.topic(topics[0], value_deserializer="bytes", key_deserializer="bytes")
    target = app.topic(topics[1], value_serializer="bytes", key_serializer="bytes")
    started: list[float] = []

    def apply(value: bytes) -> bytes:
        if not started:
            started.append(time.perf_counter())
        return value

    app.dataframe(source).apply(apply).to_topic(target)
    app.run(count=events, timeout=TIMEOUT_S, collect=False)
    return events / (time.perf_counter() - started[0])


def _demand_all(kafka: dict[str, Any], topic: str, events: int) -> None:
    """Exits with an error unless every event was produced; transaction markers may add further offsets."""
    consumer = Consumer(kafka | {"group.id": "peer"})
    _, end = consumer.get_watermark_offsets(TopicPartition(topic, 0), TIMEOUT_S)
    consumer.close()
    if end < events:
        raise SystemExit(f"{end} of {events} events were produced to {topic}")


if __name__ == "__main__":
    main()
