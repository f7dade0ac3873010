"""Judges of positions, working orders and exposure; the numbers of streams.core.risk.account_controls."""

from __future__ import annotations

from typing import Any

from schemas.records.enums import Side
from schemas.records.numbers import PRICE_SCALE
from streams.core.ledger.exposure import Exposure
from streams.core.risk.judges.judge import Judge, LimitJudge, PlainControl
from streams.core.risk.proposal import Proposal, Reject


class NotShort(Judge):
    """Judges for LongOnly."""

    def __init__(self, control: PlainControl) -> None:
        self._control = control

    def judge(self, proposal: Proposal) -> Reject | None:
        """See Judge."""
        if proposal.buys or proposal.reached <= 0 or not proposal.added_leaves:
            return None
        return self._control.refuse(proposal)


class PositionAtMost(LimitJudge):
    """Judges for MaxPosition."""

    def judge(self, proposal: Proposal) -> Reject | None:
        """See Judge."""
        reached = proposal.reached
        if (reached < self._soft and not proposal.warned) or (reached > self._limit and not proposal.added_leaves):
            return None
        return self._control.judge(proposal, reached, self._limit, self._soft)


class LongPositionAtMost(PositionAtMost):
    """Judges for MaxLongPosition."""

    def judge(self, proposal: Proposal) -> Reject | None:
        """See Judge."""
        return super().judge(proposal) if proposal.buys else None


class ShortPositionAtMost(PositionAtMost):
    """Judges for MaxShortPosition."""

    def judge(self, proposal: Proposal) -> Reject | None:
        """See Judge."""
        return None if proposal.buys else super().judge(proposal)


class OpenOrdersAtMost(LimitJudge):
    """Judges for MaxOpenOrders."""

    def judge(self, proposal: Proposal) -> Reject | None:
        """See Judge."""
        number = len(proposal.ledger.working) + 1
        if proposal.replaced is not None or (number < self._soft and not proposal.warned):
            return None
        return self._control.judge(proposal, number, self._limit, self._soft)


class OpenOrdersInSymbolAtMost(LimitJudge):
    """Judges for MaxOpenOrdersPerSymbol."""

    def judge(self, proposal: Proposal) -> Reject | None:
        """See Judge."""
        ledger, symbol = proposal.ledger, proposal.symbol
        number = len(ledger.orders_of(symbol, Side.BUY)) + len(ledger.orders_of(symbol, Side.SELL)) + 1
        if proposal.replaced is not None or (number < self._soft and not proposal.warned):
            return None
        return self._control.judge(proposal, number, self._limit, self._soft)


class GrossExposureAtMost(LimitJudge):
    """Judges for MaxGrossExposure."""

    def judge(self, proposal: Proposal) -> Reject | None:
        """See Judge."""
        exposure = proposal.exposure()
        after = exposure.gross_after
        if (after < self._soft and not proposal.warned) or (self._limit < after <= exposure.gross_before):
            return None
        return self._control.judge(proposal, after, self._limit, self._soft)


class NetExposureAtMost(LimitJudge):
    """Judges for MaxNetExposure."""

    def judge(self, proposal: Proposal) -> Reject | None:
        """See Judge."""
        exposure = proposal.exposure()
        after = exposure.net_after
        if (after < self._soft and not proposal.warned) or (self._limit < after <= exposure.net_before):
            return None
        return self._control.judge(proposal, after, self._limit, self._soft)


class ShareOfEquity(Judge):
    """An exposure, 1e-18, against the equity; limit, soft: how much a unit of equity may carry, 1e-9.

    An order that does not raise the exposure passes. Subclasses say which exposure.
    """

    def __init__(self, control: Any, limit: int, soft: int) -> None:
        self._control = control
        self._limit = limit
        self._soft = soft

    def before(self, exposure: Exposure) -> int:
        """Returns the exposure before the order."""
        raise NotImplementedError

    def after(self, exposure: Exposure) -> int:
        """Returns the exposure after the order."""
        raise NotImplementedError

    def judge(self, proposal: Proposal) -> Reject | None:
        """See Judge."""
        exposure = proposal.exposure()
        after, equity = self.after(exposure), exposure.equity
        if after * PRICE_SCALE < equity * self._soft and not proposal.warned:
            return None
        answer: Reject | None
        if after * PRICE_SCALE <= equity * self._limit:
            answer = self._control.judge(proposal, after * PRICE_SCALE // max(equity, 1), self._limit, self._soft)
            return answer
        before = self.before(exposure)
        if after <= before:
            return None
        answer = self._control.beyond(proposal, exposure, before, after)
        return answer


class GrossShare(ShareOfEquity):
    """Judges for BuyingPower and MaxLeverage."""

    def before(self, exposure: Exposure) -> int:
        """See ShareOfEquity."""
        return exposure.gross_before

    def after(self, exposure: Exposure) -> int:
        """See ShareOfEquity."""
        return exposure.gross_after


class MarginShare(ShareOfEquity):
    """Judges for MaxMargin."""

    def before(self, exposure: Exposure) -> int:
        """See ShareOfEquity."""
        return exposure.margin_before

    def after(self, exposure: Exposure) -> int:
        """See ShareOfEquity."""
        return exposure.margin_after


class SymbolShare(ShareOfEquity):
    """Judges for MaxConcentration."""

    def before(self, exposure: Exposure) -> int:
        """See ShareOfEquity."""
        return exposure.symbol_before

    def after(self, exposure: Exposure) -> int:
        """See ShareOfEquity."""
        return exposure.symbol_after
