"""The sink survives all that it reads: garbage of every kind on every topic, in one go."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from confluent_kafka import Producer

from infra.kafka.topics import BY_NAME, DLQ_PREFIX, TOPICS, topic_name
from infra.settings import Settings
from schemas.registry import Registry
from streams.pipeline.journal.kafka_log import KafkaLogReader
from streams.pipeline.sink.landing import SHARD_INPUTS
from streams.pipeline.sink.tables import table_of
from tests.pipeline.sink.sink_garbage import Sent, encoded, every_topic, simplest
from tests.pipeline.sink.test_sink import DEADLINE_S, running_sink, wait_for

Place = tuple[str, int, int]


@pytest.fixture
def settings(pipeline_settings: Settings) -> Settings:
    return pipeline_settings.model_copy(update={"sink_block_age_s": 0.2})


def send(settings: Settings, records: list[Sent]) -> dict[Place, Sent]:
    """Sends records to partition 0 of their topics, and returns them by place."""
    places: dict[Place, Sent] = {}
    producer = Producer(
        {"bootstrap.servers": settings.kafka_bootstrap_servers, "message.max.bytes": 9_000_000, "linger.ms": 50}
    )

    def note(sent: Sent) -> Any:
        def delivered(error: object, message: Any) -> None:
            assert error is None, f"{sent.topic}, {sent.kind}: {error}"
            places[sent.topic, 0, message.offset()] = sent

        return delivered

    for number, sent in enumerate(records):
        # Of records with the same key, compaction would keep one.
        key = b"%d" % number if BY_NAME[sent.topic].compacted else sent.key
        producer.produce(topic_name(settings, sent.topic), sent.value, key, 0, note(sent), headers=list(sent.headers))
        producer.poll(0)
    assert producer.flush(DEADLINE_S) == 0
    return places


def letters_of_the_sink(settings: Settings) -> Counter[Place]:
    found: Counter[Place] = Counter()
    for topic in TOPICS:
        for letter in KafkaLogReader(settings).read(f"{DLQ_PREFIX}{topic.name}", 0, 0):
            headers = dict(letter.headers)
            if headers.get("stage") == b"sink" and "message" in headers:
                found[topic.name, int(headers["partition"]), int(headers["offset"])] += 1
    return found


def test_garbage_on_every_topic_is_a_letter_each_and_all_else_lands(settings: Settings) -> None:
    source = Registry(settings)
    good = [Sent(topic.name, "good", encoded(source, topic.name, simplest(topic.name))) for topic in TOPICS]
    garbage = list(every_topic(source))
    sent = send(settings, [*good, *garbage, *good, *garbage, *good])
    foreign = Counter(place[0] for place in sent if place[0].startswith(DLQ_PREFIX))
    ours = {topic.name for topic in TOPICS} - SHARD_INPUTS
    bad = {place for place, record in sent.items() if record.kind != "good" and place[0] in ours}
    for _ in range(2):
        with running_sink(settings):
            for topic in TOPICS:
                wait_for(settings, f"SELECT uniqExact(partition, offset) FROM {table_of(topic.name)}", [(3,)])
                own = sum(place[0] == topic.name for place in bad)
                box = f"{DLQ_PREFIX}{topic.name}"
                wait_for(
                    settings, f"SELECT count() FROM dead_letters FINAL WHERE topic = '{box}'", [(own + foreign[box],)]
                )
    letters = letters_of_the_sink(settings)
    assert {place: count for place, count in letters.items() if count > 1} == {}
    assert [(place, sent[place].kind) for place in sorted(letters.keys() ^ bad)] == []
