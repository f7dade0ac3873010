"""Fill models: when does a limit order that stands in the book trade?"""

from collections.abc import Sequence
from enum import StrEnum
from typing import ClassVar, Protocol

from streams.core.market.order_book import Book
from streams.core.market.trades import Print
from streams.core.simulators.model import Part
from streams.core.simulators.venue_order import VenueOrder


class Skips(StrEnum):
    """Which updates of the market a fill model need not be asked about, because its answer is known: nothing.

    With queues, those that change the size at the order's price are always told.
    """

    NOTHING = "nothing"
    UNTIL_TOUCHED = "until touched"
    """While no trade and no opposite quote is at the order's price or beyond it."""
    UNTIL_CROSSED = "until crossed"
    """While none is beyond it."""


class FillModel(Protocol):
    """Contract: answers are functions of the arguments alone; order.price is never None here.

    A model may declare skips: ClassVar[Skips]; one that does not is asked about every update.

    The simulator sees to it that a fill is at the order's own price and within what the trade or the quote has left.
    """

    queues: bool
    """Whether order.queue_ahead is kept for it."""

    def by_trade(self, order: VenueOrder, trade: Print) -> int:
        """How much of a trade that could have met the order comes to it, 1e-9 units, before other own orders."""
        ...

    def is_met(self, order: VenueOrder, book: Book) -> bool:
        """Whether the opposite side of the quote trades with the order."""
        ...

    def describe(self) -> str:
        """Name and parameters."""
        ...


def _is_through(order: VenueOrder, px: int) -> bool:
    """Whether a price lies beyond the order's, so that every order at its price has traded."""
    assert order.price is not None
    return px < order.price if order.buying else px > order.price


class Touch(Part):
    """A trade or an opposite quote at the price fills: no queue. What most paper trading does; the upper bound."""

    model: ClassVar[str] = "touch"
    queues: ClassVar[bool] = False
    skips: ClassVar[Skips] = Skips.UNTIL_TOUCHED

    def by_trade(self, order: VenueOrder, trade: Print) -> int:
        return trade.sz

    def is_met(self, order: VenueOrder, book: Book) -> bool:
        return order.marketable_at(book.ask if order.buying else book.bid)


class TradeThrough(Part):
    """Only a trade or an opposite quote beyond the price fills: the whole queue is gone. The lower bound."""

    model: ClassVar[str] = "trade-through"
    queues: ClassVar[bool] = False
    skips: ClassVar[Skips] = Skips.UNTIL_CROSSED

    def by_trade(self, order: VenueOrder, trade: Print) -> int:
        return trade.sz if _is_through(order, trade.px) else 0

    def is_met(self, order: VenueOrder, book: Book) -> bool:
        opposite = book.ask if order.buying else book.bid
        return opposite is not None and _is_through(order, opposite)


class Queue(Part):
    """Trades at the price consume what stands before the order first; sizes that shrink: streams.core.simulators.queue.

    An opposite quote at the price fills once nobody else stands there: the market's own quote has left the price.
    """

    model: ClassVar[str] = "queue"
    queues: ClassVar[bool] = True
    skips: ClassVar[Skips] = Skips.UNTIL_TOUCHED

    def by_trade(self, order: VenueOrder, trade: Print) -> int:
        if _is_through(order, trade.px):
            return trade.sz
        return 0 if order.queue_ahead is None else max(trade.sz - order.queue_ahead, 0)

    def is_met(self, order: VenueOrder, book: Book) -> bool:
        assert order.price is not None
        opposite, own = (book.ask, book.bid) if order.buying else (book.bid, book.ask)
        return opposite is not None and (
            _is_through(order, opposite) or (opposite == order.price and own != order.price)
        )


PARTS: Sequence[type[Part]] = (Touch, TradeThrough, Queue)
