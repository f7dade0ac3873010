"""The order book of one symbol, level by level, with the size that simulated orders have taken."""

from typing import Any, Final, Self

import numpy as np

from schemas.records.messages import Ints
from schemas.records.numbers import NANOS_PER_S, divide_half_even

SIZE_UNKNOWN: Final = -1
"""Displayed size if the source has none: such a level has no limit."""
LEVELS_KEPT_NS = 60 * NANOS_PER_S
"""Market time for which the levels behind the quote stay valid after an update of all levels, nanoseconds."""
Quotes = tuple[Ints, Ints]
"""Prices and sizes of one side, a row for each quote."""
Levels = tuple[list[int], list[int]]
"""Prices (1e-9) and sizes (1e-9 units) of one side, best first."""


class PriceLevel:
    """A price level. px: 1e-9 of the currency; sz: displayed size, 1e-9 units; left: size not yet taken by orders.

    beyond: size that orders have taken beyond all levels of the side while this one was its best.
    """

    def __init__(self, px: int, sz: int, left: int, beyond: int = 0) -> None:
        self.px, self.sz, self.left, self.beyond = px, sz, left, beyond

    @property
    def is_untouched(self) -> bool:
        """True if no simulated order has taken from the level or, while it was the best, beyond it."""
        return self.left == self.sz and not self.beyond


class SideChange:
    """The difference that the last update made to the displayed sizes of a side.

    prices: those whose size may have changed. last_before: price of the last level before the update, None if there was
    none: what is visible now and was not before lies between that and the last level now.
    """

    def __init__(self) -> None:
        self.prices: list[int] = []
        self.last_before: int | None = None

    def begin(self, levels: list[PriceLevel]) -> None:
        """Begins an update of these levels."""
        self.prices = []
        self.last_before = levels[-1].px if levels else None


class OrderBook:
    """The bids and asks of a symbol, best first; a side that the market does not quote is empty.

    ts: source time of the last update, 0 before any; seen_ns: time of the venue at that update; both UTC nanoseconds.
    has_depth: True if levels behind the best are known. levels_ts: source time of the last update of all levels.

    If the market sends only its best prices, a side has one level. A level is available in full again when its
    displayed size changes, or when it comes back after it was gone; a repeat of the same size changes nothing. What was
    taken beyond the levels is forgotten with the best one. The next quote removes levels behind it that are older than
    LEVELS_KEPT_NS.
    """

    def __init__(self) -> None:
        self.bids: list[PriceLevel] = []
        self.asks: list[PriceLevel] = []
        self.ts = self.seen_ns = self.levels_ts = 0
        self.halted = self.has_depth = False
        self.bid_change, self.ask_change = SideChange(), SideChange()

    @property
    def bid(self) -> int | None:
        """Best bid, None if there is none."""
        return self.bids[0].px if self.bids else None

    @property
    def ask(self) -> int | None:
        """Best ask, None if there is none."""
        return self.asks[0].px if self.asks else None

    @property
    def bid_size(self) -> int:
        """Displayed size of the best bid, 0 if there is no bid, SIZE_UNKNOWN if the source has no sizes."""
        return self.bids[0].sz if self.bids else 0

    @property
    def ask_size(self) -> int:
        """Displayed size of the best ask, 0 if there is no ask, SIZE_UNKNOWN if the source has no sizes."""
        return self.asks[0].sz if self.asks else 0

    @property
    def is_crossed(self) -> bool:
        """True if the bid is above the ask, which is an error of the source. A locked market (bid = ask) is none."""
        return bool(self.bids and self.asks) and self.bids[0].px > self.asks[0].px

    @property
    def is_open(self) -> bool:
        """True if orders may trade: the market is neither halted nor crossed."""
        return not self.halted and not self.is_crossed

    @property
    def is_untouched(self) -> bool:
        """True if no simulated order has taken from the present levels."""
        return all(level.is_untouched for side in (self.bids, self.asks) for level in side)

    @property
    def mid_price(self) -> int | None:
        """Mean of bid and ask, rounded half to even to 1e-9; None if a side is absent."""
        if not self.bids or not self.asks:
            return None
        return divide_half_even(self.bids[0].px + self.asks[0].px, 2)

    def opposite(self, buying: bool) -> list[PriceLevel]:
        """Returns the levels that an order takes from."""
        return self.asks if buying else self.bids

    def own_size(self, buying: bool, px: int) -> int | None:
        """Returns the displayed size at a price of the order's own side: 0 if there is none, None if it is not visible.

        Prices behind the last level are not visible; nor is a size that the source does not have.
        """
        side = self.bids if buying else self.asks
        for level in side:
            if level.px == px:
                return None if level.sz == SIZE_UNKNOWN else level.sz
        behind = bool(side) and (px < side[-1].px if buying else px > side[-1].px)
        return None if behind else 0

    def update_quote(self, bid: tuple[int, int], ask: tuple[int, int], ts: int) -> None:
        """Applies a quote: best prices and sizes; size 0 means that the side is absent."""
        self.has_depth = self.has_depth and ts - self.levels_ts <= LEVELS_KEPT_NS
        self.bids = _with_best(self.bids, bid[0], bid[1], self.has_depth, 1, self.bid_change)
        self.asks = _with_best(self.asks, ask[0], ask[1], self.has_depth, -1, self.ask_change)
        self.ts = ts

    def update_quotes(self, bids: Quotes, asks: Quotes, start: int, stop: int, ts: int) -> None:
        """Applies the quotes of rows [start, stop) at once. The book must not have depth."""
        assert not self.has_depth, "each quote decides which levels of a deep book stay"
        self.bids = _with_last(self.bids, bids, start, stop)
        self.asks = _with_last(self.asks, asks, start, stop)
        self.ts = ts

    def update_levels(self, bids: Levels, asks: Levels, ts: int) -> None:
        """Replaces all levels; each side stands best first."""
        self.bids = _merged(self.bids, bids, True, self.bid_change)
        self.asks = _merged(self.asks, asks, False, self.ask_change)
        self.ts = self.levels_ts = ts
        self.has_depth = True

    def clear(self) -> None:
        """Removes all levels, because after a split none of them is valid."""
        self.bids, self.asks, self.ts, self.seen_ns = [], [], 0, 0

    def to_state(self) -> list[Any]:
        """Returns the book as JSON values."""
        sides = [[[level.px, level.sz, level.left, level.beyond] for level in side] for side in (self.bids, self.asks)]
        return [*sides, self.ts, self.seen_ns, self.halted, self.has_depth, self.levels_ts]

    @classmethod
    def from_state(cls, state: list[Any]) -> Self:
        """Restores a book from to_state."""
        book = cls()
        book.bids, book.asks = ([PriceLevel(*level) for level in side] for side in state[:2])
        book.ts, book.seen_ns, book.halted, book.has_depth, book.levels_ts = state[2:]
        return book


