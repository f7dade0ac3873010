"""Parked shards: shards that can't work stand alone, and are tried again with back-off, while all others go on."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from infra.errors import PaperError
from streams.errors import DeliveryGap, Fenced, LogUnavailable, PipelineError
from streams.pipeline.journal.kinds import ShardKind

FIRST_PAUSE_S = 1.0
PAUSE_MAX_S = 60.0
"""Time before a retry, which doubles with each one."""
SETTLING_S = 3.0
"""Time for which a shard that is back must work before it no longer counts as parked."""
SHARE_OF_TIME = 4
"""A shard rests at least this many times as long as the attempt before took, since attempts take time from others."""

log = logging.getLogger(__name__)

ShardKey = tuple[ShardKind, int]
Positions = Mapping[str, int]


class ParkedShard(NamedTuple):
    """A shard that can't work.

    Attributes:
        shard: name of the shard.
        since: seconds since the epoch.
        reason: the last error of the shard, with its remedy.
        retries: attempts that failed since then.
        next_retry: seconds since the epoch.
    """

    shard: str
    since: float
    reason: str
    retries: int
    next_retry: float


@dataclass(slots=True)
class Parking:
    """The stay of a shard. stood_at: its positions at the last failure; empty if it could not be recovered."""

    report: ParkedShard
    stood_at: Positions
    pause_s: float


def is_of_the_shard(error: BaseException) -> bool:
    """Returns whether an error lies in one shard: it does not pass by itself, and does not concern other shards.

    An error that is not deliberate is a bug, which the shard's records have met.
    """
    if isinstance(error, PaperError):
        return isinstance(error, PipelineError) and not isinstance(error, LogUnavailable | Fenced | DeliveryGap)
    return isinstance(error, Exception)


class ParkedShards:
    """The parked shards of a worker.

    Args:
        bring_back: takes a shard over, lets it work and returns its positions, or raises; cancelled by release().
        report: called with all parked shards after each change.
    """

    def __init__(
        self,
        bring_back: Callable[[ShardKey], Awaitable[Positions]],
        report: Callable[[list[ParkedShard]], None],
    ) -> None:
        self._bring_back = bring_back
        self._report = report
        self._parked: dict[ShardKey, Parking] = {}
        self._known: dict[ShardKey, Parking] = {}
        """The last stay of each shard, from which the next one goes on if the shard has not moved."""
        self._tasks: dict[ShardKey, asyncio.Task[None]] = {}

    def park(self, key: ShardKey, error: BaseException, stood_at: Positions, took_s: float = 0.0) -> None:
        """Parks a shard, and tries it again later. took_s: duration of the attempt that failed."""
        parking = self._parked[key] = self._known[key] = self._stay(key, error, stood_at, took_s)
        report = parking.report
        log.error(
            "shard %s is parked and all others go on; it is tried again in %.0f s (retry %d): %s",
            *(report.shard, report.next_retry - time.time(), report.retries + 1, report.reason),
            exc_info=None if isinstance(error, PaperError) else error,
        )
        self._wait(key)

    def waits(self, key: ShardKey) -> bool:
        """Goes on waiting for a shard's next retry, as before release(). Returns False if there is none to wait for."""
        parking = self._known.get(key)
        if parking is None or parking.report.next_retry <= time.time():
            return False
        self._parked[key] = parking
        self._wait(key)
        return True

    def _stay(self, key: ShardKey, error: BaseException, stood_at: Positions, took_s: float) -> Parking:
        before, now = self._known.get(key), time.time()
        since, retries, pause_s = now, 0, FIRST_PAUSE_S
        if before is not None and before.stood_at == stood_at:
            since, retries = before.report.since, before.report.retries + 1
            pause_s = min(2 * before.pause_s, PAUSE_MAX_S)
        reason = str(error) if isinstance(error, PaperError) else f"{type(error).__name__}: {error}"
        wait_s = max(pause_s, took_s * SHARE_OF_TIME)
        return Parking(ParkedShard(key[0].shard_name(key[1]), since, reason, retries, now + wait_s), stood_at, pause_s)

    def _wait(self, key: ShardKey) -> None:
        before = self._tasks.get(key)
        if before is not None and before is not asyncio.current_task():
            before.cancel()  # The shard was back, and has failed again before it counted as working.
        self._tasks[key] = asyncio.create_task(self._retry(key), name=f"retry of {key[0].shard_name(key[1])}")
        self._tell()

    async def _retry(self, key: ShardKey) -> None:
        parking = self._parked[key]
        await asyncio.sleep(max(0.0, parking.report.next_retry - time.time()))
        began = time.monotonic()
        try:
            parking.stood_at = await self._bring_back(key)
        except Exception as error:
            self.park(key, error, parking.stood_at, time.monotonic() - began)
            return
        log.warning("shard %s is back, by retry %d", parking.report.shard, parking.report.retries + 1)
        await asyncio.sleep(SETTLING_S)
        del self._parked[key], self._tasks[key]
        self._tell()

    async def release(self) -> None:
        """Ends all waiting and all attempts."""
        tasks, self._tasks, self._parked = list(self._tasks.values()), {}, {}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._tell()

    def forget_all_but(self, keys: Iterable[ShardKey]) -> None:
        """Forgets the past of all other shards."""
        self._known = {key: self._known[key] for key in keys if key in self._known}

    def _tell(self) -> None:
        self._report(sorted(parking.report for parking in self._parked.values()))
