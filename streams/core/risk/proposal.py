"""What the controls judge a NEW or REPLACE by: the request, its account, and facts that are worked out once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from schemas.records.enums import Side

if TYPE_CHECKING:
    from schemas.records.messages import OrderRequest
    from streams.core.accounts.state.account import Account, WorkingOrder
    from streams.core.ledger.exposure import Exposure
    from streams.core.reference.instruments import Instrument
    from streams.core.risk.control import Limit, Near


class Proposal:
    """asked: the order as it would be; quantity: its total, added_leaves: what it adds to the account's open quantity
    on its side (1e-9 units). mark_price: 1e-9, mark_ns: its time; None where there is none yet. reference_price: limit
    or stop price, else the mark. converts: whether the instrument's currency has a rate; None: not yet. market_ns: the
    shard's time; now_ns: the account's clock. reached: the position if every working order of the side and this one
    filled, 1e-9 units, positive toward the side.

    The controls leave in near and far which limits the order came near, or is well below of; in cancels the working
    orders that must go for it.
    """

    __slots__ = (
        "_expose",
        "_exposure",
        "account",
        "added_leaves",
        "asked",
        "buys",
        "cancels",
        "converts",
        "far",
        "instrument",
        "mark_ns",
        "mark_price",
        "market_ns",
        "near",
        "now_ns",
        "quantity",
        "reached",
        "reference_price",
        "replaced",
        "request",
        "side",
        "symbol",
        "warned",
    )

    def __init__(
        self,
        request: OrderRequest,
        account: Account,
        instrument: Instrument,
        asked: OrderRequest,
        quantity: int,
        added_leaves: int,
        mark_price: int | None,
        mark_ns: int | None,
        market_ns: int,
        replaced: WorkingOrder | None,
        converts: bool | None,
        expose: Callable[[Proposal], Exposure],
    ) -> None:
        self.request = request
        self.account = account
        self.instrument = instrument
        self.asked = asked
        self.symbol = instrument.symbol
        self.side = asked.side
        self.buys = asked.side is Side.BUY
        self.quantity = quantity
        self.added_leaves = added_leaves
        self.mark_price = mark_price
        self.mark_ns = mark_ns
        self.market_ns = market_ns
        self.reference_price = asked.price or asked.stop_price or mark_price
        self.replaced = replaced
        self.converts = converts
        self.now_ns = account.clock_ns
        held = account.position_quantity(instrument.symbol)
        self.reached = account.working_leaves(instrument.symbol, asked.side) + added_leaves
        self.reached += held if self.buys else -held
        self._expose = expose
        self._exposure: Exposure | None = None
        self.near: list[Near] = []
        self.far: list[Limit] = []
        self.warned = account.memory.warned
        self.cancels: list[WorkingOrder] = []

    @property
    def subject(self) -> str:
        """How a sentence names the request."""
        return f"order {self.request.order_id}"

    def exposure(self) -> Exposure:
        """What the order would make of the account's exposure; worked out at the first call."""
        found = self._exposure
        if found is None:
            found = self._exposure = self._expose(self)
        return found
