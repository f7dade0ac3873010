"""Controls of how often an account sends: exact sliding windows on its clock (decision 15).

Each message counts when it arrives, whatever becomes of it. Only new orders and replaces are refused: a cancel takes
risk away. A window remembers one message more than its limit; where more came, that is the number observed.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Annotated, ClassVar, NamedTuple

from pydantic import Field

from schemas.records.enums import Action
from schemas.records.numbers import NANOS_PER_MS, PRICE_SCALE, to_price
from streams.core.reference.fields import PositiveDecimal
from streams.core.risk.control import Check, CountLimit, Limit, Reject

if TYPE_CHECKING:
    from collections.abc import Callable

    from schemas.records.messages import OrderRequest
    from streams.core.accounts.state.account import Account
    from streams.core.risk.limits import RiskLimits
    from streams.core.risk.memory import Times
    from streams.core.risk.proposal import Proposal


class MessageRate(CountLimit):
    """Messages of the account in a window (RTS 6 article 15 (1)(d), maximum messages limit)."""

    code: ClassVar[str] = "MESSAGE_RATE"
    by_symbol: ClassVar[bool] = False

    window_ms: Annotated[int, Field(ge=1)] = 1_000

    def counter(self, of: Callable[[Proposal], Times]) -> Check:
        """Judges how many of these times are in the window."""
        limit, soft, window_ns = self.limit, self.soft_fixed, self.window_ms * NANOS_PER_MS

        def check(proposal: Proposal) -> Reject | None:
            count = of(proposal).count(proposal.now_ns, window_ns)
            if count < soft and not proposal.warned:
                return None
            return self.judge(proposal, count, limit, soft)

        return check

    def checker(self) -> Check:
        """See Control."""
        return self.counter(lambda proposal: proposal.account.memory.messages)

    def sentence(self, proposal: Proposal, observed: str, limit: str) -> str:
        """See Limit."""
        return f"it is message {observed} or later of the account in {self.window_ms} ms, the limit is {limit}"


class OrderRate(MessageRate):
    """New orders and replaces of the account in a window (SEC 15c3-5; CME: messages by 3 s)."""

    code: ClassVar[str] = "ORDER_RATE"

    def checker(self) -> Check:
        """See Control."""
        return self.counter(lambda proposal: proposal.account.memory.orders)

    def sentence(self, proposal: Proposal, observed: str, limit: str) -> str:
        """See Limit."""
        return f"it is order {observed} or later of the account in {self.window_ms} ms, the limit is {limit}"


class OrderRatePerSymbol(MessageRate):
    """New orders and replaces of the account in an instrument in a window."""

    code: ClassVar[str] = "ORDER_RATE_PER_SYMBOL"
    by_symbol: ClassVar[bool] = True

    def checker(self) -> Check:
        """See Control."""
        return self.counter(lambda proposal: proposal.account.memory.orders_by_symbol[proposal.symbol])

    def sentence(self, proposal: Proposal, observed: str, limit: str) -> str:
        """See Limit."""
        what = f"order {observed} or later of the account in {proposal.symbol}"
        return f"it is {what} in {self.window_ms} ms, the limit is {limit}"


class CancelRatio(Limit):
    """Cancels for each fill, among the newest `observations_max` of both in a window (RTS 9, RTS 6 article 15).

    Judged from min_observations on; without a fill, as if there were one.
    """

    code: ClassVar[str] = "CANCEL_RATIO"
    by_symbol: ClassVar[bool] = False

    limit: PositiveDecimal
    window_ms: Annotated[int, Field(ge=1)] = 60_000
    min_observations: Annotated[int, Field(ge=1)] = 20
    observations_max: Annotated[int, Field(ge=1, le=10_000)] = 500

    @cached_property
    def fixed(self) -> int:
        """1e-9 cancels a fill."""
        return to_price(self.limit)

    @cached_property
    def soft_fixed(self) -> int:
        """What warns."""
        return self.soft_of(self.fixed)

    def checker(self) -> Check:
        """See Control."""
        fixed, soft, window_ns, least = (
            self.fixed,
            self.soft_fixed,
            self.window_ms * NANOS_PER_MS,
            self.min_observations,
        )

        def check(proposal: Proposal) -> Reject | None:
            cancels, fills = proposal.account.memory.outcomes.count(proposal.now_ns, window_ns)
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


class Kept(NamedTuple):
    """How much of an account's past its limits need; 0: nothing."""

    messages: int
    orders: int
    orders_by_symbol: int
    outcomes: int
    repeats: int
    repeats_window_ns: int


def kept_for(limits: RiskLimits) -> Kept:
    """What the windows of an account's limits reach back to: one more than each limit, to see that it is passed."""
    messages, orders, by_symbol = limits.message_rate, limits.order_rate, limits.order_rate_per_symbol
    ratio, repeated = limits.cancel_ratio, limits.repeated_order
    return Kept(
        messages=messages.limit + 1 if messages else 0,
        orders=orders.limit + 1 if orders else 0,
        orders_by_symbol=by_symbol.limit + 1 if by_symbol else 0,
        outcomes=ratio.observations_max if ratio else 0,
        repeats=repeated.limit + 1 if repeated else 0,
        repeats_window_ns=repeated.window_ms * NANOS_PER_MS if repeated else 0,
    )


def count_message(account: Account, request: OrderRequest, symbol: str | None) -> None:
    """A request has come. symbol: the instrument of an order or replace, None where it is not known."""
    kept, memory, now_ns = account.limits.kept, account.memory, account.clock_ns
    if kept.messages:
        memory.messages.add(now_ns, kept.messages)
    if request.action is Action.NEW or request.action is Action.REPLACE:
        if kept.orders:
            memory.orders.add(now_ns, kept.orders)
        if kept.orders_by_symbol and symbol is not None:
            memory.orders_by_symbol[symbol].add(now_ns, kept.orders_by_symbol)
    elif kept.outcomes:
        memory.outcomes.add(now_ns, True, kept.outcomes)


def count_new_order(account: Account, request: OrderRequest) -> None:
    """A new order of a known instrument has come, under an id of its own."""
    kept = account.limits.kept
    if kept.repeats:
        account.memory.repeats.add(request, account.clock_ns, kept.repeats, kept.repeats_window_ns)


def count_fill(account: Account) -> None:
    """One of the account's orders has executed, wholly or in part."""
    kept = account.limits.kept
    if kept.outcomes:
        account.memory.outcomes.add(account.clock_ns, False, kept.outcomes)
