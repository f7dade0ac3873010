"""A broker that has just started has no coordinator of a group for a moment: that is no failure of Kafka."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka.errors import GroupAuthorizationFailedError, GroupCoordinatorNotAvailableError, KafkaError

from streams.operations.health import kafka_health


class Broker:
    """Answers with errors first."""

    def __init__(self, *errors: KafkaError) -> None:
        self.errors = list(errors)

    async def answer(self) -> str:
        if self.errors:
            raise self.errors.pop(0)
        return "answered"


def asked(broker: Broker) -> str:
    return asyncio.run(kafka_health._coordinated(broker.answer))


def test_a_coordinator_that_is_still_looked_for_is_asked_again() -> None:
    broker = Broker(GroupCoordinatorNotAvailableError(), GroupCoordinatorNotAvailableError())
    assert asked(broker) == "answered"
    assert not broker.errors


def test_an_error_that_does_not_pass_is_raised_at_once() -> None:
    broker = Broker(GroupAuthorizationFailedError(), KafkaError("asked again"))
    with pytest.raises(GroupAuthorizationFailedError):
        asked(broker)
    assert len(broker.errors) == 1


def test_a_coordinator_that_is_not_found_in_time_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_health, "COORDINATOR_TIMEOUT_S", 0.2)
    broker = Broker(*[GroupCoordinatorNotAvailableError() for _ in range(1_000)])
    with pytest.raises(GroupCoordinatorNotAvailableError):
        asked(broker)
    assert 0 < len(broker.errors) < 1_000
