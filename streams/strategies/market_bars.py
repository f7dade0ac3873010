"""Bars of time, of updates or of volume, built from quotes or trades.

A bar is told by the first update that is known not to belong to it, or by the update that completes it. So no bar
holds anything that its reader could not know.
"""

from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from schemas.records.numbers import price_to_decimal
from streams.strategies.market_view import TradeUpdate, Update
from streams.strategies.strategy import Tick


class BarKind(StrEnum):
    """The end of a bar: a multiple of its length in market time, a number of updates, or a traded volume."""

    TIME = "TIME"
    TICK = "TICK"
    VOLUME = "VOLUME"


class BarSource(StrEnum):
    """The prices of a bar: the mid prices of quotes, or the prices of trades."""

    QUOTES = "QUOTES"
    TRADES = "TRADES"


class BarSpec(NamedTuple):
    """A series of bars. size: nanoseconds, number of updates, or volume in 1e-9 units."""

    symbol: str
    kind: BarKind
    size: int
    source: BarSource


class MarketBar(NamedTuple):
    """A complete bar.

    Attributes:
        spec: the series it belongs to.
        open, high, low, close: prices in the currency.
        volume: units traded; 0 of quotes.
        updates: number of updates in it.
        start_ns, end_ns: market time, UTC nanoseconds. A time bar's end is not part of it.
    """

    spec: BarSpec
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    updates: int
    start_ns: int
    end_ns: int


class BarBuilder:
    """A builder of one series of bars. Intervals without an update have no bar."""

    def __init__(self, spec: BarSpec) -> None:
        self.spec = spec
        self.is_time = spec.kind is BarKind.TIME
        self._counts, self._of_trades, self._size = (
            spec.kind is BarKind.TICK,
            spec.source is BarSource.TRADES,
            spec.size,
        )
        self._open = self._high = self._low = self._close = 0
        self._volume = self._count = self._start_ns = 0

    def close_before(self, ts: int) -> MarketBar | None:
        """Returns the time bar that had ended when an update came at ts."""
        if not self.is_time or not self._count:
            return None
        end_ns = self._start_ns + self._size
        return self._complete(end_ns) if ts >= end_ns else None

    def add(self, update: Update) -> MarketBar | None:
        """Adds an update. Returns the bar that it completes, if it completes one."""
        if self._of_trades:
            if not isinstance(update, TradeUpdate):
                return None
            price = update.price
            self._volume += update.size
        else:
            if not isinstance(update, Tick):
                return None
            price = (update.bid_px + update.ask_px) // 2
        if not self._count:
            self._start_ns = update.ts // self._size * self._size if self.is_time else update.ts
            self._open = self._high = self._low = price
        elif price > self._high:
            self._high = price
        elif price < self._low:
            self._low = price
        self._close = price
        self._count += 1
        if self.is_time or (self._count if self._counts else self._volume) < self._size:
            return None
        return self._complete(update.ts)

    def _complete(self, end_ns: int) -> MarketBar:
        numbers = self._open, self._high, self._low, self._close, self._volume
        first, high, low, close, volume = map(price_to_decimal, numbers)
        count = self._count
        self._volume = self._count = 0
        return MarketBar(self.spec, first, high, low, close, volume, count, self._start_ns, end_ns)
