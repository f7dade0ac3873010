"""The base class of execution models: a registered name and checked parameters.

A model is a pydantic class: its class variable `model` is its name, its fields are its parameters, and its methods do
the work. streams.core.simulators.model_catalog finds models by name.
"""

from enum import StrEnum
from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """Base of all execution models: immutable, and strict about its parameters."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: ClassVar[str]
    """Name that configurations use."""

    def describe(self) -> str:
        """Returns the name and the parameters, as execution reports carry them."""
        parameters = ", ".join(f"{name}={value}" for name, value in self if value is not None)
        return f"{self.model}({parameters})" if parameters else self.model


class ModelKind(StrEnum):
    """The decision that a model takes for a simulator."""

    FILL = "fill"
    QUEUE = "queue"
    LATENCY = "latency"
    SLIPPAGE = "slippage"
    FEE = "fee"


class ModelError(ValueError):
    """A model is unknown or its parameters are wrong; the message says which one, why, and what is available."""
