"""Controls of how often an account sends: exact sliding windows on the account's clock (decision 15).

Each message counts when it arrives, even if it is refused. Only new orders and replaces are refused, because a cancel
takes risk away. A window remembers one message more than its limit; that is the largest number observed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, ClassVar

from pydantic import Field

from schemas.records.numbers import NANOS_PER_MS, PRICE_SCALE
from streams.core.reference.fields import Count, Millis
from streams.core.risk.control import Check
from streams.core.risk.limit_kinds import CountLimit, DecimalLimit
from streams.core.risk.memory import Times
from streams.core.risk.proposal import Proposal, Reject


class MessageRate(CountLimit):
    """Messages of the account in a window (RTS 6 article 15 (1)(d), maximum messages limit)."""

    code: ClassVar[str] = "MESSAGE_RATE"
    by_symbol: ClassVar[bool] = False

    window_ms: Millis = 1_000

    def counter(self, of: Callable[[Proposal], Times]) -> Check:
        """Returns a check of how many of these times lie in the window."""
        limit, soft, window_ns = self.limit, self.soft_fixed, self.window_ms * NANOS_PER_MS

        def check(proposal: Proposal) -> Reject | None:
            count = of(proposal).count(proposal.now_ns, window_ns)
            if count < soft and not proposal.warned:
                return None
            return self.judge(proposal, count, limit, soft)

        return check

    def checker(self) -> Check:
        """See RiskControl."""
        return self.counter(lambda proposal: proposal.memory.messages)

    def sentence(self, proposal: Proposal, observed: str, limit: str) -> str:
        """See Limit."""
        return f"it is message {observed} or later of the account in {self.window_ms} ms, the limit is {limit}"


class OrderRate(MessageRate):
    """New orders and replaces of the account in a window (SEC 15c3-5; CME: messages by 3 s)."""

    code: ClassVar[str] = "ORDER_RATE"

    def checker(self) -> Check:
        """See RiskControl."""
        return self.counter(lambda proposal: proposal.memory.orders)

    def sentence(self, proposal: Proposal, observed: str, limit: str) -> str:
        """See Limit."""
        return f"it is order {observed} or later of the account in {self.window_ms} ms, the limit is {limit}"


class OrderRatePerSymbol(MessageRate):
    """New orders and replaces of the account in an instrument in a window."""

    code: ClassVar[str] = "ORDER_RATE_PER_SYMBOL"
    by_symbol: ClassVar[bool] = True

    def checker(self) -> Check:
        """See RiskControl."""
        return self.counter(lambda proposal: proposal.memory.orders_by_symbol[proposal.symbol])

    def sentence(self, proposal: Proposal, observed: str, limit: str) -> str:
        """See Limit."""
        what = f"order {observed} or later of the account in {proposal.symbol}"
        return f"it is {what} in {self.window_ms} ms, the limit is {limit}"


class CancelRatio(DecimalLimit):
    """Cancels for each fill, among the newest `observations_max` of both in a window (RTS 9, RTS 6 article 15).

    limit: cancels for each fill. The control judges from min_observations on. No fill counts as one fill.
    """

    code: ClassVar[str] = "CANCEL_RATIO"
    by_symbol: ClassVar[bool] = False

    window_ms: Millis = 60_000
    min_observations: Count = 20
    observations_max: Annotated[int, Field(ge=1, le=10_000)] = 500

    def checker(self) -> Check:
        """See RiskControl."""
        fixed, soft, window_ns, least = (
            self.fixed,
            self.soft_fixed,
            self.window_ms * NANOS_PER_MS,
            self.min_observations,
        )

        def check(proposal: Proposal) -> Reject | None:
            cancels, fills = proposal.memory.outcomes.count(proposal.now_ns, window_ns)
            if cancels + fills < least:
                return None
            fills = max(fills, 1)
            if cancels * PRICE_SCALE > fixed * fills:
                return self.refuse(proposal, -(-cancels * PRICE_SCALE // fills), fixed)
            return self.judge(proposal, cancels * PRICE_SCALE // fills, fixed, soft)

        return check

    def sentence(self, proposal: Proposal, observed: str, limit: str) -> str:
        """See Limit."""
        return (
            f"the account cancels {observed} times for each fill of the last {self.window_ms} ms, the limit is {limit}"
        )
