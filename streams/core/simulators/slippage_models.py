"""Slippage and impact models: the price of the quantity that an order takes beyond the displayed size.

Sources: zipline (fixed basis points, volume share), Almgren, Thum, Hauptmann and Li, "Direct Estimation of Equity
Market Impact" (2005), and the square-root law as in Toth et al. (2011).
"""

from collections.abc import Sequence
from decimal import Context, Decimal
from typing import Annotated, ClassVar, NamedTuple, Protocol

from pydantic import Field

from schemas.records.numbers import PRICE_SCALE
from streams.core.simulators.model import Model

BPS_PER_ONE = 10_000
_EXACT = Context(prec=28)

_LARGEST, _SMALLEST = Decimal(10**18), Decimal("1e-18")
PositiveNumber = Annotated[Decimal, Field(ge=_SMALLEST, le=_LARGEST)]
NonNegativeNumber = Annotated[Decimal, Field(ge=0, le=_LARGEST)]
Rate = Annotated[Decimal, Field(gt=0, le=1)]


class Beyond(NamedTuple):
    """The quantity that trades beyond the displayed size, all of which is taken.

    quantity: the order's, and before it what orders have taken there; quantity, volume: 1e-9 units; px: price of the
    last displayed level, 1e-9; half_spread: 1e-9, 0 if it is unknown; volume: traded by the market in the last minute.
    """

    quantity: int
    px: int
    half_spread: int
    volume: int


class Impact(NamedTuple):
    """A fill beyond the displayed size: 0 <= quantity <= asked; slippage: how much worse than px, 1e-9, >= 0."""

    quantity: int
    slippage: int


class SlippageModel(Protocol):
    """The interface of slippage models. An answer depends on the argument alone, on every machine: no floats."""

    def beyond(self, asked: Beyond) -> Impact:
        """Returns the quantity that trades beyond the displayed size, and its slippage."""
        ...

    def describe(self) -> str:
        """Returns the name and the parameters."""
        ...


class NoSlippage(Model):
    """No trade beyond the displayed size: the rest of the order waits until the market refreshes it."""

    model: ClassVar[str] = "none"

    def beyond(self, asked: Beyond) -> Impact:
        return Impact(0, 0)


class FixedBps(Model):
    """The rest trades bps basis points worse; with volume_limit, at most that share of the last minute's volume."""

    model: ClassVar[str] = "fixed-bps"
    bps: NonNegativeNumber = Decimal(5)
    volume_limit: Rate | None = None

    def beyond(self, asked: Beyond) -> Impact:
        quantity = asked.quantity
        if self.volume_limit is not None:
            quantity = min(quantity, int(self.volume_limit * asked.volume))
        return Impact(quantity, _of_price(asked.px, self.bps / BPS_PER_ONE))


class HalfSpread(Model):
    """The rest trades factor half-spreads worse."""

    model: ClassVar[str] = "half-spread"
    factor: NonNegativeNumber = Decimal(1)

    def beyond(self, asked: Beyond) -> Impact:
        return Impact(asked.quantity, _rounded_up(self.factor * asked.half_spread))


class VolumeShare(Model):
    """At most volume_limit of the last minute's volume v, worse by price_impact * (quantity / v)^2 of the price."""

    model: ClassVar[str] = "volume-share"
    volume_limit: Rate = Decimal("0.025")
    price_impact: NonNegativeNumber = Decimal("0.1")

    def beyond(self, asked: Beyond) -> Impact:
        quantity = min(asked.quantity, int(self.volume_limit * asked.volume))
        if quantity == 0:
            return Impact(0, 0)
        share = _EXACT.divide(Decimal(quantity), Decimal(asked.volume))
        return Impact(quantity, _of_price(asked.px, self.price_impact * share * share))


class SquareRoot(Model):
    """Slippage of y * daily_volatility * sqrt(quantity / daily_volume) of the price; the literature has y 0.5 to 1."""

    model: ClassVar[str] = "square-root"
    y: PositiveNumber = Decimal(1)
    daily_volatility: PositiveNumber
    daily_volume: PositiveNumber
    """Units per day."""

    def beyond(self, asked: Beyond) -> Impact:
        share = _EXACT.divide(Decimal(asked.quantity), self.daily_volume * PRICE_SCALE)
        return Impact(asked.quantity, _of_price(asked.px, self.y * self.daily_volatility * _EXACT.sqrt(share)))


class Almgren(Model):
    """Half of the permanent and all of the temporary impact of Almgren et al. (2005), as a share of the price.

    Permanent: gamma * s * (X/V) * (Theta/V)^(1/4); temporary: eta * s * (X/(V*T))^0.6, with s the daily volatility, X
    the quantity, V the daily volume, Theta the shares outstanding, T the duration of the trade in days.
    """

    model: ClassVar[str] = "almgren"
    daily_volatility: PositiveNumber
    daily_volume: PositiveNumber
    shares_outstanding: PositiveNumber
    duration_days: PositiveNumber = Decimal("0.1")
    gamma: NonNegativeNumber = Decimal("0.314")
    eta: NonNegativeNumber = Decimal("0.142")

    def permanent(self, quantity: Decimal) -> Decimal:
        """Returns the share of the price by which the trade moves the market; quantity in units."""
        turnover = _EXACT.divide(quantity, self.daily_volume)
        size = _EXACT.power(_EXACT.divide(self.shares_outstanding, self.daily_volume), Decimal("0.25"))
        return self.gamma * self.daily_volatility * turnover * size

    def temporary(self, quantity: Decimal) -> Decimal:
        """Returns the share of the price that the trade pays in addition; quantity in units."""
        pace = _EXACT.divide(quantity, self.daily_volume * self.duration_days)
        return self.eta * self.daily_volatility * _EXACT.power(pace, Decimal("0.6"))

    def beyond(self, asked: Beyond) -> Impact:
        quantity = _EXACT.divide(Decimal(asked.quantity), Decimal(PRICE_SCALE))
        return Impact(asked.quantity, _of_price(asked.px, self.permanent(quantity) / 2 + self.temporary(quantity)))


MODELS: Sequence[type[Model]] = (NoSlippage, FixedBps, HalfSpread, VolumeShare, SquareRoot, Almgren)


def _of_price(px: int, share: Decimal) -> int:
    return _rounded_up(px * share)


def _rounded_up(amount: Decimal) -> int:
    """Rounds against the trader."""
    return int(amount.to_integral_value(rounding="ROUND_CEILING"))
