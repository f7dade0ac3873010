"""Judges of a single order; the numbers of streams.core.risk.order_controls, 1e-9 or 1e-18 of the currency."""

from __future__ import annotations

from typing import Any

from schemas.records.enums import OrderType, TimeInForce
from schemas.records.numbers import PRICE_SCALE
from streams.core.risk.judges.judge import Judge, LimitJudge, NumericControl, PlainControl
from streams.core.risk.proposal import Proposal, Reject

PERCENT = 100


class NotOnList(Judge):
    """Judges for RestrictedList."""

    def __init__(self, control: PlainControl, symbols: frozenset[str]) -> None:
        self._control = control
        self._symbols = symbols

    def judge(self, proposal: Proposal) -> Reject | None:
        """See Judge."""
        if proposal.symbol not in self._symbols:
            return None
        return self._control.refuse(proposal)


class TypeAllowed(Judge):
    """Judges for OrderTypes."""

    def __init__(self, control: PlainControl, allowed: tuple[OrderType, ...]) -> None:
        self._control = control
        self._allowed = allowed

    def judge(self, proposal: Proposal) -> Reject | None:
        """See Judge."""
        if proposal.asked.order_type in self._allowed:
            return None
        return self._control.refuse(proposal)


class TimeAllowed(Judge):
    """Judges for TimesInForce."""

    def __init__(self, control: PlainControl, allowed: tuple[TimeInForce, ...]) -> None:
        self._control = control
        self._allowed = allowed

    def judge(self, proposal: Proposal) -> Reject | None:
        """See Judge."""
        if proposal.asked.time_in_force in self._allowed:
            return None
        return self._control.refuse(proposal)


class QuantityAtLeast(Judge):
    """Judges for MinOrderQuantity."""

    def __init__(self, control: Any, least: int) -> None:
        self._control = control
        self._least = least

    def judge(self, proposal: Proposal) -> Reject | None:
        """See Judge."""
        if proposal.quantity >= self._least:
            return None
        refused: Reject = self._control.refuse(proposal, self._least)
        return refused


class QuantityAtMost(LimitJudge):
    """Judges for MaxOrderQuantity."""

    def judge(self, proposal: Proposal) -> Reject | None:
        """See Judge."""
        quantity = proposal.quantity
        if quantity < self._soft and not proposal.warned:
            return None
        return self._control.judge(proposal, quantity, self._limit, self._soft)


class NotionalAtLeast(Judge):
    """Judges for MinOrderNotional."""

    def __init__(self, control: Any, least: int) -> None:
        self._control = control
        self._least = least

    def judge(self, proposal: Proposal) -> Reject | None:
        """See Judge."""
        assert proposal.reference_price is not None
        notional = proposal.instrument.notional(proposal.quantity, proposal.reference_price)
        if notional >= self._least:
            return None
        refused: Reject = self._control.refuse(proposal, notional, self._least)
        return refused


class NotionalAtMost(LimitJudge):
    """Judges for MaxOrderNotional."""

    def judge(self, proposal: Proposal) -> Reject | None:
        """See Judge."""
        assert proposal.reference_price is not None
        notional = proposal.instrument.notional(proposal.quantity, proposal.reference_price)
        if notional < self._soft and not proposal.warned:
            return None
        return self._control.judge(proposal, notional, self._limit, self._soft)


class MarketOpen(Judge):
    """Judges for SessionHours."""

    def __init__(self, control: PlainControl) -> None:
        self._control = control

    def judge(self, proposal: Proposal) -> Reject | None:
        """See Judge."""
        if proposal.now_ns == 0 or proposal.instrument.is_open(proposal.now_ns):
            return None
        return self._control.refuse(proposal)


class MarkFresh(Judge):
    """Judges for StaleMark. age_ns: the largest age of a mark."""

    def __init__(self, control: PlainControl, age_ns: int) -> None:
        self._control = control
        self._age_ns = age_ns

    def judge(self, proposal: Proposal) -> Reject | None:
        """See Judge."""
        mark_ns = proposal.mark_ns
        if mark_ns is not None and proposal.market_ns - mark_ns <= self._age_ns:
            return None
        return self._control.refuse(proposal)


class InCollar(Judge):
    """Judges for PriceCollar. percent: 1e-9; share: of the collar that warns, 1e-9."""

    def __init__(self, control: Any, percent: int, ticks: int, share: int) -> None:
        self._control = control
        self._percent = percent
        self._ticks = ticks
        self._share = share

    def judge(self, proposal: Proposal) -> Reject | None:
        """See Judge."""
        asked = proposal.asked
        price, mark, stop, buys = asked.price, proposal.mark_price, asked.stop_price, proposal.buys
        if price is None or mark is None:
            return None
        if stop is not None:
            mark = max(mark, stop) if buys else min(mark, stop)
        collar = max(mark * self._percent // (PERCENT * PRICE_SCALE), self._ticks * proposal.instrument.tick_size)
        beyond = price - mark if buys else mark - price
        if beyond * PRICE_SCALE < collar * self._share and not proposal.warned:
            return None
        answer: Reject | None = self._control.judge_beyond(proposal, price, mark, collar, beyond)
        return answer


class NotRepeated(LimitJudge):
    """Judges for RepeatedOrder."""

    def __init__(self, control: NumericControl, limit: int, soft: int, window_ns: int) -> None:
        super().__init__(control, limit, soft)
        self._window_ns = window_ns

    def judge(self, proposal: Proposal) -> Reject | None:
        """See Judge."""
        if proposal.replaced is not None:
            return None
        count = proposal.memory.repeats.count_newest(proposal.now_ns, self._window_ns)
        if count < self._soft and not proposal.warned:
            return None
        return self._control.judge(proposal, count, self._limit, self._soft)
