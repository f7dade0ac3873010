"""Limits of an account in fixed point, and how a control record changes them."""

from dataclasses import dataclass
from typing import Any, Self

from pydantic import ValidationError

from streams.domain.config import LimitsConfig
from streams.domain.numbers import PRICE_SCALE, to_price


@dataclass(frozen=True, slots=True)
class Limits:
    """max_order_quantity, max_position: 1e-9 units; max_order_notional: 1e-18 of the currency; leverage: 1e-9."""

    config: LimitsConfig
    max_order_quantity: int
    max_order_notional: int
    max_position: int
    leverage: int

    @classmethod
    def from_config(cls, config: LimitsConfig) -> Self:
        """Fixed-point form of configured limits."""
        return cls(
            config=config,
            max_order_quantity=to_price(config.max_order_quantity),
            max_order_notional=to_price(config.max_order_notional) * PRICE_SCALE,
            max_position=to_price(config.max_position),
            leverage=to_price(config.leverage),
        )

    def changed_by(self, document: str) -> Self:
        """These limits with those of a JSON object put over them. Raises ValueError that names what is wrong."""
        try:
            change = LimitsConfig.model_validate_json(document)
            merged = self.config.model_copy(update=change.model_dump(exclude_unset=True))
        except ValidationError as error:
            raise ValueError("; ".join(_sentence(item) for item in error.errors())) from error
        return self.from_config(merged)

    def to_state(self) -> dict[str, Any]:
        """JSON-able form."""
        return self.config.model_dump(mode="json")

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """The limits that to_state described."""
        return cls.from_config(LimitsConfig.model_validate(state))


def _sentence(item: Any) -> str:
    place = ".".join(map(str, item["loc"])) or "limits"
    return f"{place}: {item['msg']}"
