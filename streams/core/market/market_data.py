"""The rules of market.data records, and a reader of their columns."""

from typing import Final

import numpy as np

from schemas.records.bounds import FUNDING_RATE_MAX, SPLIT_MAX
from schemas.records.messages import Column, MarketData
from schemas.records.numbers import PRICE_MAX
from schemas.records.output import RecordRefused
from streams.core.market.market_columns import as_array, as_list, highest, lowest, steps_back, with_arrays
from streams.core.market.order_book import SIZE_UNKNOWN, Levels

QUOTE: Final = "Q"
TRADE: Final = "T"
BOOK: Final = "B"
HALT: Final = "H"
RESUME: Final = "R"
SPLIT: Final = "S"
FUNDING: Final = "F"
DIVIDEND: Final = "D"
SETTLEMENT: Final = "E"
SINGLE_MAX: Final = 8
"""Number of quotes of a record that are read one by one; to read more, its columns are turned into lists at once."""
KINDS_BEFORE_PAYMENTS = frozenset((QUOTE, TRADE, BOOK, HALT, RESUME, SPLIT))
KINDS_BEFORE_SETTLEMENT = KINDS_BEFORE_PAYMENTS | {FUNDING, DIVIDEND}
KINDS = KINDS_BEFORE_SETTLEMENT | {SETTLEMENT}
OTHER_KINDS = (BOOK, HALT, RESUME, SPLIT, FUNDING, DIVIDEND, SETTLEMENT)
AGGRESSORS = frozenset("BS-")


class MarketRows:
    """A reader of a valid record, update by update."""

    def __init__(self, record: MarketData) -> None:
        self.only_quotes = len(record.bid_px) == len(record.kinds)
        self.quotes = self.trades = 0
        """Number of quotes and of trades read or skipped, which is the row of the next one."""
        self._record = record
        self._books = self._levels_read = self._splits = self._fundings = self._dividends = 0
        self._settlements = 0
        self._levels: Levels | None = None
        self._trade_columns: Levels | None = None
        self._quote_columns: tuple[list[int], list[int], list[int], list[int]] | None = None
        self._single = SINGLE_MAX

    def next_quote(self) -> tuple[int, int, int, int]:
        """Returns bid, bid size, ask and ask size of the next quote."""
        row, record = self.quotes, self._record
        self.quotes += 1
        if self._quote_columns is None:
            self._single -= 1
            if self._single >= 0:
                bid = int(record.bid_px[row]), int(record.bid_sz[row])
                return *bid, int(record.ask_px[row]), int(record.ask_sz[row])
            bids = as_list(record.bid_px), as_list(record.bid_sz)
            self._quote_columns = (*bids, as_list(record.ask_px), as_list(record.ask_sz))
        columns = self._quote_columns
        return columns[0][row], columns[1][row], columns[2][row], columns[3][row]

    def next_trade(self) -> tuple[int, int, str]:
        """Returns price, size and aggressor of the next trade."""
        row, record = self.trades, self._record
        self.trades += 1
        if self._trade_columns is None:
            self._trade_columns = as_list(record.trade_px), as_list(record.trade_sz)
        prices, sizes = self._trade_columns
        return prices[row], sizes[row], record.aggressors[row]

    def next_split(self) -> tuple[int, int]:
        """Returns the shares after and before the next split."""
        row, record = self._splits, self._record
        self._splits += 1
        return int(record.split_to[row]), int(record.split_of[row])

    def next_funding(self) -> tuple[int, int]:
        """Returns rate and mark price of the next funding."""
        row, record = self._fundings, self._record
        self._fundings += 1
        return int(record.funding_rate[row]), int(record.funding_px[row])

    def next_dividend(self) -> int:
        """Returns the cash that a unit bears by the next dividend."""
        row = self._dividends
        self._dividends += 1
        return int(self._record.dividend[row])

    def next_settlement(self) -> int:
        """Returns the price of the next settlement."""
        row = self._settlements
        self._settlements += 1
        return int(self._record.settlement_px[row])

    def next_levels(self) -> tuple[Levels, Levels]:
        """Returns bids and asks of the next book update."""
        row, record = self._books, self._record
        self._books += 1
        return self._next_side(int(record.book_bids[row])), self._next_side(int(record.book_asks[row]))

    def skip(self, start: int, stop: int) -> None:
        """Skips the updates in [start, stop); start must be the next one."""
        if self.only_quotes:
            self.quotes += stop - start
            return
        kinds, first = self._record.kinds, self._books
        self.quotes += kinds.count(QUOTE, start, stop)
        self.trades += kinds.count(TRADE, start, stop)
        self._splits += kinds.count(SPLIT, start, stop)
        self._fundings += kinds.count(FUNDING, start, stop)
        self._dividends += kinds.count(DIVIDEND, start, stop)
        self._settlements += kinds.count(SETTLEMENT, start, stop)
        self._books += kinds.count(BOOK, start, stop)
        for counts in (self._record.book_bids, self._record.book_asks):
            self._levels_read += int(sum(counts[first : self._books]))

    def _next_side(self, count: int) -> Levels:
        if self._levels is None:
            self._levels = as_list(self._record.book_px), as_list(self._record.book_sz)
        prices, sizes = self._levels
        start = self._levels_read
        self._levels_read = stop = start + count
        return prices[start:stop], sizes[start:stop]


