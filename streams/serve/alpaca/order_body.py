"""The order that a client of Alpaca's API sends, and the requests that it means in the pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal
from uuid import uuid4

from pydantic import BaseModel, Field, ValidationError

from schemas.records.bounds import ID_CHARS_MAX
from schemas.records.messages import OrderRequest
from streams.pipeline.clients.request_models import OrderRequestModel
from streams.serve.alpaca.alpaca_error import AlpacaError, invalid

TAKE_PROFIT, STOP_LOSS, GROUP = "-tp", "-sl", "-oco"
"""Ends of the ids of an order's legs, and of the group in which a fill of one cancels the other."""
CLIENT_ID_CHARS_MAX = ID_CHARS_MAX - len(GROUP)


class TakeProfit(BaseModel):
    """The leg that takes the profit."""

    limit_price: Decimal


class StopLoss(BaseModel):
    """The leg that ends a loss; a STOP_LIMIT order with a limit_price, else a STOP order."""

    stop_price: Decimal
    limit_price: Decimal | None = None


class OrderBody(BaseModel):
    """The body of POST /v2/orders."""

    symbol: str = Field("", max_length=ID_CHARS_MAX)
    qty: Decimal | None = None
    notional: Decimal | None = None
    side: Literal["buy", "sell"]
    type: Literal["market", "limit", "stop", "stop_limit", "trailing_stop"]
    time_in_force: str
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail_price: Decimal | None = None
    trail_percent: Decimal | None = None
    extended_hours: bool | None = False
    client_order_id: str | None = Field(None, max_length=CLIENT_ID_CHARS_MAX)
    order_class: str | None = ""
    take_profit: TakeProfit | None = None
    stop_loss: StopLoss | None = None

    def requests(self, account_id: str) -> list[OrderRequest]:
        """Returns the requests of the order and its legs, the order first. Raises AlpacaError."""
        self._check_possible()
        order_id = self.client_order_id or str(uuid4())
        order_class = self.order_class or "simple"
        if order_class == "oco":
            return self._one_cancels_other(account_id, order_id)
        first = self._request(account_id, order_id, self._first())
        legs = self._legs(order_id)
        if order_class == "simple" and legs:
            raise invalid("take_profit and stop_loss need order_class bracket, oco or oto")
        if order_class == "bracket" and len(legs) != len((TAKE_PROFIT, STOP_LOSS)):
            raise invalid("a bracket order needs take_profit and stop_loss")
        if order_class == "oto" and len(legs) != 1:
            raise invalid("an oto order needs either take_profit or stop_loss")
        group = {"oco_group": order_id + GROUP} if order_class == "bracket" else {}
        children = {"parent_order_id": order_id, **group}
        return [first, *(self._request(account_id, order_id + end, leg | children) for end, leg in legs.items())]

    def _one_cancels_other(self, account_id: str, order_id: str) -> list[OrderRequest]:
        legs = self._legs(order_id)
        if len(legs) != len((TAKE_PROFIT, STOP_LOSS)):
            raise invalid("an oco order needs take_profit and stop_loss")
        side = {"side": self.side.upper(), "oco_group": order_id + GROUP}
        return [
            self._request(account_id, order_id, legs[TAKE_PROFIT] | side),
            self._request(account_id, order_id + STOP_LOSS, legs[STOP_LOSS] | side),
        ]

    def _check_possible(self) -> None:
        if self.notional is not None:
            raise invalid("notional is not supported here: give qty")
        if self.time_in_force not in ("day", "gtc", "ioc", "fok"):
            raise invalid(f"time_in_force {self.time_in_force} is not supported here: use day, gtc, ioc or fok")
        if self.order_class not in ("", None, "simple", "bracket", "oco", "oto"):
            raise invalid(f"order_class {self.order_class} is not supported here: use simple, bracket, oco or oto")
        if self.extended_hours:
            raise invalid("extended_hours is not supported here: an instrument has one session a day")
        if self.qty is None:
            raise invalid("qty is required")

    def _first(self) -> dict[str, Any]:
        needs = {
            "limit": ("limit_price",),
            "stop": ("stop_price",),
            "stop_limit": ("limit_price", "stop_price"),
        }.get(self.type, ())
        missing = [name for name in needs if getattr(self, name) is None]
        if missing:
            raise invalid(f"{self.type} orders require {' and '.join(missing)}")
        fields: dict[str, Any] = {"side": self.side.upper(), "order_type": self.type.upper()}
        fields |= {"price": self.limit_price, "stop_price": self.stop_price}
        if self.type == "trailing_stop":
            if (self.trail_price is None) == (self.trail_percent is None):
                raise invalid("trailing_stop orders require trail_price or trail_percent, one of them")
            kind = "PRICE" if self.trail_percent is None else "PERCENT"
            offset = self.trail_price if self.trail_percent is None else self.trail_percent
            fields |= {"trailing_offset": offset, "trailing_type": kind}
        return fields

    def _legs(self, order_id: str) -> dict[str, dict[str, Any]]:
        legs: dict[str, dict[str, Any]] = {}
        side = {"side": "SELL" if self.side == "buy" else "BUY"}
        if self.take_profit is not None:
            legs[TAKE_PROFIT] = side | {"order_type": "LIMIT", "price": self.take_profit.limit_price}
        if self.stop_loss is not None:
            loss = self.stop_loss
            kind = "STOP" if loss.limit_price is None else "STOP_LIMIT"
            legs[STOP_LOSS] = side | {"order_type": kind, "stop_price": loss.stop_price, "price": loss.limit_price}
        return legs

    def _request(self, account_id: str, order_id: str, fields: Mapping[str, Any]) -> OrderRequest:
        common = {"account_id": account_id, "order_id": order_id, "symbol": self.symbol, "quantity": self.qty}
        return checked_request({**common, "time_in_force": self.time_in_force.upper(), **fields})


def checked_request(fields: Mapping[str, Any]) -> OrderRequest:
    """Returns a request of the pipeline. Raises AlpacaError if a field breaks a rule."""
    try:
        return OrderRequestModel.model_validate(dict(fields)).to_message()
    except ValidationError as error:
        raise first_problem(error) from error


def first_problem(error: ValidationError) -> AlpacaError:
    """Returns the answer to a body that breaks a rule of its model."""
    found = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in found["loc"])
    said = found["msg"].removeprefix("Value error, ")
    return invalid(f"{place}: {said}" if place else said)
