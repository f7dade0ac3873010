"""A subscription at the venue, one stream of one symbol, from the request to its loss."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from enum import StrEnum
from typing import Any

UP_WITHIN_S = 30.0
"""The time in which a subscription must be answered."""


class StreamKind(StrEnum):
    """The kinds of what a stream tells."""

    BOOK = "book"
    QUOTES = "quotes"
    TRADES = "trades"


class Subscription:
    """One stream of one symbol. It is up from the first sign that it runs until it is lost.

    watch: ccxt's request, which ends with the first result. on_lost: called at once, before any later update.
    """

    def __init__(
        self,
        symbol: str,
        kind: StreamKind,
        watch: Callable[[], Awaitable[object]],
        on_lost: Callable[[Subscription, BaseException], None],
    ) -> None:
        self.symbol, self.kind = symbol, kind
        self.client: Any = None
        self.message_hash: str | None = None
        self.is_up = False
        self._watch, self._on_lost = watch, on_lost
        self._lost: asyncio.Future[BaseException] | None = None

    async def run(self) -> BaseException:
        """Subscribes, and returns the error by which the subscription is lost."""
        loop = asyncio.get_running_loop()
        self.client, self.message_hash, self.is_up = None, None, False
        self._lost = loop.create_future()
        SUBSCRIBING.set(self)
        watching = asyncio.ensure_future(self._first_result())
        watching.add_done_callback(self._watched)
        timer = loop.call_later(UP_WITHIN_S, self._late)
        try:
            return await self._lost
        finally:
            timer.cancel()
            watching.cancel()

    def lose(self, error: BaseException) -> None:
        """Ends the subscription; the first error counts."""
        if self._lost is None or self._lost.done():
            return
        self.is_up = False
        self._on_lost(self, error)
        self._lost.set_result(error)

    async def _first_result(self) -> None:
        await self._watch()

    def _watched(self, watching: asyncio.Task[None]) -> None:
        if not watching.cancelled() and (error := watching.exception()):
            self.lose(error)

    def _late(self) -> None:
        if not self.is_up:
            self.lose(TimeoutError(f"no answer to the subscription of {self.kind} in {UP_WITHIN_S:g} s"))


SUBSCRIBING: ContextVar[Subscription | None] = ContextVar("SUBSCRIBING", default=None)
"""The subscription that the running task makes: so ccxt's choice of a connection is known."""
