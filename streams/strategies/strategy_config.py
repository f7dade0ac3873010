"""The configuration of a strategy on an account: its class, instrument, sizes, pace and latency."""

from typing import Self

from pydantic import Field, model_validator

from streams.core.reference.declarations import ModelConfig
from streams.core.reference.fields import Frozen, NonNegativeDecimal, PositiveDecimal
from streams.core.simulators.latency_models import Constant
from streams.core.simulators.model import ModelKind
from streams.core.simulators.model_catalog import make_model

NO_LATENCY = ModelConfig.model_validate({"model": Constant.model, "ms": 0})


class StrategyConfig(Frozen):
    """A strategy on an account."""

    strategy: str = Field(min_length=1)
    """A name that `paper strategy list` shows, or module:Class."""
    symbol: str = Field(min_length=1)
    quantity: PositiveDecimal
    """Quantity of each order, in units."""
    max_position: PositiveDecimal
    """Bound of the strategy's own position, long and short, in units."""
    every: int = Field(default=1, ge=1)
    """Quotes from one look at the market to the next."""
    latency: ModelConfig = NO_LATENCY
    """Model of the strategy's own latency: from the quote or result on which it decides to sending its request."""
    cash: NonNegativeDecimal | None = None
    """Opening cash of a new session; None: the account's recorded session is used."""

    @model_validator(mode="after")
    def _latency_known(self) -> Self:
        make_model(ModelKind.LATENCY, self.latency)
        return self
