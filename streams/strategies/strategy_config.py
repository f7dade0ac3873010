"""The configuration of a strategy on an account: its class, instruments, parameters, sizes, pace and latency."""

from decimal import Decimal
from typing import Any, Self

from pydantic import Field, model_validator

from streams.core.reference.declarations import ModelConfig
from streams.core.reference.fields import Frozen, NonNegativeDecimal, PositiveDecimal
from streams.core.simulators.latency_models import Constant, Milliseconds
from streams.core.simulators.model import ModelKind
from streams.core.simulators.model_catalog import make_model

NO_LATENCY = ModelConfig.model_validate({"model": Constant.model, "ms": 0})


class StrategyConfig(Frozen):
    """A strategy on an account."""

    strategy: str = Field(min_length=1)
    """A name that `paper strategy list` shows, or module:Class."""
    symbol: str = ""
    symbols: tuple[str, ...] = ()
    """Several symbols, in place of symbol."""
    parameters: dict[str, Any] = Field(default_factory=dict)
    """Declared parameters by name."""
    quantity: PositiveDecimal | None = None
    """Quantity of each order, in units; for a strategy without declared parameters, as max_position and every."""
    max_position: PositiveDecimal | None = None
    """Bound of the strategy's own position, long and short, in units."""
    every: int = Field(default=1, ge=1)
    """Quotes from one look at the market to the next."""
    latency: ModelConfig = NO_LATENCY
    """Model of the strategy's own latency: from the quote or result on which it decides to sending its request."""
    result_latency_ms: Milliseconds = Decimal(0)
    """Market time from a result to the moment at which the strategy learns it; 0: it learns it at once."""
    cash: NonNegativeDecimal | None = None
    """Opening cash of a new session; None: the account's recorded session is used."""

    @property
    def traded(self) -> tuple[str, ...]:
        """The symbols that it trades, each once, in their order."""
        return self.symbols or (self.symbol,)

    @model_validator(mode="after")
    def _symbols_named(self) -> Self:
        if bool(self.symbol) == bool(self.symbols) or not all(self.traded) or len({*self.traded}) < len(self.traded):
            raise ValueError("name either symbol or symbols, each once")
        return self

    @model_validator(mode="after")
    def _latency_known(self) -> Self:
        make_model(ModelKind.LATENCY, self.latency)
        return self
