"""Fee models: what an order has cost so far, as a function of what it has executed so far.

Fees of an order are reckoned as a whole, because minimums and caps are of the order; a fill is charged the difference.
A fee is exact in 1e-18 of the currency; where the currency has a minor unit (CoreConfig.minor_units) the order's fee so
far is rounded to it, half to even, so that the commissions of its fills sum up to a payable amount.
"""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from functools import cached_property, lru_cache
from typing import Annotated, ClassVar, NamedTuple, Protocol, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.records import numbers
from schemas.records.numbers import PRICE_SCALE, divide_half_even
from streams.core.simulators.model import Part

BPS_PER_ONE = 10_000
to_price, to_money = lru_cache(numbers.to_price), lru_cache(numbers.to_money)
"""Parameters are few, and asked for at each fill."""
_RATE = Annotated[Decimal, Field(decimal_places=9)]
_AMOUNT = Annotated[Decimal, Field(ge=0, decimal_places=9)]


class Executed(NamedTuple):
    """What an order has executed so far: quantities 1e-9 units, notionals 1e-18 of the currency.

    before: notional that the account had traded in the symbol in the calendar month (UTC) before the order.
    """

    added_quantity: int
    added_notional: int
    removed_quantity: int
    removed_notional: int
    fills: int
    before: int = 0

    @property
    def quantity(self) -> int:
        """Of both kinds."""
        return self.added_quantity + self.removed_quantity

    @property
    def notional(self) -> int:
        """Of both kinds."""
        return self.added_notional + self.removed_notional


class FeeModel(Protocol):
    """Contract: a function of the argument alone; 0 where nothing has executed; positive is paid."""

    def order_fee(self, executed: Executed) -> int:
        """Fee of the order so far, 1e-18 of the instrument's currency."""
        ...

    def describe(self) -> str:
        """Name and parameters."""
        ...


class Rates(Part):
    """A share of the notional by liquidity, plus an amount a unit."""

    model: ClassVar[str] = "rates"
    maker_rate: _AMOUNT = Decimal(0)
    taker_rate: _AMOUNT = Decimal(0)
    per_unit: _AMOUNT = Decimal(0)

    def order_fee(self, executed: Executed) -> int:
        maker = _share(executed.added_notional, to_price(self.maker_rate))
        taker = _share(executed.removed_notional, to_price(self.taker_rate))
        return maker + taker + executed.quantity * to_price(self.per_unit)


class PerShare(Part):
    """An amount a share, at least minimum an order, at most maximum_rate of its value: the cap beats the minimum."""

    model: ClassVar[str] = "per-share"
    amount: _AMOUNT
    minimum: _AMOUNT = Decimal(0)
    maximum_rate: Annotated[Decimal, Field(gt=0, decimal_places=9)] | None = None

    def order_fee(self, executed: Executed) -> int:
        quantity = executed.quantity
        if quantity == 0:
            return 0
        amount, minimum, maximum_rate = self._terms
        fee = max(quantity * amount, minimum)
        return fee if maximum_rate is None else min(fee, _share(executed.notional, maximum_rate))

    @cached_property
    def _terms(self) -> tuple[int, int, int | None]:
        """Amount a share (1e-9), minimum (1e-18), maximum rate (1e-9)."""
        maximum_rate = None if self.maximum_rate is None else to_price(self.maximum_rate)
        return to_price(self.amount), to_money(self.minimum), maximum_rate


class BasisPoints(Part):
    """Basis points of the notional by liquidity, at least minimum an order; a maker's may be a rebate (negative)."""

    model: ClassVar[str] = "basis-points"
    maker: _RATE
    taker: Annotated[Decimal, Field(ge=0, decimal_places=5)]
    minimum: _AMOUNT = Decimal(0)

    def order_fee(self, executed: Executed) -> int:
        if executed.quantity == 0:
            return 0
        maker = _share(executed.added_notional, to_price(self.maker / BPS_PER_ONE))
        fee = maker + _share(executed.removed_notional, to_price(self.taker / BPS_PER_ONE))
        return max(fee, to_money(self.minimum)) if self.minimum else fee


