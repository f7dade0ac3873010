"""Controls of how often an account sends: exact sliding windows on the account's clock (decision 15).

Each message counts when it arrives, even if it is refused. Only new orders and replaces are refused, because a cancel
takes risk away. A window remembers one message more than its limit; that is the largest number observed.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from schemas.records.numbers import NANOS_PER_MS
from streams.core.reference.fields import Count, Millis
from streams.core.risk.judges import rate_judges as judges
from streams.core.risk.judges.judge import Judge
from streams.core.risk.limit_kinds import CountLimit, DecimalLimit
from streams.core.risk.proposal import Proposal


class MessageRate(CountLimit):
    """Messages of the account in a window (RTS 6 article 15 (1)(d), maximum messages limit)."""

    code: ClassVar[str] = "MESSAGE_RATE"
    by_symbol: ClassVar[bool] = False

    window_ms: Millis = 1_000

    judge_type: ClassVar[type[judges.Rate]] = judges.Messages

    def make_judge(self) -> Judge:
        """See RiskControl."""
        return self.judge_type(self, self.limit, self.soft_fixed, self.window_ms * NANOS_PER_MS)

    def sentence(self, proposal: Proposal, observed: str, limit: str) -> str:
        """See Limit."""
        return f"it is message {observed} or later of the account in {self.window_ms} ms, the limit is {limit}"


class OrderRate(MessageRate):
    """New orders and replaces of the account in a window (SEC 15c3-5; CME: messages by 3 s)."""

    code: ClassVar[str] = "ORDER_RATE"
    judge_type: ClassVar[type[judges.Rate]] = judges.Orders

    def sentence(self, proposal: Proposal, observed: str, limit: str) -> str:
        """See Limit."""
        return f"it is order {observed} or later of the account in {self.window_ms} ms, the limit is {limit}"


class OrderRatePerSymbol(MessageRate):
    """New orders and replaces of the account in an instrument in a window."""

    code: ClassVar[str] = "ORDER_RATE_PER_SYMBOL"
    by_symbol: ClassVar[bool] = True
    judge_type: ClassVar[type[judges.Rate]] = judges.OrdersInSymbol

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

    def make_judge(self) -> Judge:
        """See RiskControl."""
        window_ns = self.window_ms * NANOS_PER_MS
        return judges.CancelsForEachFill(self, self.fixed, self.soft_fixed, window_ns, self.min_observations)

    def sentence(self, proposal: Proposal, observed: str, limit: str) -> str:
        """See Limit."""
        return (
            f"the account cancels {observed} times for each fill of the last {self.window_ms} ms, the limit is {limit}"
        )
