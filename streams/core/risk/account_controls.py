"""Controls of the positions and working orders of an account. Working orders count as if they filled.

An order that can't raise the observed number passes its control, even if the account is above the limit.
"""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar

from schemas.records.numbers import PRICE_SCALE, money_text, price_text, to_price
from streams.core.ledger.exposure import Exposure
from streams.core.reference.fields import NonNegativeDecimal
from streams.core.risk.control import Limit, RiskControl
from streams.core.risk.judges import account_judges as judges
from streams.core.risk.judges.judge import Judge
from streams.core.risk.limit_kinds import CountLimit, EquityLimit, MoneyLimit, QuantityLimit
from streams.core.risk.proposal import Proposal, Reject


class LongOnly(RiskControl):
    """No short position, even if all working sells fill (FIA: short sale control)."""

    code: ClassVar[str] = "LONG_ONLY"

    def make_judge(self) -> Judge:
        """See RiskControl."""
        return judges.NotShort(self)

    def refuse(self, proposal: Proposal) -> Reject:
        """Returns the refusal of an order that could lead to a short position."""
        reached = proposal.reached
        text = (
            f"{proposal.subject}: position in {proposal.symbol} with working orders could reach "
            f"{price_text(-reached)}, and the account may not be short"
        )
        return Reject(self.code, text, "0", price_text(-reached))


class MaxPosition(QuantityLimit):
    """Absolute position in an instrument (SEC 15c3-5 (c)(1)(i), capital threshold; FIA: position limit)."""

    code: ClassVar[str] = "MAX_POSITION"

    def make_judge(self) -> Judge:
        """See RiskControl."""
        return judges.PositionAtMost(self, self.fixed, self.soft_fixed)

    def refuse(self, proposal: Proposal, observed: int, limit: int) -> Reject:
        """See Limit."""
        return _position_refused(self, proposal, observed, limit)


class MaxLongPosition(Limit):
    """MaxPosition for long positions only."""

    code: ClassVar[str] = "MAX_LONG_POSITION"
    judge_type: ClassVar[type[judges.PositionAtMost]] = judges.LongPositionAtMost

    limit: NonNegativeDecimal

    @cached_property
    def fixed(self) -> int:
        """The limit, 1e-9 units."""
        return to_price(self.limit)

    @cached_property
    def soft_fixed(self) -> int:
        """The smallest quantity that warns, 1e-9 units."""
        return max(self.soft_of(self.fixed), 1)

    def make_judge(self) -> Judge:
        """See RiskControl."""
        return self.judge_type(self, self.fixed, self.soft_fixed)

    def refuse(self, proposal: Proposal, observed: int, limit: int) -> Reject:
        """See Limit."""
        return _position_refused(self, proposal, observed, limit)


class MaxShortPosition(MaxLongPosition):
    """MaxPosition for short positions only."""

    code: ClassVar[str] = "MAX_SHORT_POSITION"
    judge_type: ClassVar[type[judges.PositionAtMost]] = judges.ShortPositionAtMost


def _position_refused(control: Limit, proposal: Proposal, reached: int, limit: int) -> Reject:
    signed, bound = price_text(reached if proposal.buys else -reached), price_text(limit)
    text = f"position in {proposal.symbol} with working orders could reach {signed}, beyond the limit {bound}"
    return Reject(control.code, f"{proposal.subject}: {text}", bound, signed)


class MaxOpenOrders(CountLimit):
    """Working orders of the account (FIA: maximum number of open orders)."""

    code: ClassVar[str] = "MAX_OPEN_ORDERS"
    by_symbol: ClassVar[bool] = False

    def make_judge(self) -> Judge:
        """See RiskControl."""
        return judges.OpenOrdersAtMost(self, self.limit, self.soft_fixed)

    def sentence(self, proposal: Proposal, observed: str, limit: str) -> str:
        """See Limit."""
        return f"it would be working order number {observed} of the account, the limit is {limit}"


class MaxOpenOrdersPerSymbol(CountLimit):
    """Working orders of the account in an instrument."""

    code: ClassVar[str] = "MAX_OPEN_ORDERS_PER_SYMBOL"

    def make_judge(self) -> Judge:
        """See RiskControl."""
        return judges.OpenOrdersInSymbolAtMost(self, self.limit, self.soft_fixed)

    def sentence(self, proposal: Proposal, observed: str, limit: str) -> str:
        """See Limit."""
        return f"it would be working order number {observed} of the account in {proposal.symbol}, the limit is {limit}"