def best_level(side: Levels) -> tuple[int, int]:
    """Returns price and size of the best level of a side of a book; zeros if it has none."""
    prices, sizes = side
    return (prices[0], sizes[0]) if prices else (0, 0)


def check_market_data(record: MarketData, with_payments: bool = True, with_settlements: bool = True) -> MarketData:
    """Returns the record in the form that the venue reads (streams.core.market.market_columns.with_arrays).

    with_payments: it may hold fundings and dividends; see CoreConfig.positions_bring_payments. with_settlements: beside
    these, settlements; see CoreConfig.futures_settle.

    Raises RecordRefused if the columns don't fit each other, or if a number is impossible in a market.
    """
    try:
        record = with_arrays(record)
    except OverflowError as error:
        raise _refused(record, f"a column holds a number above {PRICE_MAX}e-9") from error
    known = KINDS if with_settlements else KINDS_BEFORE_SETTLEMENT
    _check(record, known if with_payments else KINDS_BEFORE_PAYMENTS)
    return record


def _check(record: MarketData, known: frozenset[str]) -> None:
    counts = {kind: record.kinds.count(kind) for kind in (QUOTE, TRADE)}
    if sum(counts.values()) != len(record.kinds):
        counts |= {kind: record.kinds.count(kind) for kind in OTHER_KINDS}
        if not known.issuperset(record.kinds):
            raise _refused(record, f"kinds holds letters other than {', '.join(sorted(known))}")
    if len(record.times) != len(record.kinds):
        raise _refused(record, f"{len(record.kinds)} kinds but {len(record.times)} times")
    if len(record.times) and record.times[0] <= 0:
        raise _refused(record, f"time {record.times[0]} is not after 1970")
    if steps_back(record.times):
        raise _refused(record, "times step back within the record")
    quotes, trades = counts[QUOTE], counts[TRADE]
    _check_columns(record, quotes, ("bid_px", "bid_sz", "ask_px", "ask_sz"))
    _check_columns(record, trades, ("trade_px", "trade_sz"))
    if len(record.aggressors) != trades or not AGGRESSORS.issuperset(record.aggressors):
        raise _refused(record, "aggressors needs one letter of B, S, - for each trade")
    if quotes:
        _check_side(record, "bid")
        _check_side(record, "ask")
    if trades and (lowest(record.trade_px) <= 0 or lowest(record.trade_sz) < 0):
        raise _refused(record, "a trade needs a positive price and a size of 0 or more")
    _check_books(record, counts.get(BOOK, 0))
    _check_splits(record, counts.get(SPLIT, 0))
    _check_payments(record, counts.get(FUNDING, 0), counts.get(DIVIDEND, 0))
    _check_settlements(record, counts.get(SETTLEMENT, 0))


