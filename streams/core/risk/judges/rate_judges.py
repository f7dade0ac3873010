"""Judges of how often an account sends; the numbers of streams.core.risk.rate_controls."""

from __future__ import annotations

from schemas.records.numbers import PRICE_SCALE
from streams.core.risk.judges.judge import LimitJudge, NumericControl
from streams.core.risk.memory import Times
from streams.core.risk.proposal import Proposal, Reject


class Rate(LimitJudge):
    """Times of an event in a window. Subclasses say which event."""

    def __init__(self, control: NumericControl, limit: int, soft: int, window_ns: int) -> None:
        super().__init__(control, limit, soft)
        self._window_ns = window_ns

    def times(self, proposal: Proposal) -> Times:
        """Returns the times that count."""
        raise NotImplementedError

    def judge(self, proposal: Proposal) -> Reject | None:
        """See Judge."""
        count = self.times(proposal).count(proposal.now_ns, self._window_ns)
        if count < self._soft and not proposal.warned:
            return None
        return self._control.judge(proposal, count, self._limit, self._soft)


class Messages(Rate):
    """Judges for MessageRate."""

    def times(self, proposal: Proposal) -> Times:
        """See Rate."""
        return proposal.memory.messages


class Orders(Rate):
    """Judges for OrderRate."""

    def times(self, proposal: Proposal) -> Times:
        """See Rate."""
        return proposal.memory.orders


class OrdersInSymbol(Rate):
    """Judges for OrderRatePerSymbol."""

    def times(self, proposal: Proposal) -> Times:
        """See Rate."""
        return proposal.memory.orders_by_symbol[proposal.symbol]


class CancelsForEachFill(LimitJudge):
    """Judges for CancelRatio. limit, soft: 1e-9; least: observations from which on it judges."""

    def __init__(self, control: NumericControl, limit: int, soft: int, window_ns: int, least: int) -> None:
        super().__init__(control, limit, soft)
        self._window_ns = window_ns
        self._least = least

    def judge(self, proposal: Proposal) -> Reject | None:
        """See Judge."""
        cancels, fills = proposal.memory.outcomes.count(proposal.now_ns, self._window_ns)
        if cancels + fills < self._least:
            return None
        fills = max(fills, 1)
        if cancels * PRICE_SCALE > self._limit * fills:
            return self._control.refuse(proposal, -(-cancels * PRICE_SCALE // fills), self._limit)
        observed = cancels * PRICE_SCALE // fills
        if observed < self._soft and not proposal.warned:
            return None
        return self._control.judge(proposal, observed, self._limit, self._soft)
