"""Controls of the positions and working orders of an account. Working orders count as if they filled.

An order that can't raise the observed number passes its control, even if the account is above the limit.
"""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar

from schemas.records.enums import Side
from schemas.records.numbers import PRICE_SCALE, money_text, price_text, to_price
from streams.core.ledger.exposure import Exposure
from streams.core.reference.fields import NonNegativeDecimal
from streams.core.risk.control import Check, Limit, RiskControl
from streams.core.risk.limit_kinds import CountLimit, EquityLimit, MoneyLimit, QuantityLimit
from streams.core.risk.proposal import Proposal, Reject


class LongOnly(RiskControl):
    """No short position, even if all working sells fill (FIA: short sale control)."""

    code: ClassVar[str] = "LONG_ONLY"

    def checker(self) -> Check:
        """See RiskControl."""
        return self._check

    def _check(self, proposal: Proposal) -> Reject | None:
        reached = proposal.reached
        if proposal.buys or reached <= 0 or not proposal.added_leaves:
            return None
        text = (
            f"{proposal.subject}: position in {proposal.symbol} with working orders could reach "
            f"{price_text(-reached)}, and the account may not be short"
        )
        return Reject(self.code, text, "0", price_text(-reached))


class MaxPosition(QuantityLimit):
    """Absolute position in an instrument (SEC 15c3-5 (c)(1)(i), capital threshold; FIA: position limit)."""

    code: ClassVar[str] = "MAX_POSITION"

    def checker(self) -> Check:
        """See RiskControl."""
        fixed, soft = self.fixed, self.soft_fixed

        def check(proposal: Proposal) -> Reject | None:
            reached = proposal.reached
            if (reached < soft and not proposal.warned) or (reached > fixed and not proposal.added_leaves):
                return None
            return self.judge(proposal, reached, fixed, soft)

        return check

    def refuse(self, proposal: Proposal, observed: int, limit: int) -> Reject:
        """See Limit."""
        return _position_refused(self, proposal, observed, limit)


class MaxLongPosition(Limit):
    """MaxPosition for long positions only."""

    code: ClassVar[str] = "MAX_LONG_POSITION"
    of_buys: ClassVar[bool] = True

    limit: NonNegativeDecimal

    @cached_property
    def fixed(self) -> int:
        """The limit, 1e-9 units."""
        return to_price(self.limit)

    @cached_property
    def soft_fixed(self) -> int:
        """The smallest quantity that warns, 1e-9 units."""
        return max(self.soft_of(self.fixed), 1)

    def checker(self) -> Check:
        """See RiskControl."""
        fixed, soft, of_buys = self.fixed, self.soft_fixed, self.of_buys

        def check(proposal: Proposal) -> Reject | None:
            reached = proposal.reached
            if proposal.buys is not of_buys or (reached < soft and not proposal.warned):
                return None
            if reached > fixed and not proposal.added_leaves:
                return None
            return self.judge(proposal, reached, fixed, soft)

        return check

    def refuse(self, proposal: Proposal, observed: int, limit: int) -> Reject:
        """See Limit."""
        return _position_refused(self, proposal, observed, limit)


class MaxShortPosition(MaxLongPosition):
    """MaxPosition for short positions only."""

    code: ClassVar[str] = "MAX_SHORT_POSITION"
    of_buys: ClassVar[bool] = False


def _position_refused(control: Limit, proposal: Proposal, reached: int, limit: int) -> Reject:
    signed, bound = price_text(reached if proposal.buys else -reached), price_text(limit)
    text = f"position in {proposal.symbol} with working orders could reach {signed}, beyond the limit {bound}"
    return Reject(control.code, f"{proposal.subject}: {text}", bound, signed)


class MaxOpenOrders(CountLimit):
    """Working orders of the account (FIA: maximum number of open orders)."""

    code: ClassVar[str] = "MAX_OPEN_ORDERS"
    by_symbol: ClassVar[bool] = False

    def checker(self) -> Check:
        """See RiskControl."""
        limit, soft = self.limit, self.soft_fixed

        def check(proposal: Proposal) -> Reject | None:
            number = len(proposal.ledger.working) + 1
            if proposal.replaced is not None or (number < soft and not proposal.warned):
                return None
            return self.judge(proposal, number, limit, soft)

        return check

    def sentence(self, proposal: Proposal, observed: str, limit: str) -> str:
        """See Limit."""
        return f"it would be working order number {observed} of the account, the limit is {limit}"


