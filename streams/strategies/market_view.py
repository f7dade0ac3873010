"""The market as a strategy sees it: quotes, trades and books, with numbers as exact decimals."""

from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from schemas.records.messages import MarketData
from schemas.records.numbers import price_to_decimal
from streams.core.market.market_data import BOOK, QUOTE, SETTLEMENT, SPLIT, TRADE, MarketRows
from streams.core.market.order_book import SIZE_UNKNOWN, Levels
from streams.strategies.strategy import Tick


class TradeUpdate(NamedTuple):
    """A trade: price in 1e-9 of the currency, size in 1e-9 units, aggressor B, S or - (unknown), ts in UTC ns."""

    price: int
    size: int
    aggressor: str
    ts: int


class BookUpdate(NamedTuple):
    """Both sides of a book, the best level first: columns of prices and sizes in 1e-9; ts in UTC nanoseconds."""

    bids: Levels
    asks: Levels
    ts: int


class SplitUpdate(NamedTuple):
    """A split: shares after it for shares before it; ts in UTC nanoseconds."""

    to: int
    of: int
    ts: int


class SettlementUpdate(NamedTuple):
    """A settlement of an expired instrument: price in 1e-9 of the currency, ts in UTC nanoseconds."""

    price: int
    ts: int


Update = Tick | TradeUpdate | BookUpdate | SplitUpdate | SettlementUpdate


def updates_of(record: MarketData) -> Iterator[Update]:
    """Yields the quotes with both sides, trades, books, splits and settlements of a valid record in their order."""
    rows = MarketRows(record)
    for at, (kind, ts) in enumerate(zip(record.kinds, record.times, strict=True)):
        ts = int(ts)
        if kind == QUOTE:
            bid_px, bid_sz, ask_px, ask_sz = rows.next_quote()
            if bid_sz and ask_sz:
                yield Tick(bid_px, bid_sz, ask_px, ask_sz, ts)
        elif kind == TRADE:
            yield TradeUpdate(*rows.next_trade(), ts)
        elif kind == BOOK:
            yield BookUpdate(*rows.next_levels(), ts)
        elif kind == SPLIT:
            yield SplitUpdate(*rows.next_split(), ts)
        elif kind == SETTLEMENT:
            yield SettlementUpdate(rows.next_settlement(), ts)
        else:
            rows.skip(at, at + 1)


class QuoteEvent(NamedTuple):
    """A quote with both sides. tick: its numbers as integers of 1e-9, and its time."""

    symbol: str
    tick: Tick

    @property
    def bid(self) -> Decimal:
        """Best bid, in the currency."""
        return price_to_decimal(self.tick.bid_px)

    @property
    def ask(self) -> Decimal:
        """Best ask, in the currency."""
        return price_to_decimal(self.tick.ask_px)

    @property
    def mid(self) -> Decimal:
        """Middle of bid and ask, in the currency."""
        return (self.bid + self.ask) / 2

    @property
    def bid_size(self) -> Decimal | None:
        """Units bid for at the best bid; None if the market does not say."""
        return size_or_none(self.tick.bid_sz)

    @property
    def ask_size(self) -> Decimal | None:
        """Units offered at the best ask; None if the market does not say."""
        return size_or_none(self.tick.ask_sz)

    @property
    def ts(self) -> int:
        """Market time, UTC nanoseconds."""
        return self.tick.ts


class TradeEvent(NamedTuple):
    """A trade of the market. aggressor: B, S, or - if it is unknown. size: units. ts: UTC nanoseconds."""

    symbol: str
    price: Decimal
    size: Decimal
    aggressor: str
    ts: int


class BookLevel(NamedTuple):
    """A level of a book. size: units; None if the market does not say."""

    price: Decimal
    size: Decimal | None


class BookEvent(NamedTuple):
    """A book. bids, asks: from the best level on; a side may be empty. ts: UTC nanoseconds."""

    symbol: str
    bids: tuple[BookLevel, ...]
    asks: tuple[BookLevel, ...]
    ts: int

    @classmethod
    def of(cls, symbol: str, book: BookUpdate) -> "BookEvent":
        """Returns the book of a print."""
        return cls(symbol, _levels(book.bids), _levels(book.asks), book.ts)


def size_or_none(size: int) -> Decimal | None:
    """Returns a size of the market in units; None if it is unknown."""
    return None if size == SIZE_UNKNOWN else price_to_decimal(size)


def _levels(side: Levels) -> tuple[BookLevel, ...]:
    return tuple(
        BookLevel(price_to_decimal(int(price)), size_or_none(int(size))) for price, size in zip(*side, strict=True)
    )
