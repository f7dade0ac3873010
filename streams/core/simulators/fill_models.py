"""Fill models: the condition under which a resting limit order trades."""

from collections.abc import Sequence
from enum import StrEnum
from typing import ClassVar, Protocol

from streams.core.market.order_book import OrderBook
from streams.core.market.trades import TradePrint
from streams.core.simulators.model import Model
from streams.core.simulators.venue_order import VenueOrder


class Skips(StrEnum):
    """The market updates that can't fill an order under a fill model, so that the simulator skips them.

    A model with queues still sees every update that changes the size at the order's price.
    """

    NOTHING = "nothing"
    UNTIL_TOUCHED = "until touched"
    """Skip until a trade or an opposite quote is at the order's price or beyond it."""
    UNTIL_CROSSED = "until crossed"
    """Skip until a trade or an opposite quote is beyond the order's price."""


class FillModel(Protocol):
    """The interface of fill models. Answers depend on the arguments alone; order.price is never None here.

    A model may declare skips: ClassVar[Skips]; the simulator asks a model without it about every update. A model with
    queues may declare in_turn: ClassVar[bool] = True; it is then asked about a trade at an order's price only if the
    trade is larger than order.queue_ahead.

    The simulator fills at the order's own price, and at most the size that the trade or the quote has left.
    """

    queues: bool
    """True if the simulator must keep order.queue_ahead for the model."""

    def by_trade(self, order: VenueOrder, trade: TradePrint) -> int:
        """Returns the size of a trade that reaches the order, 1e-9 units, before other simulated orders take theirs."""
        ...

    def is_met(self, order: VenueOrder, book: OrderBook) -> bool:
        """Returns whether the opposite side of the quote trades with the order."""
        ...

    def describe(self) -> str:
        """Returns the name and the parameters."""
        ...


def _is_through(order: VenueOrder, px: int) -> bool:
    """Returns whether a price is beyond the order's, so that every order at its price has traded."""
    assert order.price is not None
    return px < order.price if order.buying else px > order.price


class Touch(Model):
    """A fill by any trade or opposite quote at the price, without a queue: the upper bound, usual in paper trading."""

    model: ClassVar[str] = "touch"
    queues: ClassVar[bool] = False
    skips: ClassVar[Skips] = Skips.UNTIL_TOUCHED

    def by_trade(self, order: VenueOrder, trade: TradePrint) -> int:
        return trade.sz

    def is_met(self, order: VenueOrder, book: OrderBook) -> bool:
        return order.marketable_at(book.ask if order.buying else book.bid)


class TradeThrough(Model):
    """A fill only by a trade or an opposite quote beyond the price, when the whole queue has gone: the lower bound."""

    model: ClassVar[str] = "trade-through"
    queues: ClassVar[bool] = False
    skips: ClassVar[Skips] = Skips.UNTIL_CROSSED

    def by_trade(self, order: VenueOrder, trade: TradePrint) -> int:
        return trade.sz if _is_through(order, trade.px) else 0

    def is_met(self, order: VenueOrder, book: OrderBook) -> bool:
        opposite = book.ask if order.buying else book.bid
        return opposite is not None and _is_through(order, opposite)


class Queue(Model):
    """A fill by trades at the price after they have consumed the size ahead of the order.

    A queue model decides how far the order moves up if the displayed size shrinks without a trade. An opposite quote at
    the price fills once the market's own quote has left it, because then no other order is there.
    """

    model: ClassVar[str] = "queue"
    queues: ClassVar[bool] = True
    skips: ClassVar[Skips] = Skips.UNTIL_TOUCHED
    in_turn: ClassVar[bool] = True

    def by_trade(self, order: VenueOrder, trade: TradePrint) -> int:
        if _is_through(order, trade.px):
            return trade.sz
        return 0 if order.queue_ahead is None else max(trade.sz - order.queue_ahead, 0)

    def is_met(self, order: VenueOrder, book: OrderBook) -> bool:
        assert order.price is not None
        opposite, own = (book.ask, book.bid) if order.buying else (book.bid, book.ask)
        return opposite is not None and (
            _is_through(order, opposite) or (opposite == order.price and own != order.price)
        )


MODELS: Sequence[type[Model]] = (Touch, TradeThrough, Queue)
