"""The sink survives all that it reads: garbage of every kind on every topic, in one go."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from typing import Any

import pytest
from confluent_kafka import Producer

from infra.clickhouse.client import connect
from infra.kafka.topics import BY_NAME, DLQ_PREFIX, TOPICS, topic_name
from infra.settings import Settings
from schemas.registry import Registry
from streams.evidence.metrics.compute_metrics import MetricScope, metric_values
from streams.evidence.metrics.conventions import Conventions
from streams.evidence.reconcile import reconcile
from streams.operations.health.health_collector import HealthCollector
from streams.pipeline.journal.kafka_log import KafkaLogReader
from streams.pipeline.sink.landing import SHARD_INPUTS
from streams.pipeline.sink.tables import table_of
from tests.end_to_end.processes import paper
from tests.evidence.dashboards.macros import expanded
from tests.evidence.dashboards.test_dashboards import shown
from tests.pipeline.sink.sink_garbage import Sent, encoded, every_topic, simplest
from tests.pipeline.sink.test_sink import DEADLINE_S, rows, running_sink, wait_for

LETTERS_SHOWN = (("dlq", "list"), ("dlq", "list", "--topic", "fills"), ("dlq", "show", "fills", "0"))
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


def letters_of_the_sink(settings: Settings, topic: str) -> Counter[Place]:
    """Returns how many letters of the sink each record has."""
    found: Counter[Place] = Counter()
    for letter in KafkaLogReader(settings).read(f"{DLQ_PREFIX}{topic}", 0, 0):
        headers = dict(letter.headers)
        if headers.get("stage") == b"sink" and "message" in headers:
            found[topic, int(headers["partition"]), int(headers["offset"])] += 1
    return found


def landed_offsets(settings: Settings, topic: str) -> set[int]:
    return {offset for (offset,) in rows(settings, f"SELECT offset FROM {table_of(topic)} WHERE partition = 0")}


def test_garbage_on_every_topic_is_a_row_or_a_letter_and_the_sink_goes_on(settings: Settings) -> None:
    source = Registry(settings)
    good = [Sent(topic.name, "good", encoded(source, topic.name, simplest(topic.name))) for topic in TOPICS]
    garbage = list(every_topic(source))
    sent = send(settings, [*good, *garbage, *good, *garbage, *good])
    ends = Counter(place[0] for place in sent)
    # The last record of each topic is a good one, so that its row shows that all before it were taken.
    for _ in range(2):
        with running_sink(settings):
            for topic in TOPICS:
                wait_for(settings, f"SELECT max(offset) FROM {table_of(topic.name)}", [(ends[topic.name] - 1,)])
                letters = sum(place[0] == topic.name for place in letters_of_the_sink(settings, topic.name))
                in_box = f"SELECT count() FROM dead_letters FINAL WHERE topic = '{DLQ_PREFIX}{topic.name}'"
                wait_for(settings, in_box, [(letters + ends[f"{DLQ_PREFIX}{topic.name}"],)])
    for topic in TOPICS:
        landed, lettered = landed_offsets(settings, topic.name), letters_of_the_sink(settings, topic.name)
        assert max(lettered.values(), default=1) == 1
        for (name, partition, offset), record in sent.items():
            if name != topic.name:
                continue
            kind, is_row, is_letter = record.kind, offset in landed, (name, partition, offset) in lettered
            if kind == "good":
                assert (is_row, is_letter) == (True, False), record
            elif kind.startswith("nonsense"):
                assert is_row != is_letter, record
            elif name in SHARD_INPUTS:
                # The shard that reads it writes the letter. ClickHouse alone takes some of them as rows.
                assert not is_letter, record
            else:
                assert (is_row, is_letter) == (False, True), record
    prove_that_it_can_be_read(settings)


def prove_that_it_can_be_read(settings: Settings) -> None:
    """Runs what reads the topics or the tables. It may find differences, but it comes to its end."""
    report = reconcile(settings, wait_s=0)
    assert not report.passed
    with closing(connect(settings)) as client:
        for kind in ("session", "account", "strategy"):
            for by in ("", "day", "instrument", "reason"):
                list(metric_values(client, settings.run_id, MetricScope(kind), Conventions(), by))
        for account in ("", "A"):
            variables = {"run_id": settings.run_id, "account": account, "session": account}
            for item in shown():
                client.query(expanded(item.target["rawSql"], variables))
    assert HealthCollector(settings).collect().kafka == ""
    for arguments in (
        ("dlq", "list"),
        ("dlq", "list", "--topic", "fills"),
        ("dlq", "show", "fills", "0"),
        ("results",),
    ):
        ended = paper(settings, *arguments)
        assert ended.returncode == 0, ended.stderr
