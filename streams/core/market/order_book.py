"""Bid and ask of one symbol, level by level, and what simulated orders have taken of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Self

import numpy as np

from schemas.records.messages import Ints
from schemas.records.numbers import NANOS_PER_S, divide_half_even

SIZE_UNKNOWN: Final = -1
"""Displayed size where the source has none: it limits nothing."""
LEVELS_KEPT_NS = 60 * NANOS_PER_S
"""So long after the market told all its levels those behind the quote are believed, in its own time."""
Quotes = tuple[Ints, Ints]
"""Prices and sizes of one side."""


@dataclass(slots=True, init=False)
class Level:
    """px: 1e-9 of the currency; sz: displayed, 1e-9 units; left: what of it no simulated order has taken yet."""

    px: int
    sz: int
    left: int

    def __init__(self, px: int, sz: int, left: int) -> None:
        self.px, self.sz, self.left = px, sz, left


@dataclass(slots=True)
class Book:
    """Each side best first; a side that the market does not quote is empty.

    ts: source time, 0 before any update; seen_ns: the venue's time when it came; both UTC nanoseconds.

    Where the market tells only its best prices a side has one level. A level is refreshed, and what was taken of it is
    there again, when its displayed size changes or it comes back after it was gone; the same size told again is not.
    Levels behind the quote that were told too long ago, yesterday's say, are gone with the next quote.
    """

    bids: list[Level] = field(default_factory=list)
    asks: list[Level] = field(default_factory=list)
    ts: int = 0
    seen_ns: int = 0
    halted: bool = False
    is_deep: bool = False
    levels_ts: int = 0
    """Source time of all levels."""

    @property
    def bid(self) -> int | None:
        """Best bid, None where there is none."""
        return self.bids[0].px if self.bids else None

    @property
    def ask(self) -> int | None:
        """Best ask, None where there is none."""
        return self.asks[0].px if self.asks else None

    @property
    def bid_size(self) -> int:
        """Displayed size of the best bid, 0 where there is none, SIZE_UNKNOWN where the source has none."""
        return self.bids[0].sz if self.bids else 0

    @property
    def ask_size(self) -> int:
        """Displayed size of the best ask, likewise."""
        return self.asks[0].sz if self.asks else 0

    @property
    def is_crossed(self) -> bool:
        """The bid stands above the ask: such a market can't be believed. A locked one, bid = ask, can."""
        return bool(self.bids and self.asks) and self.bids[0].px > self.asks[0].px

    @property
    def is_open(self) -> bool:
        """Whether orders trade: neither halted nor crossed."""
        return not self.halted and not self.is_crossed

    @property
    def is_untouched(self) -> bool:
        """Nothing was taken of it."""
        return all(level.left == level.sz for side in (self.bids, self.asks) for level in side)

    @property
    def middle(self) -> int | None:
        """Between bid and ask, rounded half even to 1e-9; None where a side is absent."""
        if not self.bids or not self.asks:
            return None
        return divide_half_even(self.bids[0].px + self.asks[0].px, 2)

    def opposite(self, buying: bool) -> list[Level]:
        """The levels that an order takes from."""
        return self.asks if buying else self.bids

    def own_size(self, buying: bool, px: int) -> int | None:
        """Displayed size at a price of the order's own side: 0 where there is none, None where it can't be seen.

        Prices behind the last visible level can't be seen; nor can a size that the source does not have.
        """
        side = self.bids if buying else self.asks
        for level in side:
            if level.px == px:
                return None if level.sz == SIZE_UNKNOWN else level.sz
        behind = bool(side) and (px < side[-1].px if buying else px > side[-1].px)
        return None if behind else 0

    def refresh(self, bid: tuple[int, int], ask: tuple[int, int], ts: int) -> None:
        """The market tells its best prices with their sizes; size 0 says that the side is absent."""
        self.is_deep = self.is_deep and ts - self.levels_ts <= LEVELS_KEPT_NS
        self.bids = _with_best(self.bids, bid[0], bid[1], self.is_deep, 1)
        self.asks = _with_best(self.asks, ask[0], ask[1], self.is_deep, -1)
        self.ts = ts

    def refresh_at_once(self, bids: Quotes, asks: Quotes, start: int, stop: int, ts: int) -> None:
        """The market tells its best prices many times: rows start to stop of the quotes. Not for a deep book."""
        assert not self.is_deep, "each quote decides which levels of a deep book stay"
        self.bids = _with_last(self.bids, bids, start, stop)
        self.asks = _with_last(self.asks, asks, start, stop)
        self.ts = ts

    def refresh_levels(self, bids: Sequence[tuple[int, int]], asks: Sequence[tuple[int, int]], ts: int) -> None:
        """The market tells all levels that it shows, each side best first."""
        self.bids, self.asks = _refreshed(self.bids, bids), _refreshed(self.asks, asks)
        self.ts = self.levels_ts = ts
        self.is_deep = True

    def clear(self) -> None:
        """The market has told nothing yet: after a split nobody knows who stands where."""
        self.bids, self.asks, self.ts, self.seen_ns = [], [], 0, 0

    def to_state(self) -> list[Any]:
        """JSON-able form."""
        sides = [[[level.px, level.sz, level.left] for level in side] for side in (self.bids, self.asks)]
        return [*sides, self.ts, self.seen_ns, self.halted, self.is_deep, self.levels_ts]

    @classmethod
    def from_state(cls, state: list[Any]) -> Self:
        """The book that to_state described."""
        bids, asks = ([Level(*level) for level in side] for side in state[:2])
        return cls(bids, asks, *state[2:])


def _with_best(levels: list[Level], px: int, sz: int, is_deep: bool, sign: int) -> list[Level]:
    if sz == 0:
        return []
    if not is_deep:
        return levels[:1] if _shows(levels, px, sz) else _only(levels, px, sz)
    known = next((level for level in levels if level.px == px and level.sz == sz), None)
    best = known or Level(px, sz, sz)
    return [best, *(level for level in levels if (px - level.px) * sign > 0)]


def _with_last(levels: list[Level], told: Quotes, start: int, stop: int) -> list[Level]:
    """As _with_best quote by quote, of a side with one level."""
    last_px, last_sz = told[0].item(stop - 1), told[1].item(stop - 1)
    if last_sz == 0:
        return []
    if _shows(levels, last_px, last_sz) and (levels[0].left == last_sz or not _moves(levels[0], told, start, stop)):
        return levels
    return _only(levels, last_px, last_sz)


def _shows(levels: list[Level], px: int, sz: int) -> bool:
    """Whether this is the best level of a side."""
    return bool(levels) and levels[0].px == px and levels[0].sz == sz


def _only(levels: list[Level], px: int, sz: int) -> list[Level]:
    """A fresh level, and no other; in the place of the one that stood there, if one did."""
    if len(levels) != 1:
        return [Level(px, sz, sz)]
    level = levels[0]
    level.px, level.sz, level.left = px, sz, sz
    return levels


def _moves(level: Level, told: Quotes, start: int, stop: int) -> bool:
    """Whether a quote tells another price or size than the level's."""
    px, sz = told
    return bool(np.count_nonzero((px[start:stop] != level.px) | (sz[start:stop] != level.sz)))


def _refreshed(levels: list[Level], told: Sequence[tuple[int, int]]) -> list[Level]:
    known = {level.px: level for level in levels}
    fresh = []
    for px, sz in told:
        level = known.get(px)
        fresh.append(level if level is not None and level.sz == sz else Level(px, sz, sz))
    return fresh
