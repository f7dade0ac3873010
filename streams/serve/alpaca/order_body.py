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
from streams.serve.order_legs import LEGGED_ID_CHARS_MAX, ORDER_CLASSES, LegPrices, LegsProblem, with_legs


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
    client_order_id: str | None = Field(None, max_length=LEGGED_ID_CHARS_MAX)
    order_class: str | None = ""
    take_profit: TakeProfit | None = None
    stop_loss: StopLoss | None = None

    def requests(self, account_id: str) -> list[OrderRequest]:
        """Returns the requests of the order and its legs, the order first. Raises AlpacaError."""
        self._check_possible()
        order_class = self.order_class or "simple"
        order = {
            "account_id": account_id,
            "order_id": self.client_order_id or str(uuid4()),
            "symbol": self.symbol,
            "quantity": self.qty,
            "time_in_force": self.time_in_force.upper(),
            "side": self.side.upper(),
            **({} if order_class == "oco" else self._type_fields()),
        }
        try:
            found = with_legs(order_class, order, self._leg_prices())
        except LegsProblem as problem:
            raise invalid(str(problem)) from problem
        return [checked_request(fields) for fields in found]

    def _check_possible(self) -> None:
        if self.notional is not None:
            raise invalid("notional is not supported here: give qty")
        if self.time_in_force not in ("day", "gtc", "ioc", "fok"):
            raise invalid(f"time_in_force {self.time_in_force} is not supported here: use day, gtc, ioc or fok")
        if self.order_class not in ("", None, *ORDER_CLASSES):
            raise invalid(f"order_class {self.order_class} is not supported here: use simple, bracket, oco or oto")
        if self.extended_hours:
            raise invalid("extended_hours is not supported here: an instrument has one session a day")
        if self.qty is None:
            raise invalid("qty is required")

    def _type_fields(self) -> dict[str, Any]:
        needs = {
            "limit": ("limit_price",),
            "stop": ("stop_price",),
            "stop_limit": ("limit_price", "stop_price"),
        }.get(self.type, ())
        missing = [name for name in needs if getattr(self, name) is None]
        if missing:
            raise invalid(f"{self.type} orders require {' and '.join(missing)}")
        fields: dict[str, Any] = {"order_type": self.type.upper()}
        fields |= {"price": self.limit_price, "stop_price": self.stop_price}
        if self.type == "trailing_stop":
            if (self.trail_price is None) == (self.trail_percent is None):
                raise invalid("trailing_stop orders require trail_price or trail_percent, one of them")
            kind = "PRICE" if self.trail_percent is None else "PERCENT"
            offset = self.trail_price if self.trail_percent is None else self.trail_percent
            fields |= {"trailing_offset": offset, "trailing_type": kind}
        return fields

    def _leg_prices(self) -> LegPrices:
        taking, ending = self.take_profit, self.stop_loss
        return LegPrices(
            None if taking is None else taking.limit_price,
            None if ending is None else ending.stop_price,
            None if ending is None else ending.limit_price,
        )


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
