"""The interface of a pluggable simulator, and the values that it returns."""

from typing import NamedTuple, Protocol

from schemas.records.enums import Liquidity
from schemas.records.messages import ApprovedOrder
from streams.core.market.order_book import OrderBook
from streams.core.market.trades import LastMinute, TradePrint
from streams.core.reference.instruments import Instrument
from streams.core.simulators.queue_place import QueueModel
from streams.core.simulators.venue_order import VenueOrder


class Match:
    """A fill that a simulator grants: quantity 1e-9 units, price 1e-9 of the currency.

    beyond: the market did not display the quantity, so it counts in LastMinute.beyond.
    """

    def __init__(self, quantity: int, price: int, liquidity: Liquidity, beyond: bool = False) -> None:
        self.quantity, self.price, self.liquidity, self.beyond = quantity, price, liquidity, beyond


class VenueReject(NamedTuple):
    """The reason why the venue refuses an order: a stable code and a sentence."""

    code: str
    text: str


class Reach:
    """The prices at which the market can change a resting order; all other updates may be skipped.

    quote, trade: an opposite quote or a trade at this price (1e-9) or beyond it may fill the order; for a buy, at or
    below. trade is None if no trade fills it. queue: by what its place in the queue moves up, if it has one; then the
    size that its own side shows at its price matters too. in_turn: a trade at its price fills it only if the trade is
    larger than the size ahead of it.
    """

    def __init__(self, quote: int, trade: int | None, queue: QueueModel | None = None, in_turn: bool = False) -> None:
        self.quote, self.trade, self.queue, self.in_turn = quote, trade, queue, in_turn


class Simulator(Protocol):
    """The interface of a simulator: it decides the latency, the acceptance, the fills and the fees of orders.

    The venue owns time, the life of orders, triggers and time priority. It asks the simulator only while the market is
    open: neither halted nor crossed, and not stale for an order that takes. The contract:

    - A decision depends on the arguments and the configuration alone: the order's own state (queue position, slice) and
      the book that the market shows, less the size that simulated orders have taken. A simulator has no clock, no I/O
      and no memory: what all orders of a symbol have taken stands in its book. It draws random effects from the run
      seed and the order id, so that every replay decides the same.
    - A match has 0 < quantity <= order.leaves in whole lots, and a price on the tick, within the order's limit.
      A match that takes (REMOVED) is never better than the best opposite level; one that rests (ADDED) is at the limit.
    - A match reduces the level or the trade that it uses, so that no size trades twice. One beyond the display adds to
      the best level's beyond.
    - Units: quantities and prices 1e-9, money 1e-18, times UTC nanoseconds; all integers.
    """

    name: str
    """Name in every execution report."""

    stale_after_ns: int
    """Age in market time above which a quote fills no order that would take from it."""

    def latency_ns(self, request: ApprovedOrder, sent_ns: int) -> int:
        """Returns the market time from sending to arrival at the venue, >= 0; it may depend on the action."""
        ...

    def latency_max_ns(self) -> int:
        """Returns the longest latency of any request."""
        ...

    def refuse(self, order: VenueOrder) -> VenueReject | None:
        """Returns why an arriving new order is refused, None if it is accepted; asked once per order."""
        ...

    def fillable(self, order: VenueOrder, instrument: Instrument, book: OrderBook, minute: LastMinute) -> int:
        """Returns the quantity that the order could take from the book now, for fill-or-kill."""
        ...

    def take(self, order: VenueOrder, instrument: Instrument, book: OrderBook, minute: LastMinute) -> Match | None:
        """Returns the next fill of an order that takes, None if nothing more trades."""
        ...

    def rest(self, order: VenueOrder, book: OrderBook) -> None:
        """Places the order in the book at its price."""
        ...

    def see_book(self, order: VenueOrder, book: OrderBook) -> None:
        """Updates a resting order after the market's quote or levels have changed."""
        ...

    def meet_quote(self, order: VenueOrder, instrument: Instrument, book: OrderBook) -> Match | None:
        """Returns the next fill of a resting order against the opposite quote, None if nothing more trades."""
        ...

    def meet_trade(self, order: VenueOrder, instrument: Instrument, book: OrderBook, trade: TradePrint) -> Match | None:
        """Returns the fill of a resting order by a market trade that could have met it; asked once per trade."""
        ...

    def reach(self, order: VenueOrder) -> Reach | None:
        """Returns the prices at which the market can change a resting order; None if every update can."""
        ...

    def order_fee(self, order: VenueOrder, instrument: Instrument, before: int) -> int:
        """Returns the fee of the order so far, 1e-18 of the instrument's currency.

        before: quantity * price that the account traded in the symbol in this calendar month before the order. Like the
        order's notionals it is for one unit of the underlying; the fee counts the instrument's contract multiplier.
        """
        ...

    def describe(self, instrument: Instrument) -> str:
        """Returns the models that decide over an order in the instrument, with their parameters."""
        ...
