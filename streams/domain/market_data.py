"""Rules that a market.data record keeps, and reading its columns."""

from collections.abc import Sequence
from itertools import accumulate
from operator import gt

from streams.domain.book import SIZE_UNKNOWN, is_best_first
from streams.domain.messages import MarketData
from streams.domain.numbers import PRICE_MAX
from streams.domain.shard import RecordRefused

QUOTE, TRADE, BOOK, HALT, RESUME, SPLIT = "QTBHRS"
KINDS = frozenset((QUOTE, TRADE, BOOK, HALT, RESUME, SPLIT))
AGGRESSORS = frozenset("BS-")
SPLIT_MAX = 1_000_000

Levels = list[tuple[int, int]]
"""Price and size of each level, best first."""


class MarketRows:
    """Reads the columns of a record that keeps the rules, update by update."""

    def __init__(self, record: MarketData) -> None:
        self._record = record
        self._next = dict.fromkeys(KINDS, 0)
        self._level = 0

    def next(self, kind: str) -> int:
        """Row of the next update of a kind in its columns."""
        row = self._next[kind]
        self._next[kind] = row + 1
        return row

    def next_levels(self) -> tuple[Levels, Levels]:
        """Bids and asks of the next book update."""
        row = self.next(BOOK)
        return self._levels(self._record.book_bids[row]), self._levels(self._record.book_asks[row])

    def _levels(self, count: int) -> Levels:
        start, self._level = self._level, self._level + count
        record = self._record
        return list(zip(record.book_px[start : self._level], record.book_sz[start : self._level], strict=True))


def check_market_data(record: MarketData) -> None:
    """Raises RecordRefused where the columns don't fit each other or a number can't be one of a market."""
    counts = {kind: record.kinds.count(kind) for kind in (QUOTE, TRADE)}
    if sum(counts.values()) != len(record.kinds):
        counts |= {kind: record.kinds.count(kind) for kind in (BOOK, HALT, RESUME, SPLIT)}
        if sum(counts.values()) != len(record.kinds):
            raise _refused(record, f"kinds holds letters other than {', '.join(sorted(KINDS))}")
    if len(record.times) != len(record.kinds):
        raise _refused(record, f"{len(record.kinds)} kinds but {len(record.times)} times")
    if record.times and record.times[0] <= 0:
        raise _refused(record, f"time {record.times[0]} is not after 1970")
    if any(map(gt, record.times, record.times[1:])):
        raise _refused(record, "times step back within the record")
    quotes, trades = counts[QUOTE], counts[TRADE]
    _check_columns(record, quotes, ("bid_px", "bid_sz", "ask_px", "ask_sz"))
    _check_columns(record, trades, ("trade_px", "trade_sz"))
    if len(record.aggressors) != trades or not AGGRESSORS.issuperset(record.aggressors):
        raise _refused(record, "aggressors needs one letter of B, S, - for each trade")
    if quotes:
        _check_side(record, "bid")
        _check_side(record, "ask")
    if trades and (min(record.trade_px) <= 0 or min(record.trade_sz) < 0):
        raise _refused(record, "a trade needs a positive price and a size of 0 or more")
    _check_books(record, counts.get(BOOK, 0))
    _check_splits(record, counts.get(SPLIT, 0))


def _check_columns(record: MarketData, rows: int, columns: tuple[str, ...]) -> None:
    for column in columns:
        values = getattr(record, column)
        if len(values) != rows:
            raise _refused(record, f"column {column} has {len(values)} rows where kinds asks for {rows}")
        if rows and max(values) > PRICE_MAX:
            raise _refused(record, f"column {column} holds a number above {PRICE_MAX}e-9")


def _check_side(record: MarketData, side: str) -> None:
    prices, sizes = getattr(record, f"{side}_px"), getattr(record, f"{side}_sz")
    if min(sizes) < SIZE_UNKNOWN:
        raise _refused(record, f"{side}_sz below {SIZE_UNKNOWN}")
    if min(prices) <= 0 and any(price <= 0 and size != 0 for price, size in zip(prices, sizes, strict=True)):
        raise _refused(record, f"{side}_px of 0 or less with a size; an absent side has size 0")


def _check_books(record: MarketData, books: int) -> None:
    _check_columns(record, books, ("book_bids", "book_asks"))
    if any(count < 0 for count in (*record.book_bids, *record.book_asks)):
        raise _refused(record, "a count of book levels is below 0")
    levels = sum(record.book_bids) + sum(record.book_asks)
    _check_columns(record, levels, ("book_px", "book_sz"))
    if levels and (min(record.book_px) <= 0 or min(record.book_sz) <= 0):
        raise _refused(record, "a book level needs a positive price and size")
    sides = [count for pair in zip(record.book_bids, record.book_asks, strict=True) for count in pair]
    for number, end in enumerate(accumulate(sides)):
        prices: Sequence[int] = record.book_px[end - sides[number] : end]
        if not is_best_first(prices, buying=number % 2 == 0):
            raise _refused(record, "book levels of a side must stand best first, each price once")


def _check_splits(record: MarketData, splits: int) -> None:
    for column in ("split_to", "split_of"):
        values = getattr(record, column)
        if len(values) != splits:
            raise _refused(record, f"column {column} has {len(values)} rows where kinds asks for {splits}")
        if any(not 0 < value <= SPLIT_MAX for value in values):
            raise _refused(record, f"column {column} must hold numbers from 1 to {SPLIT_MAX}")


def _refused(record: MarketData, why: str) -> RecordRefused:
    return RecordRefused("MARKET_DATA_INVALID", f"market.data of {record.symbol} at {record.ts}: {why}")
