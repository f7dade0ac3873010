"""What a simulator is put together from: parts with a registered name and checked parameters.

A part is a pydantic model: its class variable model is its name, its fields are its parameters, its methods do the
work. See streams.core.simulators.model_catalog for where parts are found.
"""

from enum import StrEnum
from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class Part(BaseModel):
    """Base of all parts: frozen, so that nothing changes while it is used, and strict about its parameters."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: ClassVar[str]
    """Name that configurations use."""

    def describe(self) -> str:
        """Name and parameters, as execution reports carry them."""
        parameters = ", ".join(f"{name}={value}" for name, value in self if value is not None)
        return f"{self.model}({parameters})" if parameters else self.model


class PartKind(StrEnum):
    """What a part is for."""

    FILL = "fill"
    QUEUE = "queue"
    LATENCY = "latency"
    SLIPPAGE = "slippage"
    FEE = "fee"


class PartError(ValueError):
    """A part that can't be had; says which, why and what there is."""
