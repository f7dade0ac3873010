"""What a strategy in the loop is told: which class, on which instrument, how large, how often, how fast."""

from typing import Self

from pydantic import Field, model_validator

from streams.core.reference.declarations import ModelConfig
from streams.core.reference.fields import Frozen, NonNegativeDecimal, PositiveDecimal
from streams.core.simulators.latency_models import Constant
from streams.core.simulators.model import ModelKind
from streams.core.simulators.model_catalog import make_model

AT_ONCE = ModelConfig.model_validate({"model": Constant.model, "ms": 0})


class StrategyConfig(Frozen):
    """A strategy on an account. strategy: a name of `paper strategy list`, or module:Class."""

    strategy: str = Field(min_length=1)
    symbol: str = Field(min_length=1)
    quantity: PositiveDecimal
    """Of each order."""
    max_position: PositiveDecimal
    every: int = Field(default=1, ge=1)
    """Quotes between two looks at the market."""
    latency: ModelConfig = AT_ONCE
    """Own latency, from the quote or result that the strategy decides upon to sending: one of the latency models."""
    cash: NonNegativeDecimal | None = None
    """Opening cash of a session of its own; None: the account's recorded session."""

    @model_validator(mode="after")
    def _latency_known(self) -> Self:
        make_model(ModelKind.LATENCY, self.latency)
        return self
