"""Fee models: the fee of an order so far, as a function of its executions so far.

A model computes the fee of the whole order, because minimums and caps apply to the order; a fill is charged the
difference to the fee before it. A fee is exact in 1e-18 of the currency. If the currency has a minor unit
(CoreConfig.minor_units), the order's fee so far is rounded to it, half to even, so that the commissions of its fills
add up to a payable amount.
"""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from functools import cached_property, lru_cache
from typing import Annotated, ClassVar, NamedTuple, Protocol, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.records import numbers
from schemas.records.bounds import FEE_AMOUNT_MAX
from schemas.records.numbers import PRICE_SCALE, divide_half_even
from streams.core.simulators.model import Model

BPS_PER_ONE = 10_000
to_price, to_money = lru_cache(numbers.to_price), lru_cache(numbers.to_money)
"""Cached, because the same few parameters are converted at each fill."""
_SHARE = Annotated[Decimal, Field(ge=0, le=1, decimal_places=9)]
_AMOUNT = Annotated[Decimal, Field(ge=0, le=FEE_AMOUNT_MAX, decimal_places=9)]
_BPS = Annotated[Decimal, Field(ge=0, le=BPS_PER_ONE, decimal_places=5)]
_MAKER_BPS = Annotated[Decimal, Field(ge=-BPS_PER_ONE, le=BPS_PER_ONE, decimal_places=5)]


class Executed(NamedTuple):
    """The executions of an order so far: quantities 1e-9 units, notionals 1e-18 of the currency.

    before: notional that the account traded in the symbol in this calendar month (UTC) before the order.
    """

    added_quantity: int
    added_notional: int
    removed_quantity: int
    removed_notional: int
    fills: int
    before: int = 0

    @property
    def quantity(self) -> int:
        """Quantity added and removed, 1e-9 units."""
        return self.added_quantity + self.removed_quantity

    @property
    def notional(self) -> int:
        """Notional added and removed, 1e-18 of the currency."""
        return self.added_notional + self.removed_notional


class FeeModel(Protocol):
    """The interface of fee models. A fee depends on the argument alone; 0 without executions, positive if paid."""

    def order_fee(self, executed: Executed) -> int:
        """Returns the fee of the order so far, 1e-18 of the instrument's currency."""
        ...

    def describe(self) -> str:
        """Returns the name and the parameters."""
        ...


class Rates(Model):
    """A share of the notional, by liquidity, plus an amount per unit."""

    model: ClassVar[str] = "rates"
    maker_rate: _SHARE = Decimal(0)
    taker_rate: _SHARE = Decimal(0)
    per_unit: _AMOUNT = Decimal(0)

    def order_fee(self, executed: Executed) -> int:
        maker_rate, taker_rate, per_unit = self._terms
        maker, taker = _share(executed.added_notional, maker_rate), _share(executed.removed_notional, taker_rate)
        return maker + taker + executed.quantity * per_unit

    @cached_property
    def _terms(self) -> tuple[int, int, int]:
        """Rates and amount per unit, 1e-9."""
        return to_price(self.maker_rate), to_price(self.taker_rate), to_price(self.per_unit)


class PerShare(Model):
    """An amount per share; at least minimum per order, at most maximum_rate of its value. The cap beats the minimum."""

    model: ClassVar[str] = "per-share"
    amount: _AMOUNT
    minimum: _AMOUNT = Decimal(0)
    maximum_rate: Annotated[_SHARE, Field(gt=0)] | None = None

    def order_fee(self, executed: Executed) -> int:
        quantity = executed.quantity
        if quantity == 0:
            return 0
        amount, minimum, maximum_rate = self._terms
        fee = max(quantity * amount, minimum)
        return fee if maximum_rate is None else min(fee, _share(executed.notional, maximum_rate))

    @cached_property
    def _terms(self) -> tuple[int, int, int | None]:
        """Amount per share (1e-9), minimum (1e-18), maximum rate (1e-9)."""
        maximum_rate = None if self.maximum_rate is None else to_price(self.maximum_rate)
        return to_price(self.amount), to_money(self.minimum), maximum_rate


class BasisPoints(Model):
    """Basis points of the notional, by liquidity; at least minimum per order. A negative maker fee is a rebate."""

    model: ClassVar[str] = "basis-points"
    maker: _MAKER_BPS
    taker: _BPS
    minimum: _AMOUNT = Decimal(0)

    def order_fee(self, executed: Executed) -> int:
        if executed.quantity == 0:
            return 0
        maker, taker, minimum = self._terms
        fee = _share(executed.added_notional, maker) + _share(executed.removed_notional, taker)
        return max(fee, minimum) if minimum else fee

    @cached_property
    def _terms(self) -> tuple[int, int, int]:
        """Rates (1e-9) and minimum (1e-18)."""
        maker, taker = to_price(self.maker / BPS_PER_ONE), to_price(self.taker / BPS_PER_ONE)
        return maker, taker, to_money(self.minimum)


class Tier(BaseModel):
    """The basis points that apply from a monthly notional on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    from_notional: Annotated[Decimal, Field(ge=0, lt=10**20, decimal_places=18)]
    maker: _MAKER_BPS
    taker: _BPS


class Tiered(Model):
    """Basis points by the notional that the account traded in the symbol in the calendar month before the order."""

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


class Fixed(Model):
    """An amount for each order that executes, and an amount for each fill."""

    model: ClassVar[str] = "fixed"
    per_order: _AMOUNT = Decimal(0)
    per_fill: _AMOUNT = Decimal(0)

    def order_fee(self, executed: Executed) -> int:
        if executed.fills == 0:
            return 0
        return to_money(self.per_order) + executed.fills * to_money(self.per_fill)


class Schedule(NamedTuple):
    """A published price list. effective: a day from which on it is known to be in force."""

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
    "binance-usdm": (
        Schedule(
            date(2024, 1, 1),
            "Binance, USD-M futures in USDT, regular user (VIP 0): https://www.binance.com/en/fee/futureFee",
            BasisPoints(maker=Decimal(2), taker=Decimal(5)),
        ),
    ),
}
"""Versions of each price list, oldest first. To follow a change by the broker, add a Schedule with its day: a run that
names as_of keeps its version."""


class Published(Model):
    """A broker's price list: the version in force on the day as_of, or the newest one without as_of."""

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
        """Fee model of the version in force."""
        versions = [item for item in SCHEDULES[self.schedule] if self.as_of is None or item.effective <= self.as_of]
        return versions[-1].fee

    def order_fee(self, executed: Executed) -> int:
        return self._fee.order_fee(executed)


MODELS: Sequence[type[Model]] = (Rates, PerShare, BasisPoints, Tiered, Fixed, Published)


def _share(notional: int, rate: int) -> int:
    """Returns a rate (1e-9) of a notional, rounded half to even to 1e-18."""
    return divide_half_even(notional * rate, PRICE_SCALE) if notional and rate else 0
