"""Self-match prevention: an account's order does not trade against the account's own order on the other side.

(FIX tag 2362 SelfMatchPreventionID, 2964 SelfMatchPreventionInstruction; CME self-match prevention; SEC 15c3-5.)
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

from schemas.records.enums import OrderType, Side
from schemas.records.numbers import price_text
from streams.core.risk.control import Check, Control, Reject

if TYPE_CHECKING:
    from streams.core.accounts.state.account import WorkingOrder
    from streams.core.risk.proposal import Proposal


class SelfMatchMode(StrEnum):
    """Which of two orders that would meet has to go."""

    CANCEL_OLDEST = "cancel_oldest"
    CANCEL_NEWEST = "cancel_newest"
    CANCEL_BOTH = "cancel_both"


class SelfMatch(Control):
    """Asked last: what it cancels is canceled for an order that all other controls let pass.

    Resting are working orders with a limit price that are in the book: not those that wait for a parent, nor stop and
    touch orders before they trigger, whose price is not in the book. A limit order meets those that its price reaches,
    a market order all. An order that waits or has a stop price meets none: it can't trade when it arrives.
    """

    code: ClassVar[str] = "SELF_MATCH"
    alone: ClassVar[str] = "mode"

    mode: SelfMatchMode

    def checker(self) -> Check:
        """See Control."""
        return self._check

    def _check(self, proposal: Proposal) -> Reject | None:
        met = _met(proposal)
        if not met:
            return None
        if self.mode is not SelfMatchMode.CANCEL_NEWEST:
            proposal.cancels = met
        if self.mode is SelfMatchMode.CANCEL_OLDEST:
            return None
        first = met[0]
        assert first.price is not None
        text = f"{proposal.subject}: it would trade with the account's own order {first.order_id}"
        observed = None if proposal.asked.price is None else price_text(proposal.asked.price)
        return Reject(self.code, f"{text}; cancel that one first", price_text(first.price), observed)


def _met(proposal: Proposal) -> list[WorkingOrder]:
    """The account's resting orders that the order would trade with."""
    price, buys = proposal.asked.price, proposal.buys
    account, symbol, other_side = proposal.account, proposal.symbol, Side.SELL if buys else Side.BUY
    best = account.best_limit(symbol, other_side)
    if best is None or not _reaches(buys, price, best) or _rests_apart(proposal):
        return []
    return [
        order
        for order in account.orders_of(symbol, other_side)
        if order.price is not None and _reaches(buys, price, order.price) and order.in_book
    ]


def _reaches(buys: bool, price: int | None, resting: int) -> bool:
    """Whether an order's limit price, None for a market order, comes up to a resting one."""
    return price is None or (price >= resting if buys else price <= resting)


def _rests_apart(proposal: Proposal) -> bool:
    if proposal.replaced is not None:
        return not proposal.replaced.in_book
    asked = proposal.asked
    return (
        asked.order_type not in (OrderType.LIMIT, OrderType.MARKET) or asked.parent_order_id in proposal.account.working
    )
