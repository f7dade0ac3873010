"""A source whose updates a test says, and builders of updates."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from typing import Any

from streams.pipeline.live.source import LiveBook, LiveQuote, LiveTrade, LiveUpdate, SourceHealth
from tests.builders import START

SYMBOL, OTHER = "ACME.SIM", "GLOBEX.SIM"


class ScriptedSource:
    """See streams.pipeline.live.source.Source. Its updates come as they are said, and end when it is told to end."""

    def __init__(self, name: str = "test:script") -> None:
        self.name = name
        self.health = SourceHealth(connected=True)
        self.closed = False
        self._said: asyncio.Queue[LiveUpdate | Exception | None] = asyncio.Queue()

    async def open(self, symbols: Sequence[str]) -> None:
        self.symbols = symbols

    def say(self, *updates: LiveUpdate) -> None:
        for update in updates:
            self._said.put_nowait(update)

    @property
    def is_heard(self) -> bool:
        """True if the feed has taken all that was said."""
        return self._said.empty()

    def end(self, error: Exception | None = None) -> None:
        """Ends the updates, with an error if one is given."""
        self._said.put_nowait(error)

    async def updates(self) -> AsyncIterator[LiveUpdate]:
        while (said := await self._said.get()) is not None:
            if isinstance(said, Exception):
                raise said
            yield said

    async def close(self) -> None:
        self.closed = True


def quote(
    bid: str | Decimal = "50.00", ask: str | Decimal = "50.02", at: int | None = START, **changes: Any
) -> LiveQuote:
    """A quote of SYMBOL, received when the exchange says that it was made, of 100 on either side."""
    size = Decimal(100)
    received = START if at is None else at
    found = LiveQuote(SYMBOL, at, received, Decimal(bid), size, Decimal(ask), size)
    return found._replace(**changes)


def trade(price: str = "50.01", size: str = "1", at: int | None = START, **changes: Any) -> LiveTrade:
    """A trade of SYMBOL by a buyer."""
    found = LiveTrade(SYMBOL, at, START if at is None else at, Decimal(price), Decimal(size), "B")
    return found._replace(**changes)


def book(
    bids: Sequence[str] = ("50.00", "49.99"), asks: Sequence[str] = ("50.02",), at: int | None = START
) -> LiveBook:
    """A book of SYMBOL with a size of 7 on each level."""
    sides = [tuple((Decimal(price), Decimal(7)) for price in prices) for prices in (bids, asks)]
    return LiveBook(SYMBOL, at, START if at is None else at, sides[0], sides[1])
