"""Self-match prevention: an order does not trade with an order of its own account on the other side.

Sources: FIX tags 2362 SelfMatchPreventionID and 2964 SelfMatchPreventionInstruction; CME self-match prevention;
SEC rule 15c3-5.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from schemas.records.numbers import price_text
from streams.core.ledger.working_order import WorkingOrder
from streams.core.risk.control import RiskControl
from streams.core.risk.judges.judge import Judge
from streams.core.risk.judges.self_match_judge import SelfMatchJudge
from streams.core.risk.proposal import Proposal, Reject


class SelfMatchMode(StrEnum):
    """The order that is canceled if two orders of an account would trade with each other."""

    CANCEL_OLDEST = "cancel_oldest"
    CANCEL_NEWEST = "cancel_newest"
    CANCEL_BOTH = "cancel_both"


class SelfMatch(RiskControl):
    """Prevents an order from trading with a resting order of its own account. Asked last: it may cancel orders.

    Resting orders have a limit price and are active: they neither wait for a parent nor for their stop price. An order
    meets those that its own price reaches, and that it reaches before or at the best price of the market: a market
    order to sell meets a resting bid at or above the market's bid. Without a quote it meets all that its price reaches.
    An order that waits, or has a stop price, meets none because it can't trade when it arrives.
    """

    code: ClassVar[str] = "SELF_MATCH"
    alone: ClassVar[str] = "mode"

    mode: SelfMatchMode

    def make_judge(self) -> Judge:
        """See RiskControl."""
        return SelfMatchJudge(self)

    def judge(self, proposal: Proposal, met: list[WorkingOrder]) -> Reject | None:
        """Judges an order that would trade with the account's own orders."""
        if self.mode is not SelfMatchMode.CANCEL_NEWEST:
            proposal.cancels = met
        if self.mode is SelfMatchMode.CANCEL_OLDEST:
            return None
        first = met[0]
        assert first.price is not None
        text = f"{proposal.subject}: it would trade with the account's own order {first.order_id}"
        observed = None if proposal.asked.price is None else price_text(proposal.asked.price)
        return Reject(self.code, f"{text}; cancel that one first", price_text(first.price), observed)