class MaxOpenOrdersPerSymbol(CountLimit):
    """Working orders of the account in an instrument."""

    code: ClassVar[str] = "MAX_OPEN_ORDERS_PER_SYMBOL"

    def checker(self) -> Check:
        """See RiskControl."""
        limit, soft = self.limit, self.soft_fixed

        def check(proposal: Proposal) -> Reject | None:
            ledger, symbol = proposal.ledger, proposal.symbol
            number = len(ledger.orders_of(symbol, Side.BUY)) + len(ledger.orders_of(symbol, Side.SELL)) + 1
            if proposal.replaced is not None or (number < soft and not proposal.warned):
                return None
            return self.judge(proposal, number, limit, soft)

        return check

    def sentence(self, proposal: Proposal, observed: str, limit: str) -> str:
        """See Limit."""
        return f"it would be working order number {observed} of the account in {proposal.symbol}, the limit is {limit}"


class BuyingPower(EquityLimit):
    """Gross exposure within equity * leverage (SEC 15c3-5 (c)(1)(i), credit threshold). It can't be switched off.

    limit: the leverage, that is the exposure that a unit of equity may carry; 1 is a cash account.
    """

    code: ClassVar[str] = "BUYING_POWER"
    by_symbol: ClassVar[bool] = False

    def checker(self) -> Check:
        """See RiskControl."""
        return self.exposure_checker(lambda exposure: (exposure.gross_before, exposure.gross_after))

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

    def checker(self) -> Check:
        """See RiskControl."""
        return self.exposure_checker(lambda exposure: (exposure.gross_before, exposure.gross_after))

    def sentence(self, proposal: Proposal, observed: str, limit: str) -> str:
        """See Limit."""
        return f"the account's leverage with working orders could reach {observed}, the limit is {limit}"


class MaxMargin(EquityLimit):
    """Initial margin of all positions and working orders, by the instruments' margin_rate, over equity.

    limit: share of the equity that margin may use; 1 is all of it (FINRA rule 4210, initial margin).
    """

    code: ClassVar[str] = "MAX_MARGIN"
    by_symbol: ClassVar[bool] = False

    def checker(self) -> Check:
        """See RiskControl."""
        return self.exposure_checker(lambda exposure: (exposure.margin_before, exposure.margin_after))

    def sentence(self, proposal: Proposal, observed: str, limit: str) -> str:
        """See Limit."""
        return f"margin with working orders could use {observed} of the equity, the limit is {limit}"


class MaxConcentration(EquityLimit):
    """Exposure in one instrument over equity (FIA: concentration)."""

    code: ClassVar[str] = "MAX_CONCENTRATION"

    def checker(self) -> Check:
        """See RiskControl."""
        return self.exposure_checker(lambda exposure: (exposure.symbol_before, exposure.symbol_after))

    def sentence(self, proposal: Proposal, observed: str, limit: str) -> str:
        """See Limit."""
        what = f"exposure in {proposal.symbol} with working orders"
        return f"{what} could reach {observed} of the equity, the limit is {limit}"


class MaxGrossExposure(MoneyLimit):
    """Sum over instruments of the absolute exposure, in the account's currency (SEC 15c3-5 (c)(1)(i))."""

    code: ClassVar[str] = "MAX_GROSS_EXPOSURE"
    by_symbol: ClassVar[bool] = False

    def checker(self) -> Check:
        """See RiskControl."""
        fixed, soft = self.fixed, self.soft_fixed

        def check(proposal: Proposal) -> Reject | None:
            exposure = proposal.exposure()
            after = exposure.gross_after
            if (after < soft and not proposal.warned) or (after > fixed and after <= exposure.gross_before):
                return None
            return self.judge(proposal, after, fixed, soft)

        return check

    def sentence(self, proposal: Proposal, observed: str, limit: str) -> str:
        """See Limit."""
        return f"gross exposure with working orders could reach {observed}, the limit is {limit}"


class MaxNetExposure(MoneyLimit):
    """Absolute sum over instruments of the signed exposure, if all working orders of the order's side filled."""

    code: ClassVar[str] = "MAX_NET_EXPOSURE"
    by_symbol: ClassVar[bool] = False

    def checker(self) -> Check:
        """See RiskControl."""
        fixed, soft = self.fixed, self.soft_fixed

        def check(proposal: Proposal) -> Reject | None:
            exposure = proposal.exposure()
            after = exposure.net_after
            if (after < soft and not proposal.warned) or (after > fixed and after <= exposure.net_before):
                return None
            return self.judge(proposal, after, fixed, soft)

        return check

    def sentence(self, proposal: Proposal, observed: str, limit: str) -> str:
        """See Limit."""
        way = "long" if proposal.buys else "short"
        return f"net {way} exposure with working orders could reach {observed}, the limit is {limit}"
