"""Reconciling a pipeline: read Kafka once, wait for the sink, ask ClickHouse."""

import time
from collections.abc import Callable
from contextlib import closing
from functools import partial

from clickhouse_connect.driver.client import Client

from infra.clickhouse.client import connect
from infra.core_config import core_config
from infra.settings import Settings
from infra.topics import partition_count
from schemas.codec import Codec
from schemas.registry import Registry
from streams.journal.kafka_log import KafkaLogReader
from streams.reconcile.clickhouse_checks import landed_counts, query_checks, rows_are_records
from streams.reconcile.facts import FactReader, Facts
from streams.reconcile.kafka_checks import all_checks, request_counts
from streams.reconcile.report import Report

WAIT_S = 60.0
POLL_S = 0.5


def reconcile(
    settings: Settings, on_progress: Callable[[str], None] = lambda _: None, wait_s: float = WAIT_S
) -> Report:
    """Every check from both sources, on what the topics hold now. Waits up to wait_s for the sink to have landed it."""
    config = core_config(settings)
    reader = FactReader(config, partial(partition_count, settings), KafkaLogReader(settings), Codec(Registry(settings)))
    facts = reader.read(on_progress)
    checks = all_checks(facts, config)
    with closing(connect(settings)) as client:
        on_progress("waiting for the sink")
        _wait_for_sink(client, settings.run_id, facts, wait_s)
        on_progress("asking ClickHouse")
        checks += query_checks(client, settings.run_id, config.time_source)
        checks.append(rows_are_records(client, settings.run_id, facts))
    return Report(checks, request_counts(facts))


def _wait_for_sink(client: Client, run_id: str, facts: Facts, wait_s: float) -> None:
    wanted: dict[str, int] = {}
    for (topic, _), offsets in facts.offsets.items():
        wanted[topic] = wanted.get(topic, 0) + len(offsets)
    for topic, _, _ in facts.dead:
        wanted[topic] -= 1
    deadline = time.monotonic() + wait_s
    while time.monotonic() < deadline:
        landed = landed_counts(client, run_id)
        if all(landed.get(topic, 0) >= count for topic, count in wanted.items()):
            return
        time.sleep(POLL_S)
