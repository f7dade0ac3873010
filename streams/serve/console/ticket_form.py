"""The order ticket of the desk: the fields of a form as those of an order."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from streams.serve.service_problem import broken_rule

NUMBERS = ("quantity", "price", "stop_price", "trailing_offset", "display_quantity")
USED_BY = {
    "price": ("LIMIT", "STOP_LIMIT"),
    "stop_price": ("STOP", "STOP_LIMIT", "MARKET_IF_TOUCHED"),
    "trailing_offset": ("TRAILING_STOP",),
}
"""The types of orders that use a field; a field that the type does not use is left out."""
TYPES = ("LIMIT", "MARKET", "STOP", "STOP_LIMIT", "TRAILING_STOP", "MARKET_IF_TOUCHED")
TIMES_IN_FORCE = ("DAY", "GTC", "IOC", "FOK")


def order_fields(form: Mapping[str, str]) -> dict[str, Any]:
    """Returns the fields of an order. Raises ServiceProblem if one is not a number."""
    kind = form.get("order_type", "")
    fields: dict[str, Any] = {name: form.get(name, "") for name in ("order_id", "symbol", "side", "time_in_force")}
    fields["order_type"] = kind
    for name in NUMBERS:
        text = form.get(name, "").strip()
        if text and kind in USED_BY.get(name, (kind,)):
            fields[name] = _number(name, text)
    if "trailing_offset" in fields:
        fields["trailing_type"] = form.get("trailing_type", "PRICE")
    for name in ("post_only", "reduce_only"):
        fields[name] = form.get(name) == "on"
    return {name: value for name, value in fields.items() if value != ""}


def _number(name: str, text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise broken_rule(f"{name.replace('_', ' ')} {text!r} is not a number; write it like 12.5") from None
