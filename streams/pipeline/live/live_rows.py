"""Updates of a live source as exact numbers, checked: what a market can't have does not pass."""

from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from schemas.records.numbers import NotRepresentable, price_text, to_price
from streams.core.market.market_data import AGGRESSORS, BOOK, QUOTE, TRADE
from streams.core.market.order_book import SIZE_UNKNOWN
from streams.pipeline.live.source import Level, LiveBook, LiveQuote, LiveTrade

NUMBERS_KEPT = 50_000
"""Numbers whose exact form is kept: books repeat most of theirs, and an exact conversion takes microseconds."""
LEVELS_MAX = 5_000
"""Most levels of a side of a book."""


class LiveRow(NamedTuple):
    """An update of a symbol as market.data has it. kind: a letter of market.data; time_ns: market time.

    numbers, in 1e-9: of a quote bid, bid size, ask, ask size; of a trade price, size and the aggressor's letter as a
    number; of a book price and size of each level, bids first; else none. bids: number of a book's bids.
    """

    symbol: str
    kind: str
    time_ns: int
    numbers: tuple[int, ...] = ()
    bids: int = 0


class ImpossibleUpdate(ValueError):
    """An update has what no market has; the message names the number and the rule."""


def kind_and_numbers(update: LiveQuote | LiveTrade | LiveBook) -> tuple[str, tuple[int, ...], int]:
    """Returns kind, numbers and bids of an update, as LiveRow has them. Raises ImpossibleUpdate."""
    if isinstance(update, LiveQuote):
        return QUOTE, _quote(update), 0
    if isinstance(update, LiveTrade):
        return TRADE, _trade(update), 0
    bids, asks = _side("bid", update.bids, falling=True), _side("ask", update.asks, falling=False)
    if not bids and not asks:
        raise ImpossibleUpdate("the book has no levels")
    if bids and asks:
        _demand_uncrossed(bids[0], asks[0])
    return BOOK, (*bids, *asks), len(update.bids)


def _quote(quote: LiveQuote) -> tuple[int, int, int, int]:
    bid, bid_size = _best("bid", quote.bid, quote.bid_size)
    ask, ask_size = _best("ask", quote.ask, quote.ask_size)
    if not bid and not ask:
        raise ImpossibleUpdate("the quote has neither bid nor ask")
    if bid and ask:
        _demand_uncrossed(bid, ask)
    return bid, bid_size, ask, ask_size


def _best(side: str, price: Decimal, size: Decimal) -> tuple[int, int]:
    """Returns the best level of a side; zeros if it is empty."""
    _demand_finite(side, price)
    _demand_finite(f"{side} size", size)
    if price == 0 and size == 0:
        return 0, 0
    if size == SIZE_UNKNOWN:
        return _positive(side, price), SIZE_UNKNOWN
    return _positive(side, price), _positive(f"{side} size", size)


def _trade(trade: LiveTrade) -> tuple[int, int, int]:
    if trade.aggressor not in AGGRESSORS:
        raise ImpossibleUpdate(f"the aggressor is {trade.aggressor[:20]!r}, but must be one of B, S, -")
    return _positive("price", trade.price), _positive("size", trade.size), ord(trade.aggressor)


def _side(side: str, levels: Sequence[Level], falling: bool) -> list[int]:
    if len(levels) > LEVELS_MAX:
        raise ImpossibleUpdate(f"the {side} side has {len(levels)} levels; at most {LEVELS_MAX} are taken")
    numbers: list[int] = []
    for price, size in levels:
        exact = _positive(side, price)
        if numbers and (exact >= numbers[-2] if falling else exact <= numbers[-2]):
            raise ImpossibleUpdate(f"the {side} {price} does not stand behind the level before it")
        numbers += (exact, _positive(f"{side} size", size))
    return numbers


def _positive(name: str, number: Decimal) -> int:
    _demand_finite(name, number)
    try:
        exact = _exact(number)
    except NotRepresentable as error:
        raise ImpossibleUpdate(f"{name}: {error}") from error
    if exact <= 0:
        raise ImpossibleUpdate(f"{name} {number} is not above 0")
    return exact


@lru_cache(maxsize=NUMBERS_KEPT)
def _exact(number: Decimal) -> int:
    """Returns a finite number in 1e-9. Raises NotRepresentable."""
    return to_price(number)


def _demand_finite(name: str, number: Decimal) -> None:
    if not number.is_finite():
        raise ImpossibleUpdate(f"{name} is {number}, which is no number")


def _demand_uncrossed(bid: int, ask: int) -> None:
    if bid > ask:
        raise ImpossibleUpdate(f"the market is crossed: bid {price_text(bid)} is above ask {price_text(ask)}")
