"""Declarations of the reference data: instruments, simulators, accounts and currency conversions."""

from datetime import UTC, datetime, time
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from schemas.records.bounds import LATENCY_MAX_MS
from schemas.records.numbers import PRICE_MAX, PRICE_SCALE
from streams.core.reference.fields import Frozen, MillisOrNone, Name, NonNegativeDecimal, PositiveDecimal, TimeZone
from streams.core.reference.margin_tables import MarginTable

EXPIRES_FROM, EXPIRES_BEFORE = datetime(1971, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


class ModelConfig(BaseModel):
    """An execution model: its registered name and its parameters; see streams.core.simulators.model."""

    model_config = ConfigDict(frozen=True, extra="allow")

    model: str = Field(min_length=1)

    @property
    def parameters(self) -> dict[str, Any]:
        """Parameters by name."""
        return dict(self.model_extra or {})


class FeeConfig(ModelConfig):
    """The fee model of an instrument; see streams.core.simulators.fee_models."""

    model: str = "rates"


class InstrumentConfig(Frozen):
    """A tradable instrument; prices in units of its currency, quantities in units of the instrument."""

    symbol: Name
    currency: Name
    tick_size: PositiveDecimal
    lot_size: PositiveDecimal
    min_quantity: PositiveDecimal
    max_quantity: PositiveDecimal
    fee: FeeConfig = FeeConfig()
    timezone: TimeZone = "UTC"
    day_start: time | None = None
    """Local time from which the control session_hours accepts orders; None: the session's open, or midnight."""
    day_end: time | None = None
    """Local time at which DAY orders expire; None: the close of the calendar's session, or midnight."""
    calendar: str | None = None
    """Exchange calendar (ISO 10383 code, for example XNYS): DAY orders expire on its sessions only. None: every day."""
    tradable: bool = True
    """False: orders are refused, and the reference data stay."""
    margin_rate: Annotated[NonNegativeDecimal, Field(le=1)] = Decimal(1)
    """Initial margin as a share of the value, for the control max_margin; 1: paid in full."""
    contract_multiplier: PositiveDecimal = Decimal(1)
    """Units of the underlying in one contract (FIX tag 231): a quantity is worth quantity * price * multiplier."""
    margin_table: MarginTable | None = None
    """Maintenance margin; an account with less equity is liquidated. None: the instrument liquidates nobody."""
    expires_at: AwareDatetime | None = None
    """End of trading, in whole seconds. Positions then wait for the settlement price (FIX tag 1079). None: never."""
    simulator: str | None = None
    """Simulator of orders in this instrument; None: the configuration's."""
    borrow_rate: Annotated[NonNegativeDecimal, Field(le=100)] = Decimal(0)
    """Yearly fee for a short position as a share of its value (0.03: 3 %); 1/360 of it is charged each night."""

    @model_validator(mode="after")
    def _quantities_ordered(self) -> "InstrumentConfig":
        if self.min_quantity > self.max_quantity:
            raise ValueError(
                f"{self.symbol}: min_quantity {self.min_quantity} is above max_quantity {self.max_quantity}"
            )
        return self

    @model_validator(mode="after")
    def _expiry_in_bounds(self) -> "InstrumentConfig":
        at = self.expires_at
        if at is not None and (at.microsecond or not EXPIRES_FROM <= at < EXPIRES_BEFORE):
            raise ValueError(f"{self.symbol}: expires_at {at.isoformat()} must be a whole second from 1971 to 2199")
        return self

    @model_validator(mode="after")
    def _largest_order_in_bounds(self) -> "InstrumentConfig":
        if self.max_quantity * self.contract_multiplier * PRICE_SCALE > PRICE_MAX:
            raise ValueError(
                f"{self.symbol}: max_quantity {self.max_quantity} * contract_multiplier {self.contract_multiplier} is "
                "above 999999999.999999999 units; lower max_quantity"
            )
        return self


STALE_AFTER_MS = 60_000


class MockConfig(Frozen):
    """The bounds of the random draws of MockExecutor."""

    latency_ms_max: int = Field(default=20, ge=0, le=LATENCY_MAX_MS)
    slippage_bps_max: NonNegativeDecimal = Decimal(2)
    failure_rate: Annotated[NonNegativeDecimal, Field(le=1)] = Decimal("0.01")
    stale_after_ms: MillisOrNone = STALE_AFTER_MS


class LatencyConfig(Frozen):
    """The latency models by action; without its own model, a cancel or replace has the model of new orders."""

    new: ModelConfig = ModelConfig(model="constant")
    cancel: ModelConfig | None = None
    replace: ModelConfig | None = None


class SimulatorConfig(Frozen):
    """The models of an ExecutionSimulator, each by its registered name."""

    name: Name
    fill: ModelConfig = ModelConfig(model="touch")
    queue: ModelConfig = ModelConfig(model="risk-averse")
    slippage: ModelConfig = ModelConfig(model="none")
    latency: LatencyConfig = LatencyConfig()
    stale_after_ms: MillisOrNone = STALE_AFTER_MS
    """Age in market time above which a quote fills no order that would take from it."""
    participation: Annotated[PositiveDecimal, Field(le=1)] = Decimal("0.1")
    """Most that orders take beyond the display, as a share of what the market has traded in the last minute.

    Without trades in it, as a share of the displayed size. 10 % is the limit of zipline's FixedBasisPointsSlippage.
    """


class AccountConfig(Frozen):
    """The choices for one account."""

    account_id: str = Field(min_length=1)
    simulator: str


class ConversionConfig(Frozen):
    """A symbol whose price converts currencies: one unit of base costs its price in quote."""

    base: Name
    quote: Name
    symbol: Name
