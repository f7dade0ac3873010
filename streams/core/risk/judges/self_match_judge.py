"""The judge of SelfMatch: which resting orders of its own account an order would trade with."""

from __future__ import annotations

from typing import Any

from schemas.records.enums import OrderType, Side
from streams.core.ledger.working_order import WorkingOrder
from streams.core.risk.judges.judge import Judge
from streams.core.risk.proposal import Proposal, Reject


class SelfMatchJudge(Judge):
    """Judges for SelfMatch."""

    def __init__(self, control: Any) -> None:
        self._control = control

    def judge(self, proposal: Proposal) -> Reject | None:
        """See Judge."""
        met = _met(proposal)
        if not met:
            return None
        answer: Reject | None = self._control.judge(proposal, met)
        return answer


def _met(proposal: Proposal) -> list[WorkingOrder]:
    """Returns the account's resting orders that the order would trade with."""
    price, buys = proposal.asked.price, proposal.buys
    ledger, symbol, other_side = proposal.ledger, proposal.symbol, Side.SELL if buys else Side.BUY
    best = ledger.best_limit(symbol, other_side)
    if best is None or not _reaches(buys, price, best):
        return []
    touch = proposal.touch
    if not _reaches(buys, touch, best) or _rests_apart(proposal):
        return []
    return [
        order
        for order in ledger.orders_of(symbol, other_side)
        if order.price is not None
        and _reaches(buys, price, order.price)
        and _reaches(buys, touch, order.price)
        and order.is_active
    ]


def _reaches(buys: bool, price: int | None, resting: int) -> bool:
    """Returns whether an order that goes as far as a price (None: any) reaches a resting one."""
    return price is None or (price >= resting if buys else price <= resting)


def _rests_apart(proposal: Proposal) -> bool:
    if proposal.replaced is not None:
        return not proposal.replaced.is_active
    asked = proposal.asked
    return (
        asked.order_type not in (OrderType.LIMIT, OrderType.MARKET) or asked.parent_order_id in proposal.ledger.working
    )
