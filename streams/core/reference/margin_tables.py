"""Maintenance margin by brackets of a position's value, as venues of perpetuals and futures publish it.

In a bracket, margin = value * rate - amount. The amount makes the margin the same on both sides of each floor (Binance,
"How to Calculate Liquidation Price of USD-M Futures Contracts": maintenance amount).
"""

from decimal import Decimal
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from schemas.records.numbers import PRICE_SCALE, NotRepresentable, divide_half_even, plain, to_money, to_price
from streams.core.reference.fields import Frozen, PositiveDecimal

BRACKETS_MAX = 50


def _money(value: Decimal) -> Decimal:
    try:
        to_money(value)
    except NotRepresentable as error:
        raise ValueError(str(error)) from error
    return value


Money = Annotated[Decimal, Field(ge=0), AfterValidator(_money)]


class MarginBracket(Frozen):
    """Positions worth the floor or more, in the instrument's currency, need value * rate - amount."""

    floor: Money
    rate: Annotated[PositiveDecimal, Field(le=1)]
    amount: Money = Decimal(0)


class MarginTable(Frozen):
    """The brackets of an instrument, from the smallest value on."""

    brackets: Annotated[tuple[MarginBracket, ...], Field(min_length=1, max_length=BRACKETS_MAX)]

    @model_validator(mode="after")
    def _continuous(self) -> Self:
        first = self.brackets[0]
        if first.floor or first.amount:
            raise ValueError("the first bracket needs floor 0 and amount 0")
        for before, after in zip(self.brackets, self.brackets[1:], strict=False):
            if after.floor <= before.floor or after.rate <= before.rate:
                raise ValueError("floors and rates must rise from bracket to bracket")
            due = before.amount + after.floor * (after.rate - before.rate)
            if after.amount != due:
                raise ValueError(
                    f"the amount of the bracket from {plain(after.floor)} is {plain(after.amount)}; by the rates "
                    f"before it, it is {plain(due)}"
                )
        return self


class MaintenanceMargin:
    """A margin table in fixed point: floors and amounts 1e-18 of the currency, rates 1e-9."""

    __slots__ = ("_brackets",)

    def __init__(self, table: MarginTable) -> None:
        self._brackets = [(to_money(item.floor), to_price(item.rate), to_money(item.amount)) for item in table.brackets]

    def of_value(self, value: int) -> int:
        """Returns the margin of a position's value (1e-18, without sign), half even to 1e-18."""
        rate, amount = self._brackets[0][1], 0
        for floor, its_rate, its_amount in self._brackets:
            if value < floor:
                break
            rate, amount = its_rate, its_amount
        return divide_half_even(value * rate, PRICE_SCALE) - amount
