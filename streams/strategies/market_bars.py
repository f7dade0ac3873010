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
        self._prices: tuple[int, int, int, int] | None = None
        self._volume = self._count = self._start_ns = 0

    def close_before(self, ts: int) -> MarketBar | None:
        """Returns the time bar that had ended when an update came at ts."""
        if self.spec.kind is not BarKind.TIME or self._prices is None:
            return None
        end_ns = self._start_ns + self.spec.size
        return self._complete(end_ns) if ts >= end_ns else None

    def add(self, update: Update) -> MarketBar | None:
        """Adds an update. Returns the bar that it completes, if it completes one."""
        found = _price_and_volume(update, self.spec.source)
        if found is None:
            return None
        price, volume = found
        if self._prices is None:
            is_time = self.spec.kind is BarKind.TIME
            self._start_ns = update.ts // self.spec.size * self.spec.size if is_time else update.ts
        first, high, low, _ = self._prices or (price,) * 4
        self._prices = first, max(high, price), min(low, price), price
        self._volume += volume
        self._count += 1
        reached = self._count if self.spec.kind is BarKind.TICK else self._volume
        if self.spec.kind is BarKind.TIME or reached < self.spec.size:
            return None
        return self._complete(update.ts)

    def _complete(self, end_ns: int) -> MarketBar:
        assert self._prices is not None, "a bar without updates is not told"
        first, high, low, close, volume = map(price_to_decimal, (*self._prices, self._volume))
        count = self._count
        self._prices, self._volume, self._count = None, 0, 0
        return MarketBar(self.spec, first, high, low, close, volume, count, self._start_ns, end_ns)


def _price_and_volume(update: Update, source: BarSource) -> tuple[int, int] | None:
    if source is BarSource.TRADES:
        return (update.price, update.size) if isinstance(update, TradeUpdate) else None
    return ((update.bid_px + update.ask_px) // 2, 0) if isinstance(update, Tick) else None
