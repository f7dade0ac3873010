"""Configuration of the core: part of the journal, so that a replay needs nothing from outside."""

from datetime import time
from decimal import Decimal
from enum import StrEnum
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from streams.domain.numbers import NotRepresentable, to_price


def _fixed(value: Decimal) -> Decimal:
    try:
        to_price(value)
    except NotRepresentable as error:
        raise ValueError(str(error)) from error
    return value


def _timezone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"{value!r} is not an IANA time zone") from error
    return value


FixedDecimal = Annotated[Decimal, AfterValidator(_fixed)]
PositiveDecimal = Annotated[FixedDecimal, Field(gt=0)]
NonNegativeDecimal = Annotated[FixedDecimal, Field(ge=0)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TimeSource(StrEnum):
    """Which clock drives the shards."""

    EVENT = "event"
    """Market time: the times in market.data. For recorded and synthetic feeds at any speed."""
    RECORD = "record"
    """Kafka record timestamps. For live paper trading."""


class FeeConfig(_Frozen):
    """Fee of a fill: rate of the notional by liquidity, plus an amount per unit."""

    maker_rate: NonNegativeDecimal = Decimal(0)
    taker_rate: NonNegativeDecimal = Decimal(0)
    per_unit: NonNegativeDecimal = Decimal(0)


class InstrumentConfig(_Frozen):
    """A tradable instrument; prices in units of its currency, quantities in units of the instrument."""

    symbol: str = Field(min_length=1)
    currency: str = Field(min_length=1)
    tick_size: PositiveDecimal
    lot_size: PositiveDecimal
    min_quantity: PositiveDecimal
    max_quantity: PositiveDecimal
    fee: FeeConfig = FeeConfig()
    timezone: Annotated[str, AfterValidator(_timezone)] = "UTC"
    day_end: time = time(0, 0)
    """Local time at which DAY orders expire."""

    @model_validator(mode="after")
    def _quantities_ordered(self) -> "InstrumentConfig":
        if self.min_quantity > self.max_quantity:
            raise ValueError(
                f"{self.symbol}: min_quantity {self.min_quantity} is above max_quantity {self.max_quantity}"
            )
        return self


class LimitsConfig(_Frozen):
    """Limits of an account; each is inclusive."""

    max_order_quantity: PositiveDecimal = Decimal(100_000)
    max_order_notional: PositiveDecimal = Decimal(5_000_000)
    max_position: PositiveDecimal = Decimal(500_000)
    """Absolute position by instrument, working orders included."""


class MockConfig(_Frozen):
    """MockExecutor: bounds of what the run seed draws for each order."""

    latency_ms_max: int = Field(default=20, ge=0)
    slippage_bps_max: NonNegativeDecimal = Decimal(2)
    failure_rate: Annotated[NonNegativeDecimal, Field(le=1)] = Decimal("0.01")


class SimulatorConfig(_Frozen):
    """ExecutionSimulator: crosses the quoted spread, limited by the displayed size."""

    latency_ms: int = Field(default=5, ge=0)


class CoreConfig(_Frozen):
    """All that the core's behaviour depends on besides its inputs."""

    time_source: TimeSource = TimeSource.EVENT
    run_seed: int = 1
    mock_trading: bool = True
    account_partitions: int = Field(ge=1)
    execution_partitions: int = Field(ge=1)
    equity_interval_ms: int = Field(default=60_000, ge=1)
    mark_interval_ms: int = Field(default=1_000, ge=0)
    seen_order_ids_max: int = Field(default=50_000, ge=1)
    """Order ids remembered for each account; a duplicate of an older one is not recognised."""
    limits: LimitsConfig = LimitsConfig()
    mock: MockConfig = MockConfig()
    simulator: SimulatorConfig = SimulatorConfig()
    instruments: tuple[InstrumentConfig, ...] = ()

    @model_validator(mode="after")
    def _symbols_unique(self) -> "CoreConfig":
        symbols = [instrument.symbol for instrument in self.instruments]
        doubled = sorted({symbol for symbol in symbols if symbols.count(symbol) > 1})
        if doubled:
            raise ValueError(f"instrument defined twice: {', '.join(doubled)}")
        return self
