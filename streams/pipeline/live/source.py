"""The interface of a live market: what a source tells, each update with the exchange's time and the time of receipt."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple, Protocol, runtime_checkable

Level = tuple[Decimal, Decimal]
"""Price and displayed size of a level, the size above 0."""


class LiveQuote(NamedTuple):
    """The best bid and ask of a symbol. A side that is empty has price and size 0.

    exchange_ns: the exchange's time, UTC nanoseconds; None: it tells none. received_ns: this computer's time.
    """

    symbol: str
    exchange_ns: int | None
    received_ns: int
    bid: Decimal
    bid_size: Decimal
    ask: Decimal
    ask_size: Decimal


class LiveTrade(NamedTuple):
    """A trade at the exchange. aggressor: B buyer, S seller, - unknown. Times as in LiveQuote."""

    symbol: str
    exchange_ns: int | None
    received_ns: int
    price: Decimal
    size: Decimal
    aggressor: str


class LiveBook(NamedTuple):
    """The best levels of a symbol's book after an update of it, best first. Times as in LiveQuote."""

    symbol: str
    exchange_ns: int | None
    received_ns: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


class LiveHalt(NamedTuple):
    """From here on the source can't vouch for the symbol: a gap, a lost connection, a delisting. reason: for people."""

    symbol: str
    received_ns: int
    reason: str


class LiveResume(NamedTuple):
    """The source vouches for the symbol again: the next update is complete."""

    symbol: str
    received_ns: int


LiveUpdate = LiveQuote | LiveTrade | LiveBook | LiveHalt | LiveResume


@dataclass(slots=True)
class SourceHealth:
    """Figures that a source tells of itself, counted since its start.

    skew_ns: this computer's clock against the exchange's, as the least difference seen (receipt - exchange time).
    """

    connected: bool = False
    updates: int = 0
    gaps: int = 0
    reconnects: int = 0
    refused: int = 0
    skew_ns: int | None = None

    def count(self, exchange_ns: int | None, received_ns: int) -> None:
        """Counts an update, and notes the skew if the exchange told a time. Times in UTC nanoseconds."""
        self.updates += 1
        if exchange_ns is not None:
            skew_ns = received_ns - exchange_ns
            self.skew_ns = skew_ns if self.skew_ns is None else min(self.skew_ns, skew_ns)


class Source(Protocol):
    """A live market. name: VENUE:ADAPTER, for example binance:ccxt; health: counted by the source."""

    name: str
    health: SourceHealth

    async def open(self, symbols: Sequence[str]) -> None:
        """Connects and subscribes. Raises FeedError if the venue or a symbol is unknown, or the venue refuses."""
        ...

    def updates(self) -> AsyncIterator[LiveUpdate]:
        """Yields all updates as they come, none conflated, until close. Reconnects by itself, told as a halt."""
        ...

    async def close(self) -> None:
        """Disconnects."""
        ...


OnFrame = Callable[[int, str, str], None]
"""Takes a raw frame: time of receipt in UTC nanoseconds, what it is of (a market or the venue), and its text."""


@runtime_checkable
class FramedSource(Protocol):
    """A source that can show the raw frames of its venue. on_frame: set before open(); called before their updates."""

    on_frame: OnFrame | None
