"""A proposal is a NEW or REPLACE with the facts that controls judge it by; they answer with rejects and warnings."""

from __future__ import annotations

from typing import Any, NamedTuple

from schemas.records.enums import Side, TradingState
from schemas.records.messages import OrderRequest
from streams.core.ledger.exposure import Exposure, Exposures
from streams.core.ledger.ledger import Ledger
from streams.core.ledger.marks import Marks
from streams.core.ledger.working_order import WorkingOrder
from streams.core.reference.instruments import Instrument
from streams.core.risk.breakers.breaker_set import BreakerSet
from streams.core.risk.memory import Memory


class Reject(NamedTuple):
    """The refusal of a request: a stable code, a sentence, the limit and the observed value (decimal text).

    breaker, event_id: the breaker that refuses, and the risk event of its transition.
    """

    code: str
    text: str
    limit_value: str | None = None
    observed_value: str | None = None
    breaker: str | None = None
    event_id: str | None = None


class Near(NamedTuple):
    """A limit that an order came near. control: a streams.core.risk.control.Limit."""

    control: Any
    observed: int
    limit: int


class Proposal:
    """A NEW or REPLACE as the controls see it.

    asked: the order as it would be. quantity: its total; added_leaves: what it adds to the open quantity of its side,
    1e-9 units. mark_price: 1e-9; mark_ns: the time of the mark; both None before any. reference_price: limit or stop
    price, else the mark. converts: the instrument's currency has a rate; None if it is not quoted yet. market_ns: the
    shard's time; now_ns: the account's clock. reached: the position if this order and all working orders of its side
    filled, 1e-9 units, positive toward the side. meets_at_market: see CoreConfig.self_match_at_market.

    The controls note in near and far which limits the order came near, or is well below; in cancels the working orders
    that must be canceled for it.
    """

    __slots__ = (
        "_exposure",
        "_exposures",
        "_marks",
        "account_id",
        "added_leaves",
        "asked",
        "breakers",
        "buys",
        "cancels",
        "converts",
        "far",
        "instrument",
        "ledger",
        "mark_ns",
        "mark_price",
        "market_ns",
        "meets_at_market",
        "memory",
        "near",
        "now_ns",
        "quantity",
        "reached",
        "reference_price",
        "replaced",
        "request",
        "side",
        "symbol",
        "trading_state",
        "warned",
    )

    def __init__(
        self,
        request: OrderRequest,
        instrument: Instrument,
        asked: OrderRequest,
        quantity: int,
        added_leaves: int,
        replaced: WorkingOrder | None,
        ledger: Ledger,
        exposures: Exposures,
        memory: Memory,
        breakers: BreakerSet,
        trading_state: TradingState,
        marks: Marks,
        market_ns: int,
        meets_at_market: bool,
    ) -> None:
        symbol = instrument.symbol
        self.request = request
        self.ledger = ledger
        self.account_id = ledger.account_id
        self.memory = memory
        self.breakers = breakers
        self.trading_state = trading_state
        self.instrument = instrument
        self.asked = asked
        self.symbol = symbol
        self.side = asked.side
        self.buys = asked.side is Side.BUY
        self.quantity = quantity
        self.added_leaves = added_leaves
        self.mark_price = marks.price(symbol)
        self.mark_ns = marks.quoted_ns.get(symbol)
        self.market_ns = market_ns
        self.meets_at_market = meets_at_market
        self.reference_price = asked.price or asked.stop_price or self.mark_price
        self.replaced = replaced
        self.converts = marks.converts(instrument.currency, ledger.currency)
        self.now_ns = ledger.clock_ns
        held = ledger.position_quantity(symbol)
        self.reached = ledger.working_leaves(symbol, asked.side) + added_leaves
        self.reached += held if self.buys else -held
        self._marks = marks
        self._exposures = exposures
        self._exposure: Exposure | None = None
        self.near: list[Near] = []
        self.far: list[Any] = []
        self.warned = memory.warned
        self.cancels: list[WorkingOrder] = []

    @property
    def subject(self) -> str:
        """The name of the request in a sentence."""
        return f"order {self.request.order_id}"

    @property
    def touch(self) -> int | None:
        """The best price at which the market would trade with the order now, 1e-9.

        None if it quotes none, or before self_match_at_market.
        """
        if not self.meets_at_market:
            return None
        bid, ask = self._marks.quotes.get(self.symbol, (None, None))
        return ask if self.buys else bid

    def exposure(self) -> Exposure:
        """Returns the account's exposure before and after the order; worked out at the first call."""
        found = self._exposure
        if found is None:
            found = self._exposure = self._exposures.with_order(
                self._marks,
                self.ledger,
                self.symbol,
                self.buys,
                self.added_leaves,
                self.reference_price if self.mark_price is None else None,
            )
        return found
