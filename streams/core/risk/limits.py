"""The limits of an account: its controls with their parameters, their order, and how they change."""

from __future__ import annotations

import json
from decimal import Decimal
from functools import cached_property
from typing import Any, Self, get_args

from pydantic import Field, ValidationError, model_validator

from schemas.records.numbers import NANOS_PER_MS
from streams.core.reference.fields import Frozen
from streams.core.reference.merge_patch import merge_patch
from streams.core.risk import account_controls as account
from streams.core.risk import order_controls as order
from streams.core.risk import rate_controls as rate
from streams.core.risk.breakers.breaker_config import BreakerConfigs
from streams.core.risk.control import RiskControl
from streams.core.risk.judges import form_judges as form
from streams.core.risk.judges.judge import Judge, Judges
from streams.core.risk.memory import Kept
from streams.core.risk.self_match import SelfMatch


class RiskLimits(Frozen):
    """One field for each control; None switches it off. A single value stands for the control's main parameter.

    leverage sets the buying power and can't be switched off. Limits are inclusive: an order at the limit passes.
    """

    message_rate: rate.MessageRate | None = None
    order_rate: rate.OrderRate | None = None
    order_rate_per_symbol: rate.OrderRatePerSymbol | None = None
    restricted: order.RestrictedList | None = None
    order_types: order.OrderTypes | None = None
    times_in_force: order.TimesInForce | None = None
    min_order_quantity: order.MinOrderQuantity | None = None
    max_order_quantity: order.MaxOrderQuantity | None = order.MaxOrderQuantity(limit=Decimal(100_000))
    min_order_notional: order.MinOrderNotional | None = None
    max_order_notional: order.MaxOrderNotional | None = order.MaxOrderNotional(limit=Decimal(5_000_000))
    stale_mark: order.StaleMark | None = None
    price_collar: order.PriceCollar | None = None
    session_hours: order.SessionHours | None = None
    repeated_order: order.RepeatedOrder | None = None
    cancel_ratio: rate.CancelRatio | None = None
    max_open_orders: account.MaxOpenOrders | None = None
    max_open_orders_per_symbol: account.MaxOpenOrdersPerSymbol | None = None
    long_only: account.LongOnly | None = None
    max_position: account.MaxPosition | None = account.MaxPosition(limit=Decimal(500_000))
    max_long_position: account.MaxLongPosition | None = None
    max_short_position: account.MaxShortPosition | None = None
    leverage: account.BuyingPower = account.BuyingPower(limit=Decimal(4))
    max_gross_exposure: account.MaxGrossExposure | None = None
    max_net_exposure: account.MaxNetExposure | None = None
    max_concentration: account.MaxConcentration | None = None
    max_leverage: account.MaxLeverage | None = None
    max_margin: account.MaxMargin | None = None
    self_match: SelfMatch | None = None
    breakers: BreakerConfigs = Field(default_factory=dict)
    """Circuit breakers by name; null removes one."""

    @model_validator(mode="before")
    @classmethod
    def _switches(cls, document: Any) -> Any:
        """Reads true as a control without parameters, and false as a control that is off."""
        if not isinstance(document, dict):
            return document
        return {
            name: {True: {}, False: None}[value] if isinstance(value, bool) else value
            for name, value in document.items()
        }

    @cached_property
    def kept(self) -> Kept:
        """The part of an account's past that these limits need: one more than each limit, to see that it is passed."""
        messages, orders, by_symbol = self.message_rate, self.order_rate, self.order_rate_per_symbol
        ratio, repeated = self.cancel_ratio, self.repeated_order
        return Kept(
            messages=messages.limit + 1 if messages else 0,
            orders=orders.limit + 1 if orders else 0,
            orders_by_symbol=by_symbol.limit + 1 if by_symbol else 0,
            outcomes=ratio.observations_max if ratio else 0,
            repeats=repeated.limit + 1 if repeated else 0,
            repeats_window_ns=repeated.window_ms * NANOS_PER_MS if repeated else 0,
        )

    @cached_property
    def judges(self) -> Judges:
        """The judges of a proposal in order: the cheapest first, exposures after all judges that need no valuation."""
        chosen = (getattr(self, item) if isinstance(item, str) else item for item in ORDER)
        return tuple(
            item.make_judge() if isinstance(item, RiskControl) else item for item in chosen if item is not None
        )

    def changed_by(self, document: str) -> Self:
        """Returns these limits with a JSON merge patch (RFC 7396) applied; null switches a control off.

        Raises ValueError with a sentence for each mistake.
        """
        return self.patched(parse(document))

    def patched(self, patch: dict[str, Any]) -> Self:
        """Returns changed_by for a patch that has been parsed."""
        try:
            return self.model_validate(self.merged(patch))
        except ValidationError as error:
            raise ValueError("; ".join(_sentence(item) for item in error.errors())) from error

    def merged(self, patch: dict[str, Any]) -> dict[str, Any]:
        """Returns the document of these limits with a patch applied, not yet validated."""
        document = dict(self.to_state())
        for name, value in patch.items():
            document[name] = merge_patch(document.get(name), self._spread(name, value))
        return document

    def _spread(self, name: str, value: Any) -> Any:
        """Returns a single value as the parameter that it stands for, so that the control's other parameters stay."""
        kind = CONTROLS.get(name)
        if kind is None or isinstance(value, dict) or value is None or isinstance(value, bool):
            return value
        return {kind.alone: value}

    def to_state(self) -> dict[str, Any]:
        """Returns the limits in JSON-able form, which must not be changed."""
        return self.document

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """Returns the limits that to_state described."""
        return cls.model_validate(state)