class BuyingPower(EquityLimit):
    """Gross exposure within equity * leverage (SEC 15c3-5 (c)(1)(i), credit threshold). It can't be switched off.

    limit: the leverage, that is the exposure that a unit of equity may carry; 1 is a cash account.
    """

    code: ClassVar[str] = "BUYING_POWER"
    by_symbol: ClassVar[bool] = False

    def make_judge(self) -> Judge:
        """See RiskControl."""
        return judges.GrossShare(self, self.fixed, self.soft_fixed)

    def beyond(self, proposal: Proposal, exposure: Exposure, before: int, after: int) -> Reject:
        """See EquityLimit."""
        needed, has = after - before, max(exposure.equity * self.fixed // PRICE_SCALE - before, 0)
        text = (
            f"{proposal.subject}: it may add an exposure of {money_text(needed)} {proposal.ledger.currency}, the "
            f"account's buying power is {money_text(has)} (equity * leverage {price_text(self.fixed)} - exposure)"
        )
        return Reject(self.code, text, money_text(has), money_text(needed))


class MaxLeverage(EquityLimit):
    """Gross exposure over equity: the firm's own bound beside BuyingPower, which is the account's credit."""

    code: ClassVar[str] = "MAX_LEVERAGE"
    by_symbol: ClassVar[bool] = False

    def make_judge(self) -> Judge:
        """See RiskControl."""
        return judges.GrossShare(self, self.fixed, self.soft_fixed)

    def sentence(self, proposal: Proposal, observed: str, limit: str) -> str:
        """See Limit."""
        return f"the account's leverage with working orders could reach {observed}, the limit is {limit}"


class MaxMargin(EquityLimit):
    """Initial margin of all positions and working orders, by the instruments' margin_rate, over equity.

    limit: share of the equity that margin may use; 1 is all of it (FINRA rule 4210, initial margin).
    """

    code: ClassVar[str] = "MAX_MARGIN"
    by_symbol: ClassVar[bool] = False

    def make_judge(self) -> Judge:
        """See RiskControl."""
        return judges.MarginShare(self, self.fixed, self.soft_fixed)

    def sentence(self, proposal: Proposal, observed: str, limit: str) -> str:
        """See Limit."""
        return f"margin with working orders could use {observed} of the equity, the limit is {limit}"


class MaxConcentration(EquityLimit):
    """Exposure in one instrument over equity (FIA: concentration)."""

    code: ClassVar[str] = "MAX_CONCENTRATION"

    def make_judge(self) -> Judge:
        """See RiskControl."""
        return judges.SymbolShare(self, self.fixed, self.soft_fixed)

    def sentence(self, proposal: Proposal, observed: str, limit: str) -> str:
        """See Limit."""
        what = f"exposure in {proposal.symbol} with working orders"
        return f"{what} could reach {observed} of the equity, the limit is {limit}"


class MaxGrossExposure(MoneyLimit):
    """Sum over instruments of the absolute exposure, in the account's currency (SEC 15c3-5 (c)(1)(i))."""

    code: ClassVar[str] = "MAX_GROSS_EXPOSURE"
    by_symbol: ClassVar[bool] = False

    def make_judge(self) -> Judge:
        """See RiskControl."""
        return judges.GrossExposureAtMost(self, self.fixed, self.soft_fixed)

    def sentence(self, proposal: Proposal, observed: str, limit: str) -> str:
        """See Limit."""
        return f"gross exposure with working orders could reach {observed}, the limit is {limit}"


class MaxNetExposure(MoneyLimit):
    """Absolute sum over instruments of the signed exposure, if all working orders of the order's side filled."""

    code: ClassVar[str] = "MAX_NET_EXPOSURE"
    by_symbol: ClassVar[bool] = False

    def make_judge(self) -> Judge:
        """See RiskControl."""
        return judges.NetExposureAtMost(self, self.fixed, self.soft_fixed)

    def sentence(self, proposal: Proposal, observed: str, limit: str) -> str:
        """See Limit."""
        way = "long" if proposal.buys else "short"
        return f"net {way} exposure with working orders could reach {observed}, the limit is {limit}"
