"""The interface of a pluggable simulator, and the values it answers with."""

from typing import NamedTuple, Protocol

from streams.domain.enums import Liquidity
from streams.domain.instruments import Instrument
from streams.domain.messages import ApprovedOrder
from streams.domain.quote import Quote
from streams.domain.venue_order import VenueOrder


class Match(NamedTuple):
    """A fill that the simulator grants: quantity 1e-9 units, price 1e-9 of the currency."""

    quantity: int
    price: int
    liquidity: Liquidity


class VenueReject(NamedTuple):
    """Why the venue refuses an order: a stable code and a sentence."""

    code: str
    text: str


class Simulator(Protocol):
    """Decides when an order reaches the market, whether it is taken, and what it trades.

    Contract: answers depend on the arguments and the configuration alone, so that a replay decides the same; random
    effects are drawn from the run seed and the order id. A match has 0 < quantity <= order.leaves, never a price beyond
    the order's limit, and never one better than the opposite side of the quote.
    """

    name: str
    """Stands in every execution report."""

    def latency_ns(self, request: ApprovedOrder) -> int:
        """Market time from approval to arrival at the venue, nanoseconds, >= 0."""
        ...

    def refuse(self, order: VenueOrder) -> VenueReject | None:
        """Asked once, when a new order arrives; None takes it."""
        ...

    def fillable(self, order: VenueOrder, quote: Quote) -> int:
        """Quantity that the order would trade against the quote now, 1e-9 units."""
        ...

    def match(self, order: VenueOrder, instrument: Instrument, quote: Quote) -> Match | None:
        """Next fill of the order against the quote; None when nothing trades. Takes the displayed size that it uses."""
        ...

    def commission(self, instrument: Instrument, match: Match) -> int:
        """Fee of a fill, 1e-18 of the instrument's currency."""
        ...