def _check_columns(record: MarketData, rows: int, columns: tuple[str, ...]) -> None:
    for column in columns:
        values: Column = getattr(record, column)
        if len(values) != rows:
            raise _refused(record, f"column {column} has {len(values)} rows where kinds asks for {rows}")
        if rows and highest(values) > PRICE_MAX:
            raise _refused(record, f"column {column} holds a number above {PRICE_MAX}e-9")


def _check_side(record: MarketData, side: str) -> None:
    prices, sizes = getattr(record, f"{side}_px"), getattr(record, f"{side}_sz")
    if lowest(sizes) < SIZE_UNKNOWN:
        raise _refused(record, f"{side}_sz below {SIZE_UNKNOWN}")
    if lowest(prices) <= 0 and any(price <= 0 and size != 0 for price, size in zip(prices, sizes, strict=True)):
        raise _refused(record, f"{side}_px of 0 or less with a size; an absent side has size 0")


def _check_books(record: MarketData, books: int) -> None:
    _check_columns(record, books, ("book_bids", "book_asks"))
    if not books:
        _check_columns(record, 0, ("book_px", "book_sz"))
        return
    if lowest(record.book_bids) < 0 or lowest(record.book_asks) < 0:
        raise _refused(record, "a count of book levels is below 0")
    if max(highest(record.book_bids), highest(record.book_asks)) > len(record.book_px):
        raise _refused(record, f"a book has more levels than the {len(record.book_px)} rows of column book_px")
    levels = int(np.sum(record.book_bids)) + int(np.sum(record.book_asks))
    _check_columns(record, levels, ("book_px", "book_sz"))
    if levels and (lowest(record.book_px) <= 0 or lowest(record.book_sz) <= 0):
        raise _refused(record, "a book level needs a positive price and size")
    if levels:
        counts = np.stack((as_array(record.book_bids), as_array(record.book_asks)), axis=1).ravel()
        side = np.repeat(np.arange(2 * books), counts)
        step = np.diff(as_array(record.book_px))
        wrong = np.where(side[1:] % 2 == 0, step >= 0, step <= 0) & (side[1:] == side[:-1])
        if wrong.any():
            raise _refused(record, "book levels of a side must stand best first, each price once")


def _check_splits(record: MarketData, splits: int) -> None:
    for column in ("split_to", "split_of"):
        values = getattr(record, column)
        if len(values) != splits:
            raise _refused(record, f"column {column} has {len(values)} rows where kinds asks for {splits}")
        if any(not 0 < value <= SPLIT_MAX for value in values):
            raise _refused(record, f"column {column} must hold numbers from 1 to {SPLIT_MAX}")


def _check_payments(record: MarketData, fundings: int, dividends: int) -> None:
    _check_columns(record, fundings, ("funding_rate", "funding_px"))
    _check_columns(record, dividends, ("dividend",))
    if fundings:
        if lowest(record.funding_px) <= 0:
            raise _refused(record, "a funding needs a mark price above 0")
        if lowest(record.funding_rate) < -FUNDING_RATE_MAX or highest(record.funding_rate) > FUNDING_RATE_MAX:
            raise _refused(record, "funding_rate is a share of the value from -1 to 1")
    if dividends and lowest(record.dividend) <= 0:
        raise _refused(record, "a dividend is above 0 a unit")


def _check_settlements(record: MarketData, settlements: int) -> None:
    _check_columns(record, settlements, ("settlement_px",))
    if settlements and lowest(record.settlement_px) <= 0:
        raise _refused(record, "a settlement needs a price above 0")


def _refused(record: MarketData, why: str) -> RecordRefused:
    return RecordRefused("MARKET_DATA_INVALID", f"market.data of {record.symbol} at {record.ts}: {why}")
