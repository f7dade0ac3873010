"""A caller's share of the server: how many of its requests run, and how many may wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from infra.chdb import protocol
from infra.chdb.callers import Caller
from infra.chdb.protocol import QueryError

WAIT_S = 30.0


class Slots:
    """The places of one caller. Other callers have places of their own."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._free = asyncio.Semaphore(caller.queries_at_once)
        self._waiting = 0

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """Holds a place inside the block.

        Raises:
            QueryError: too many requests wait, or none of the running ones ended in time.
        """
        if self._free.locked() and self._waiting >= self._caller.waiting_max:
            raise self._busy(f"{self._waiting} more wait")
        self._waiting += 1
        try:
            async with asyncio.timeout(WAIT_S):
                await self._free.acquire()
        except TimeoutError:
            raise self._busy(f"none ended within {WAIT_S:.0f} s") from None
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._free.release()

    def _busy(self, why: str) -> QueryError:
        text = f"{self._caller.queries_at_once} queries of user {self._caller.name} run and {why}; ask again later"
        return QueryError.of(protocol.TOO_MANY_SIMULTANEOUS_QUERIES, f"Too many simultaneous queries: {text}")
