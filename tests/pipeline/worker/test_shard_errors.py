"""A worker takes shards over again after errors that may pass by themselves, and stops after all others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from schemas.errors import RegistryUnavailable
from streams.errors import DeliveryGap, Fenced, LogUnavailable
from streams.pipeline.worker.shard_errors import ATTEMPTS_MAX, ShardErrorHandler


class Worker:
    """A worker whose take-overs have given results."""

    def __init__(self, outcomes: list[Exception | None]) -> None:
        self.generation = 1
        self.outcomes = outcomes
        self.taken_over = 0
        self.position = 0
        self.gave_up: list[BaseException] = []
        self.ended = asyncio.Event()
        self.errors = ShardErrorHandler(
            self.take_over_again, lambda: {"orders": self.position}, lambda: self.generation, self.give_up, 0.0, 0.0
        )

    async def take_over_again(self) -> None:
        self.taken_over += 1
        self.generation += 1
        outcome = self.outcomes.pop(0) if self.outcomes else None
        if outcome is not None:
            raise outcome
        self.ended.set()

    def give_up(self, error: BaseException) -> None:
        self.gave_up.append(error)
        self.ended.set()


def after(errors: list[BaseException], outcomes: list[Exception | None]) -> Worker:
    async def story() -> Worker:
        worker = Worker(outcomes)
        for error in errors:
            worker.ended.clear()
            worker.errors.handle(error)
            await worker.ended.wait()
        return worker

    return asyncio.run(story())


@pytest.mark.parametrize("error", [LogUnavailable("away"), Fenced("by the broker"), DeliveryGap("skipped")])
def test_a_shard_that_lost_kafka_or_records_is_taken_over_again(error: BaseException) -> None:
    worker = after([error], [LogUnavailable("still away"), None])
    assert (worker.taken_over, worker.gave_up) == (2, [])


def test_another_error_stops_the_worker() -> None:
    worker = after([RegistryUnavailable("away")], [])
    assert worker.taken_over == 0
    assert [type(error) for error in worker.gave_up] == [RegistryUnavailable]


def test_a_bug_in_a_take_over_stops_the_worker() -> None:
    worker = after([LogUnavailable("away")], [ValueError("bug")])
    assert [type(error) for error in worker.gave_up] == [ValueError]


def test_kafka_that_stays_away_stops_the_worker() -> None:
    worker = after([LogUnavailable("away")], [LogUnavailable("away")] * 100)
    assert worker.taken_over == ATTEMPTS_MAX
    assert [type(error) for error in worker.gave_up] == [LogUnavailable]


def test_take_overs_after_which_nothing_is_committed_are_bounded_too() -> None:
    worker = after([LogUnavailable("commit failed")] * (ATTEMPTS_MAX + 1), [])
    assert worker.taken_over == ATTEMPTS_MAX
    assert len(worker.gave_up) == 1


def run_with(change: Callable[[Worker], None]) -> Worker:
    async def story() -> Worker:
        worker = Worker([])
        worker.errors.handle(Fenced("by another worker"))
        change(worker)
        for _ in range(10):
            await asyncio.sleep(0)
        return worker

    return asyncio.run(story())


def test_a_worker_that_was_replaced_takes_nothing_back() -> None:
    def revoked(worker: Worker) -> None:
        worker.generation += 1

    worker = run_with(revoked)
    assert (worker.taken_over, worker.gave_up) == (0, [])
