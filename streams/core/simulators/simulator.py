"""The interface of a pluggable simulator, and the values it answers with."""

from typing import NamedTuple, Protocol

from schemas.records.enums import Liquidity
from schemas.records.messages import ApprovedOrder
from streams.core.market.order_book import Book
from streams.core.market.trades import Print
from streams.core.reference.instruments import Instrument
from streams.core.simulators.venue_order import VenueOrder


class Match:
    """A fill that the simulator grants: quantity 1e-9 units, price 1e-9 of the currency."""

    def __init__(self, quantity: int, price: int, liquidity: Liquidity) -> None:
        self.quantity, self.price, self.liquidity = quantity, price, liquidity


class VenueReject(NamedTuple):
    """Why the venue refuses an order: a stable code and a sentence."""

    code: str
    text: str


class Reach:
    """How far the market must come to a resting order before anything can happen to it.

    quote, trade: 1e-9; an opposite quote, a trade at this price or beyond may fill it (a buy: at or below); trade None:
    no trade does. queues: what its own side shows at its price matters too.
    """

    def __init__(self, quote: int, trade: int | None, queues: bool = False) -> None:
        self.quote, self.trade, self.queues = quote, trade, queues


class Simulator(Protocol):
    """Decides when an order reaches the market, whether it is taken, what it trades, and what that costs.

    The venue owns time, order life, triggers and time priority, and asks only while the market is open: neither halted
    nor crossed, and for taking not stale. Contract:

    - Inputs are the arguments, which hold the order's own state (queue place, slice), the book as the market shows it
      less what simulated orders have taken, and the configuration. Nothing else: no clock, no I/O, no memory.
      Random effects are drawn from the run seed and the order id. So every replay decides the same.
    - A match has 0 < quantity <= order.leaves in whole lots, a price on the tick, never beyond the order's limit.
      What takes (REMOVED) is never better than the best opposite level; what was taken (ADDED) is at the order's limit.
    - What a match uses of a level or a print is taken off it, so that nothing trades twice.
    - Units: quantities and prices 1e-9, money 1e-18, times UTC nanoseconds; all integers.
    """

    name: str
    """Stands in every execution report."""

    stale_after_ns: int
    """A quote older than this in market time fills no order that would take from it."""

    def latency_ns(self, request: ApprovedOrder, sent_ns: int) -> int:
        """Market time from sending to arrival at the venue, >= 0; a cancel's may differ from a new order's."""
        ...

    def latency_max_ns(self) -> int:
        """No request travels longer."""
        ...

    def refuse(self, order: VenueOrder) -> VenueReject | None:
        """Asked once, when a new order arrives; None takes it."""
        ...

    def fillable(self, order: VenueOrder, instrument: Instrument, book: Book, volume: int) -> int:
        """Quantity that the order would take from the book now, for fill-or-kill; volume as in take."""
        ...

    def take(self, order: VenueOrder, instrument: Instrument, book: Book, volume: int) -> Match | None:
        """Next fill of an order that takes; None when nothing more trades. volume: traded in the last minute."""
        ...

    def rest(self, order: VenueOrder, book: Book) -> None:
        """The order joins the book at its price now."""
        ...

    def see_book(self, order: VenueOrder, book: Book) -> None:
        """The market told its quote or levels anew while the order rests."""
        ...

    def meet_quote(self, order: VenueOrder, instrument: Instrument, book: Book) -> Match | None:
        """Next fill of a resting order against the opposite quote; None when nothing more trades."""
        ...

    def meet_trade(self, order: VenueOrder, instrument: Instrument, book: Book, trade: Print) -> Match | None:
        """Fill of a resting order by a trade of the market that could have met it; told once for each trade."""
        ...

    def reach(self, order: VenueOrder) -> Reach | None:
        """Which updates can't matter to a resting order, so that they need not be told; None: each must be told."""
        ...

    def order_fee(self, order: VenueOrder, instrument: Instrument, before: int) -> int:
        """Fee of all that the order has executed, 1e-18 of the instrument's currency.

        before: notional that the account had traded in the symbol this calendar month before the order.
        """
        ...

    def describe(self, instrument: Instrument) -> str:
        """The parts that decide over an order, with their parameters."""
        ...
