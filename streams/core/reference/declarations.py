"""Instruments, simulators and accounts as the reference data declare them."""

from datetime import time
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from streams.core.reference.fields import Frozen, NonNegativeDecimal, PositiveDecimal, TimeZone


class PartConfig(BaseModel):
    """A part of a simulator by its registered name, and its parameters beside; see streams.core.simulators.model."""

    model_config = ConfigDict(frozen=True, extra="allow")

    model: str = Field(min_length=1)

    @property
    def parameters(self) -> dict[str, Any]:
        """What is said besides the name."""
        return dict(self.model_extra or {})


class FeeConfig(PartConfig):
    """Fee model of an instrument; see streams.core.simulators.fees."""

    model: str = "rates"


class InstrumentConfig(Frozen):
    """A tradable instrument; prices in units of its currency, quantities in units of the instrument."""

    symbol: str = Field(min_length=1)
    currency: str = Field(min_length=1)
    tick_size: PositiveDecimal
    lot_size: PositiveDecimal
    min_quantity: PositiveDecimal
    max_quantity: PositiveDecimal
    fee: FeeConfig = FeeConfig()
    timezone: TimeZone = "UTC"
    day_start: time | None = None
    """Local time from which the control session_hours takes orders; without it the session's open, or midnight."""
    day_end: time | None = None
    """Local time at which DAY orders expire; without it the close of the calendar's session, or midnight."""
    calendar: str | None = None
    """Exchange calendar (ISO 10383 code as XNYS): DAY orders expire on its days of trading only. None: every day."""
    tradable: bool = True
    """Whether orders are taken; false stops an instrument without taking its reference data away."""
    margin_rate: Annotated[NonNegativeDecimal, Field(le=1)] = Decimal(1)
    """Initial margin as a share of the value, for the control max_margin; 1: paid in full."""
    simulator: str | None = None
    """Simulator of orders in this instrument; None: the configuration's."""
    borrow_rate: Annotated[NonNegativeDecimal, Field(le=100)] = Decimal(0)
    """Yearly fee for borrowed units of a short position, as a share of its value (0.03: 3 %); by night / 360."""

    @model_validator(mode="after")
    def _quantities_ordered(self) -> "InstrumentConfig":
        if self.min_quantity > self.max_quantity:
            raise ValueError(
                f"{self.symbol}: min_quantity {self.min_quantity} is above max_quantity {self.max_quantity}"
            )
        return self


STALE_AFTER_MS = 60_000


class MockConfig(Frozen):
    """MockExecutor: bounds of what the run seed draws for each order."""

    latency_ms_max: int = Field(default=20, ge=0)
    slippage_bps_max: NonNegativeDecimal = Decimal(2)
    failure_rate: Annotated[NonNegativeDecimal, Field(le=1)] = Decimal("0.01")
    stale_after_ms: int = Field(default=STALE_AFTER_MS, ge=0)


class LatencyConfig(Frozen):
    """Latency models by action; a cancel or replace without one travels as a new order does."""

    new: PartConfig = PartConfig(model="constant")
    cancel: PartConfig | None = None
    replace: PartConfig | None = None


class SimulatorConfig(Frozen):
    """Parts of an ExecutionSimulator, each by its registered name."""

    name: str = Field(min_length=1)
    fill: PartConfig = PartConfig(model="touch")
    queue: PartConfig = PartConfig(model="risk-averse")
    slippage: PartConfig = PartConfig(model="none")
    latency: LatencyConfig = LatencyConfig()
    stale_after_ms: int = Field(default=STALE_AFTER_MS, ge=0)
    """A quote older than this in market time fills no order that would take from it."""


class AccountConfig(Frozen):
    """What is chosen for one account."""

    account_id: str = Field(min_length=1)
    simulator: str


class ConversionConfig(Frozen):
    """The symbol whose price converts: one unit of base costs its price in quote."""

    base: str = Field(min_length=1)
    quote: str = Field(min_length=1)
    symbol: str = Field(min_length=1)
