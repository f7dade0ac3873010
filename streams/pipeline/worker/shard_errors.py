"""Handling of errors that may pass by themselves: the worker takes its shards over again, a limited number of times.

A shard with a fault of its own is parked instead. Taking over finds out whether the last transaction was committed, and
replaces a producer that can't continue.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from streams.errors import Fenced, PipelineError

ATTEMPTS_MAX = 10

log = logging.getLogger(__name__)


class ShardErrorHandler:
    """The handler of errors that end shards or the reading of inputs.

    An attempt may take as long as the Kafka log waits for the broker.

    Args:
        take_over_again: takes over all shards of the present assignment.
        progress: returns positions, which change with every commit.
        generation: returns a number that changes with every assignment and revocation.
        give_up: stops the worker.
        verdict_s: longer than the session timeout; by then, the group has told a replaced worker that it was replaced.
        pause_s: time between two attempts.
    """

    def __init__(
        self,
        take_over_again: Callable[[], Awaitable[None]],
        progress: Callable[[], Mapping[Any, int]],
        generation: Callable[[], int],
        give_up: Callable[[BaseException], None],
        verdict_s: float,
        pause_s: float = 1.0,
    ) -> None:
        self._take_over_again = take_over_again
        self._progress = progress
        self._generation = generation
        self._give_up = give_up
        self._verdict_s = verdict_s
        self._pause_s = pause_s
        self._attempts = 0
        self._stood_at: Mapping[Any, int] = {}
        self._running: set[asyncio.Task[None]] = set()

    def handle(self, error: BaseException) -> None:
        """Takes all shards over again, if the error is one of the pipeline; otherwise stops the worker."""
        if not isinstance(error, PipelineError):
            self._give_up(error)
            return
        task = asyncio.create_task(self._retry(error, self._generation()))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _retry(self, error: BaseException, generation: int) -> None:
        # Fenced means a new owner, of which the group tells in time, or that the broker aborted an old transaction.
        await asyncio.sleep(self._verdict_s if isinstance(error, Fenced) else self._pause_s)
        while generation == self._generation():
            stands_at = dict(self._progress())
            self._attempts = 1 if stands_at != self._stood_at else self._attempts + 1
            self._stood_at = stands_at
            if self._attempts > ATTEMPTS_MAX:
                self._give_up(error)
                return
            log.warning("taking the shards over again, attempt %d of %d: %s", self._attempts, ATTEMPTS_MAX, error)
            try:
                await self._take_over_again()
            except PipelineError as still:
                error, generation = still, self._generation()
                await asyncio.sleep(self._pause_s)
            except Exception as other:
                self._give_up(other)
                return
            else:
                return
