"""An order with its legs, which take the profit and end the loss, as the orders that they mean in the pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from schemas.records.bounds import ID_CHARS_MAX

TAKE_PROFIT, STOP_LOSS, GROUP = "-tp", "-sl", "-oco"
"""Ends of the ids of an order's legs, and of the group in which a fill of one cancels the other."""
LEGGED_ID_CHARS_MAX = ID_CHARS_MAX - len(GROUP)
ORDER_CLASSES = ("simple", "bracket", "oco", "oto")
SHARED = ("account_id", "symbol", "quantity", "time_in_force", "expire_ts")
"""The fields that the legs have of their order."""


class LegsProblem(Exception):
    """An order has not the legs that its class needs."""


class LegPrices(NamedTuple):
    """The prices of the legs, None for those that an order has not.

    take_profit: limit price. stop_loss: trigger price. stop_loss_limit: makes the leg a STOP_LIMIT order.
    """

    take_profit: Decimal | None = None
    stop_loss: Decimal | None = None
    stop_loss_limit: Decimal | None = None


def with_legs(order_class: str, order: Mapping[str, Any], prices: LegPrices) -> list[dict[str, Any]]:
    """Returns the fields of an order and of its legs, those of the order first.

    An oco order is its two legs alone, on the side of the order: the profit is taken under the id of the order.
    Raises LegsProblem.
    """
    _demand_legs(order_class, prices)
    order_id = order["order_id"]
    shared = {name: order[name] for name in SHARED if name in order}
    group = {"oco_group": order_id + GROUP}
    if order_class == "oco":
        both = shared | {"side": order["side"], **group}
        taking, ending = _legs(prices).values()
        return [both | {"order_id": order_id} | taking, both | {"order_id": order_id + STOP_LOSS} | ending]
    other_side = {"side": "SELL" if order["side"] == "BUY" else "BUY", "parent_order_id": order_id}
    child = shared | other_side | (group if order_class == "bracket" else {})
    return [dict(order), *(child | {"order_id": order_id + end} | leg for end, leg in _legs(prices).items())]


def _demand_legs(order_class: str, prices: LegPrices) -> None:
    if prices.stop_loss is None and prices.stop_loss_limit is not None:
        raise LegsProblem("stop_loss needs its stop_price beside its limit_price")
    count = (prices.take_profit is not None) + (prices.stop_loss is not None)
    if order_class == "simple" and count:
        raise LegsProblem("take_profit and stop_loss need order_class bracket, oco or oto")
    if order_class in ("bracket", "oco") and count != len((TAKE_PROFIT, STOP_LOSS)):
        article = "an" if order_class == "oco" else "a"
        raise LegsProblem(f"{article} {order_class} order needs take_profit and stop_loss")
    if order_class == "oto" and count != 1:
        raise LegsProblem("an oto order needs either take_profit or stop_loss")


def _legs(prices: LegPrices) -> dict[str, dict[str, Any]]:
    """Returns the fields of each leg that differ from its order's, by the end of its id."""
    legs: dict[str, dict[str, Any]] = {}
    if prices.take_profit is not None:
        legs[TAKE_PROFIT] = {"order_type": "LIMIT", "price": prices.take_profit}
    if prices.stop_loss is not None:
        kind = "STOP" if prices.stop_loss_limit is None else "STOP_LIMIT"
        legs[STOP_LOSS] = {"order_type": kind, "stop_price": prices.stop_loss, "price": prices.stop_loss_limit}
    return legs