def _with_best(
    levels: list[PriceLevel], px: int, sz: int, has_depth: bool, sign: int, change: SideChange
) -> list[PriceLevel]:
    change.begin(levels)
    if sz and len(levels) <= 1 and not has_depth:
        if _shows(levels, px, sz):
            return levels
        if levels:
            change.prices.append(levels[0].px)
        change.prices.append(px)
        return _only(levels, px, sz)
    change.prices.extend([level.px for level in levels])
    if sz == 0:
        return []
    change.prices.append(px)
    if not has_depth:
        return levels[:1] if _shows(levels, px, sz) else _only(levels, px, sz)
    known = next((level for level in levels if level.px == px and level.sz == sz), None)
    best = known or PriceLevel(px, sz, sz)
    return [best, *(level for level in levels if (px - level.px) * sign > 0)]


def _with_last(levels: list[PriceLevel], quotes: Quotes, start: int, stop: int) -> list[PriceLevel]:
    """Returns what _with_best returns after each of the quotes, for a side with one level."""
    last_px, last_sz = quotes[0].item(stop - 1), quotes[1].item(stop - 1)
    if last_sz == 0:
        return []
    if _shows(levels, last_px, last_sz) and (levels[0].is_untouched or not _changes(levels[0], quotes, start, stop)):
        return levels
    return _only(levels, last_px, last_sz)


def _shows(levels: list[PriceLevel], px: int, sz: int) -> bool:
    """Returns whether the best level has this price and size."""
    return bool(levels) and levels[0].px == px and levels[0].sz == sz


def _only(levels: list[PriceLevel], px: int, sz: int) -> list[PriceLevel]:
    """Returns a side with one untouched level; reuses the object of the only level, if there is one."""
    if len(levels) != 1:
        return [PriceLevel(px, sz, sz)]
    level = levels[0]
    level.px, level.sz, level.left, level.beyond = px, sz, sz, 0
    return levels


def _changes(level: PriceLevel, quotes: Quotes, start: int, stop: int) -> bool:
    """Returns whether any of the quotes has another price or size than the level."""
    px, sz = quotes
    return bool(np.count_nonzero((px[start:stop] != level.px) | (sz[start:stop] != level.sz)))


def _merged(levels: list[PriceLevel], shown: Levels, falling: bool, change: SideChange) -> list[PriceLevel]:
    """Returns the levels that show these prices and sizes; a level that shows what it showed before stays."""
    change.begin(levels)
    changed, old, count = change.prices, 0, len(levels)
    merged: list[PriceLevel] = []
    for px, sz in zip(*shown, strict=True):
        level = None
        while old < count:
            level = levels[old]
            if (level.px <= px) if falling else (level.px >= px):
                break
            changed.append(level.px)
            old += 1
        if level is None or level.px != px:
            changed.append(px)
            merged.append(PriceLevel(px, sz, sz))
            continue
        old += 1
        if level.sz != sz:
            changed.append(px)
            level.sz = level.left = sz
            level.beyond = 0
        merged.append(level)
    for gone in range(old, count):
        changed.append(levels[gone].px)
    return merged