class Tier(BaseModel):
    """From this monthly notional on, these basis points."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    from_notional: Annotated[Decimal, Field(ge=0)]
    maker: Annotated[Decimal, Field(decimal_places=5)]
    taker: Annotated[Decimal, Field(ge=0, decimal_places=5)]


class Tiered(Part):
    """Basis points by what the account had traded in the symbol in the calendar month before the order."""

    model: ClassVar[str] = "tiered"
    tiers: tuple[Tier, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _rising(self) -> Self:
        starts = [tier.from_notional for tier in self.tiers]
        if starts[0] != 0 or starts != sorted(set(starts)):
            raise ValueError("from_notional must begin with 0 and rise from tier to tier")
        return self

    def order_fee(self, executed: Executed) -> int:
        reached = [tier for tier in self.tiers if to_money(tier.from_notional) <= executed.before]
        tier = reached[-1]
        maker = _share(executed.added_notional, to_price(tier.maker / BPS_PER_ONE))
        return maker + _share(executed.removed_notional, to_price(tier.taker / BPS_PER_ONE))


class Fixed(Part):
    """An amount for each order that executes, and one for each fill."""

    model: ClassVar[str] = "fixed"
    per_order: _AMOUNT = Decimal(0)
    per_fill: _AMOUNT = Decimal(0)

    def order_fee(self, executed: Executed) -> int:
        if executed.fills == 0:
            return 0
        return to_money(self.per_order) + executed.fills * to_money(self.per_fill)


class Schedule(NamedTuple):
    """A published price list. effective: a day on which it was in force already, and has been since."""

    effective: date
    source: str
    fee: FeeModel


SCHEDULES: dict[str, tuple[Schedule, ...]] = {
    "ibkr-us-fixed": (
        Schedule(
            date(2020, 1, 1),
            "Interactive Brokers, US stocks, fixed pricing",
            PerShare(amount=Decimal("0.005"), minimum=Decimal(1), maximum_rate=Decimal("0.01")),
        ),
    ),
    "ibkr-fx": (
        Schedule(
            date(2020, 1, 1),
            "Interactive Brokers, spot currencies, first tier",
            BasisPoints(maker=Decimal("0.2"), taker=Decimal("0.2"), minimum=Decimal(2)),
        ),
    ),
    "binance-spot": (
        Schedule(date(2020, 1, 1), "Binance, spot, regular user", BasisPoints(maker=Decimal(10), taker=Decimal(10))),
    ),
}
"""By name, oldest first. To follow a change of the broker's add a Schedule with its day; runs keep what they name."""


class Published(Part):
    """A broker's price list: the newest version on the day as_of, or without it the newest of all."""

    model: ClassVar[str] = "published"
    schedule: str
    as_of: date | None = None

    @model_validator(mode="after")
    def _known(self) -> Self:
        if self.schedule not in SCHEDULES:
            raise ValueError(f"schedule {self.schedule!r} is none of {', '.join(SCHEDULES)}")
        first = SCHEDULES[self.schedule][0].effective
        if self.as_of is not None and self.as_of < first:
            raise ValueError(f"schedule {self.schedule} is known from {first} on")
        return self

    @cached_property
    def _fee(self) -> FeeModel:
        """Of the version in force."""
        versions = [item for item in SCHEDULES[self.schedule] if self.as_of is None or item.effective <= self.as_of]
        return versions[-1].fee

    def order_fee(self, executed: Executed) -> int:
        return self._fee.order_fee(executed)


PARTS: Sequence[type[Part]] = (Rates, PerShare, BasisPoints, Tiered, Fixed, Published)


def _share(notional: int, rate: int) -> int:
    """rate (1e-9) of a notional, half even to 1e-18."""
    return divide_half_even(notional * rate, PRICE_SCALE)
