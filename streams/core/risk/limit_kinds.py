"""Limits by the unit of what they observe: a quantity, money, a count, or a multiple of the equity."""

from __future__ import annotations

from functools import cached_property

from schemas.records.numbers import PRICE_SCALE, money_text, to_price
from streams.core.ledger.exposure import Exposure
from streams.core.reference.fields import Count, PositiveDecimal
from streams.core.risk.control import Limit
from streams.core.risk.proposal import Proposal, Reject


class DecimalLimit(Limit):
    """limit: a positive decimal number."""

    limit: PositiveDecimal

    @cached_property
    def fixed(self) -> int:
        """The limit, 1e-9."""
        return to_price(self.limit)

    @cached_property
    def soft_fixed(self) -> int:
        """The smallest observed number that warns, in the unit of fixed."""
        return self.soft_of(self.fixed)


class QuantityLimit(DecimalLimit):
    """limit: units of the instrument."""


class MoneyLimit(DecimalLimit):
    """limit: units of the currency."""

    @cached_property
    def fixed(self) -> int:
        """The limit, 1e-18 of the currency."""
        return to_price(self.limit) * PRICE_SCALE

    def show(self, value: int) -> str:
        """See Limit."""
        return money_text(value)


class CountLimit(Limit):
    """limit: the largest count."""

    limit: Count

    @cached_property
    def soft_fixed(self) -> int:
        """The smallest count that warns."""
        return self.soft_of(self.limit)

    def show(self, value: int) -> str:
        """See Limit."""
        return str(value)


class EquityLimit(DecimalLimit):
    """limit: how much a unit of equity may carry; 0.5 is half of the equity."""

    def beyond(self, proposal: Proposal, exposure: Exposure, before: int, after: int) -> Reject:
        """Returns the refusal of an order that raises an exposure above the limit."""
        assert exposure.equity > 0, "without equity there is no buying power, which is asked first"
        return self.refuse(proposal, -(-after * PRICE_SCALE // exposure.equity), self.fixed)
