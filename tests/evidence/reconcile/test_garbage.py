"""Reconciling ends, and names what differs, whatever somebody has written to the topics."""

from __future__ import annotations

import pytest

from infra.kafka.topics import TOPICS
from schemas.memory_registry import MemoryRegistry
from streams.evidence.reconcile.kafka_checks import CLIENT_WRITTEN_TOPICS, kafka_checks
from tests.evidence.reconcile.session import read_facts, traded_session
from tests.pipeline.sink.sink_garbage import foreign_letters, nonsense_records, unreadable_records

SOURCE = MemoryRegistry()
NOT_COMPARED = ("marks", "desk", "orders.approved", "snapshots.accounts", "snapshots.execution")
"""Topics whose nonsense contradicts no other record. Who may write there is a matter of proofs and ACLs."""


@pytest.mark.parametrize("topic", [topic.name for topic in TOPICS])
def test_garbage_is_a_difference_and_no_crash(topic: str) -> None:
    session = traded_session()
    for sent in (*nonsense_records(SOURCE, topic), *unreadable_records(SOURCE, topic), *foreign_letters(topic)):
        headers = tuple((name, value or b"") for name, value in sent.headers)
        session.log.append(sent.topic, 0, sent.key, sent.value, 0, headers)
    checks = kafka_checks(read_facts(session), session.config)
    assert all(check.passed for check in checks) == (topic in (*CLIENT_WRITTEN_TOPICS, *NOT_COMPARED))
