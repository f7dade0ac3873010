"""Errors that pass by themselves do not end a reader; all others do."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError

from infra.kafka.passing_errors import NOT_KNOWN_YET, PASSING, passes


@pytest.mark.parametrize(
    "name", ["_DESTROY_BROKER", "OFFSET_NOT_AVAILABLE", "_TRANSPORT", "_ALL_BROKERS_DOWN", "NOT_LEADER_FOR_PARTITION"]
)
def test_what_a_restarted_broker_causes_passes(name: str) -> None:
    assert passes(KafkaError(getattr(KafkaError, name)))


@pytest.mark.parametrize(
    "name",
    ["TOPIC_AUTHORIZATION_FAILED", "_AUTO_OFFSET_RESET", "_FATAL", "FENCED_INSTANCE_ID", "_AUTHENTICATION", "_BAD_MSG"],
)
def test_what_waiting_does_not_mend_does_not_pass(name: str) -> None:
    assert not passes(KafkaError(getattr(KafkaError, name)))


def test_a_fatal_error_never_passes() -> None:
    assert not passes(KafkaError(KafkaError._TRANSPORT, "gone for good", True))


def test_a_missing_topic_is_waited_for_by_those_with_a_limit_alone() -> None:
    assert not set(NOT_KNOWN_YET) & PASSING.keys()