ORDER: tuple[str | Judge, ...] = (
    form.MayTrade(),
    "message_rate",
    "order_rate",
    "order_rate_per_symbol",
    form.Tradable(),
    "restricted",
    form.WellFormed(),
    "order_types",
    "times_in_force",
    form.InSteps(),
    "min_order_quantity",
    "max_order_quantity",
    form.HasValue(),
    "min_order_notional",
    "max_order_notional",
    "stale_mark",
    "price_collar",
    "session_hours",
    "repeated_order",
    "cancel_ratio",
    "max_open_orders",
    "max_open_orders_per_symbol",
    "long_only",
    "max_position",
    "max_long_position",
    "max_short_position",
    form.InRange(),
    "leverage",
    "max_gross_exposure",
    "max_net_exposure",
    "max_concentration",
    "max_leverage",
    "max_margin",
    "self_match",
)

CONTROLS: dict[str, type[RiskControl]] = {
    name: kind
    for name, field in RiskLimits.model_fields.items()
    for kind in (field.annotation, *get_args(field.annotation))
    if isinstance(kind, type) and issubclass(kind, RiskControl)
}
"""The control of each field."""


def parse(document: str) -> dict[str, Any]:
    """Parses a merge patch from JSON text with exact numbers. Raises ValueError."""
    try:
        patch = json.loads(document, parse_float=Decimal)
    except RecursionError as error:
        raise ValueError("the document is nested too deeply; give a JSON object of limits by name") from error
    except ValueError as error:
        raise ValueError(f"not JSON: {error}; give a JSON object of limits by name") from error
    if not isinstance(patch, dict):
        raise ValueError("a JSON object of limits by name is needed")
    return patch


def check_patch(patch: dict[str, Any]) -> None:
    """Refuses a merge patch that no limits could take, before it is sent. Raises ValueError like changed_by.

    A missing parameter is not judged: it may stand in the limits that the patch will change.
    """
    try:
        RiskLimits.model_validate(RiskLimits().merged(patch))
    except ValidationError as error:
        wrong = [item for item in error.errors() if not _of_the_whole(item)]
        if wrong:
            raise ValueError("; ".join(_sentence(item) for item in wrong)) from error


def _of_the_whole(item: Any) -> bool:
    return item["type"] == "missing" or (item["type"] == "value_error" and len(item["loc"]) == 1)


def _sentence(item: Any) -> str:
    place = [str(part) for part in item["loc"]]
    name = ".".join(place) or "limits"
    if item["type"] == "extra_forbidden" and len(place) == 1:
        return f"{name} is not a limit; there are {', '.join(RiskLimits.model_fields)}"
    if item["type"] == "extra_forbidden":
        kind = CONTROLS.get(place[0])
        known = f"; it has {', '.join(kind.model_fields)}" if kind else ""
        return f"{name} is not a parameter of {place[0]}{known}"
    if name == "leverage" and not item["input"]:
        return "leverage can't be switched off: it is the buying power; give a number above 0"
    return f"{name}: {item['input']!r} is refused: {item['msg']}"
