"""Parked shards are tried again with back-off, one by one, until they are back or released."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

import pytest

from infra.errors import SettingsError
from schemas.errors import RegistryUnavailable
from streams.errors import DeliveryGap, Fenced, LogUnavailable, MissingInputs, RecoveryError, TooManyFaults
from streams.pipeline.journal.kinds import ACCOUNTS, EXECUTION
from streams.pipeline.worker import parked_shards
from streams.pipeline.worker.parked_shards import PAUSE_MAX_S, ParkedShard, ParkedShards, ShardKey, is_of_the_shard

KEY: ShardKey = (ACCOUNTS, 1)
OTHER: ShardKey = (EXECUTION, 0)


class Parking:
    """Parked shards whose attempts have given outcomes: an error, or the positions of the shard that is back."""

    def __init__(self, *outcomes: Exception | Mapping[str, int]) -> None:
        self._outcomes = list(outcomes)
        self.reports: list[list[ParkedShard]] = []
        self.tried: list[ShardKey] = []
        self.over = asyncio.Event()
        self.shards = ParkedShards(self._bring_back, self.reports.append)

    async def _bring_back(self, key: ShardKey) -> Mapping[str, int]:
        self.tried.append(key)
        outcome = self._outcomes.pop(0)
        if not self._outcomes:
            self.over.set()
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def test_a_shard_is_tried_until_it_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parked_shards, "FIRST_PAUSE_S", 0.0)
    monkeypatch.setattr(parked_shards, "SETTLING_S", 0.0)

    async def story() -> Parking:
        parking = Parking(RecoveryError("still"), ValueError("a bug"), {"orders": 7})
        parking.shards.park(KEY, MissingInputs("orders were removed"), {})
        await parking.over.wait()
        while parking.reports[-1]:
            await asyncio.sleep(0)
        return parking

    parking = asyncio.run(story())
    assert parking.tried == [KEY] * 3
    reasons = [(item.shard, item.reason, item.retries) for (item, *_) in parking.reports[:-1]]
    assert reasons == [
        ("accounts-1", "orders were removed", 0),
        ("accounts-1", "still", 1),
        ("accounts-1", "ValueError: a bug", 2),
    ]
    assert len({item.since for (item, *_) in parking.reports[:-1]}) == 1


def test_a_shard_that_fails_as_soon_as_it_is_back_has_not_been_away_from_the_report(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(parked_shards, "FIRST_PAUSE_S", 0.0)
    monkeypatch.setattr(parked_shards, "SETTLING_S", 1_000.0)

    async def story() -> Parking:
        parking = Parking({"orders": 5})
        parking.shards.park(KEY, TooManyFaults("x"), {"orders": 5})
        await parking.over.wait()
        await asyncio.sleep(0)
        parking.shards.park(KEY, TooManyFaults("x"), {"orders": 5})
        assert [[item.retries for item in report] for report in parking.reports] == [[0], [1]]
        await parking.shards.release()
        return parking

    asyncio.run(story())


@pytest.fixture
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 1_000.0)


@pytest.mark.usefixtures("stopped_clock")
def test_pauses_double_up_to_a_bound_while_a_shard_does_not_move() -> None:
    async def story() -> list[float]:
        parking = Parking({})
        for _ in range(9):
            parking.shards.park(KEY, TooManyFaults("x"), {"orders": 5})
        parking.shards.park(KEY, TooManyFaults("x"), {"orders": 6})
        await parking.shards.release()
        return [item.next_retry - 1_000 for (item, *_) in parking.reports[:-1]]

    assert asyncio.run(story()) == [1, 2, 4, 8, 16, 32, PAUSE_MAX_S, PAUSE_MAX_S, PAUSE_MAX_S, 1]


@pytest.mark.usefixtures("stopped_clock")
def test_a_shard_whose_attempt_takes_long_rests_longer() -> None:
    async def story() -> float:
        parking = Parking({})
        parking.shards.park(KEY, RecoveryError("x"), {}, took_s=100.0)
        await parking.shards.release()
        return parking.reports[0][0].next_retry - 1_000

    assert asyncio.run(story()) == 400


def test_a_released_shard_is_not_tried_but_waits_on_in_the_next_assignment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parked_shards, "FIRST_PAUSE_S", 1_000.0)

    async def story() -> Parking:
        parking = Parking({})
        parking.shards.park(KEY, RecoveryError("x"), {})
        parking.shards.park(OTHER, RecoveryError("y"), {})
        await parking.shards.release()
        assert parking.reports[-1] == []
        parking.shards.forget_all_but([KEY])
        assert (parking.shards.waits(KEY), parking.shards.waits(OTHER)) == (True, False)
        assert [item.shard for item in parking.reports[-1]] == ["accounts-1"]
        await parking.shards.release()
        return parking

    assert asyncio.run(story()).tried == []


@pytest.mark.parametrize(
    ("error", "parks"),
    [
        (RecoveryError("x"), True),
        (TooManyFaults("x"), True),
        (ValueError("a bug"), True),
        (LogUnavailable("x"), False),
        (Fenced("x"), False),
        (DeliveryGap("x"), False),
        (RegistryUnavailable("x"), False),
        (SettingsError("x"), False),
        (asyncio.CancelledError(), False),
    ],
)
def test_errors_that_pass_or_concern_all_shards_park_none(error: BaseException, parks: bool) -> None:
    assert is_of_the_shard(error) == parks
