"""Tests of the order ticket's form, and of the orders that it means."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from schemas.records.messages import OrderRequest
from schemas.records.numbers import price_text
from streams.serve.alpaca.order_body import OrderBody
from streams.serve.console.ticket_form import ticket_orders
from streams.serve.order_desk import request_of
from streams.serve.service_problem import ServiceProblem
from tests import builders

LIMIT = {"order_id": "o-1", "symbol": "ABC", "side": "BUY", "quantity": "7", "time_in_force": "GTC"} | {
    "order_type": "LIMIT",
    "price": "45",
}
EXITS = {"take_profit": "60", "stop_loss": "40"}
ALPACA = {"symbol": "ABC", "qty": "7", "side": "buy", "type": "limit", "time_in_force": "gtc", "limit_price": "45"}
ALPACA_EXITS = {"take_profit": {"limit_price": "60"}, "stop_loss": {"stop_price": "40", "limit_price": "39.5"}}


def requests_of(**form: str) -> list[OrderRequest]:
    """Returns the requests that a ticket means."""
    return [request_of({"account_id": "A", **fields}) for fields in ticket_orders(LIMIT | form)]


def _text(name: str, value: Any) -> Any:
    return price_text(value) if name.endswith("price") and value is not None else value


@pytest.mark.parametrize("order_class", ["bracket", "oco"])
def test_the_ticket_makes_the_requests_that_alpacas_route_makes(order_class: str) -> None:
    form = EXITS | {"stop_loss_limit": "39.5", "order_class": order_class}
    body: dict[str, Any] = ALPACA | ALPACA_EXITS | {"order_class": order_class, "client_order_id": "o-1"}
    assert requests_of(**form) == OrderBody.model_validate(body).requests("A")


@pytest.mark.parametrize(
    ("order_class", "meant"),
    [
        (
            "bracket",
            [
                ("o-1", "BUY", "LIMIT", "45", None, None, None),
                ("o-1-tp", "SELL", "LIMIT", "60", None, "o-1", "o-1-oco"),
                ("o-1-sl", "SELL", "STOP", None, "40", "o-1", "o-1-oco"),
            ],
        ),
        (
            "oco",
            [
                ("o-1", "BUY", "LIMIT", "60", None, None, "o-1-oco"),
                ("o-1-sl", "BUY", "STOP", None, "40", None, "o-1-oco"),
            ],
        ),
    ],
)
def test_the_legs_hang_together(order_class: str, meant: list[tuple[str | None, ...]]) -> None:
    names = ("order_id", "side", "order_type", "price", "stop_price", "parent_order_id", "oco_group")
    found = [request._asdict() for request in requests_of(order_class=order_class, **EXITS)]
    shown = [tuple(_text(name, fields[name]) for name in names) for fields in found]
    assert shown == meant
    assert {(fields["symbol"], fields["quantity"], fields["time_in_force"]) for fields in found} == {
        ("ABC", builders.px("7"), "GTC")
    }


@pytest.mark.parametrize("leg", ["take_profit", "stop_loss"])
def test_an_order_that_triggers_one_other_is_alpacas_oto(leg: str) -> None:
    body: dict[str, Any] = ALPACA | {"order_class": "oto", "client_order_id": "o-1"}
    body |= {"stop_loss": {"stop_price": "40"}} if leg == "stop_loss" else {"take_profit": {"limit_price": "60"}}
    assert requests_of(order_class="oto", **{leg: EXITS[leg]}) == OrderBody.model_validate(body).requests("A")


def test_the_legs_of_an_order_expire_with_it() -> None:
    expires = "2023-11-14T17:13:20-05:00"
    found = requests_of(order_class="bracket", time_in_force="GTD", expires=expires, **EXITS)
    assert [request.expire_ts for request in found] == [builders.START] * 3


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"quantity": ""}, "quantity is missing; an order needs it"),
        ({"quantity": "many"}, "quantity 'many' is not a number"),
        ({"price": ""}, "limit price is missing; a limit order needs it"),
        ({"order_type": "STOP", "price": ""}, "trigger price is missing; a stop order needs it"),
        ({"order_type": "TRAILING_STOP", "price": ""}, "trail is missing; a trailing stop order needs it"),
        ({"order_type": "PEGGED"}, "type 'PEGGED' is not one of LIMIT"),
        ({"order_class": "mleg"}, "class 'mleg' is not one of simple"),
        ({"time_in_force": "GTD"}, "expires is missing"),
        ({"time_in_force": "GTD", "expires": "2026-01-01T10:00"}, "expires '2026-01-01T10:00' is not a time with its"),
        ({"time_in_force": "GTD", "expires": "soon"}, "expires 'soon' is not a time with its zone"),
        ({"order_class": "bracket", "take_profit": "60"}, "a bracket order needs take profit and stop loss"),
        ({"order_class": "oco", "stop_loss": "60"}, "an oco order needs take profit and stop loss"),
        ({"order_class": "oto"}, "an oto order needs either take profit or stop loss"),
        ({"order_class": "oto", **EXITS}, "an oto order needs either take profit or stop loss"),
        ({"order_class": "bracket", "take_profit": "60", "stop_loss_limit": "1"}, "stop loss needs its stop price"),
        ({"order_class": "bracket", **EXITS, "stop_loss": "low"}, "stop loss trigger 'low' is not a number"),
        ({"order_class": "bracket", **EXITS, "take_profit": "0.00000000001"}, "take profit: "),
        ({"order_class": "bracket", **EXITS, "take_profit": "NaN"}, "take profit: "),
        ({"take_profit": "60"}, "take profit and stop loss need order class bracket"),
        ({"stop_price": "44"}, "takes no stop_price"),
    ],
)
def test_an_error_names_the_field(form: dict[str, str], said: str) -> None:
    with pytest.raises(ServiceProblem, match=said):
        requests_of(**form)


def test_what_is_filled_in_is_an_order() -> None:
    (order,) = ticket_orders(LIMIT | {"display_quantity": "2", "post_only": "on", "reduce_only": "off"})
    assert order == LIMIT | {
        "quantity": Decimal(7),
        "price": Decimal(45),
        "display_quantity": Decimal(2),
        "post_only": True,
    }
