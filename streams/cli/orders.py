"""`paper orders`: lists and sends orders, and cancels and replaces them."""

from __future__ import annotations

import time
from datetime import datetime

import typer

from streams.cli.account_names import known_symbol
from streams.cli.command_group import NegativeNumbers, add_group
from streams.cli.options import JSON_LINES
from streams.cli.order_requests import send_and_print
from streams.cli.orders_load import load

ACCOUNT = typer.Option(..., help="Id of the account, or of its open session.")
ORDER_ID = typer.Option(None, "--order-id", help="Id of this request; default: a random id.")
WAIT = typer.Option(10.0, min=0, help="Seconds to wait for the first result; 0 does not wait.")
LIST_COLUMNS = ("order_id", "symbol", "side", "type", "quantity", "price", "filled", "status", "age")


def register(app: typer.Typer) -> None:
    """Adds the commands to `paper`."""
    group = add_group(
        app,
        "orders",
        "Lists, sends, replaces and cancels orders.",
        {"list": list_orders, "cancel": cancel, "replace": replace, "cancel-all": cancel_all, "load": load},
    )
    group.command("submit", cls=NegativeNumbers)(submit)


def list_orders(
    named: str = typer.Argument(None, metavar="[ACCOUNT|SESSION]", help="Account or session; default: all."),
    working: bool = typer.Option(False, "--working", help="Only working orders: the default without --recent."),
    recent: int = typer.Option(0, min=0, help="The newest orders, this many, working or not."),
    as_json: bool = JSON_LINES,
) -> None:
    """Lists the working orders, or the newest ones, oldest first. --working with --recent lists the newest working."""
    from infra.settings import get_settings
    from schemas.avro.codec import Codec
    from schemas.registry import Registry
    from streams.cli.order_list import chosen_orders, listed_orders, order_row
    from streams.cli.output import print_rows
    from streams.pipeline.clients.read_topic import read_stamped

    settings = get_settings()
    results = read_stamped(settings, Codec(Registry(settings)), "order.results")
    now_ns = time.time_ns()
    orders = chosen_orders(listed_orders(results, named), working or not recent, recent)
    columns = LIST_COLUMNS if named else ("account_id", *LIST_COLUMNS)
    print_rows([order_row(order, now_ns) for order in orders], columns, as_json)


def submit(
    symbol: str = typer.Argument(..., help="Symbol of the instrument; `paper instruments list` shows them."),
    side: str = typer.Argument(..., help="BUY or SELL."),
    quantity: str = typer.Argument(..., help="Quantity, in units of the instrument."),
    account: str = ACCOUNT,
    order_type: str = typer.Option(
        None,
        "--type",
        help="MARKET, LIMIT, STOP, STOP_LIMIT, TRAILING_STOP or MARKET_IF_TOUCHED; default: LIMIT with a --price, "
        "else MARKET.",
    ),
    price: str = typer.Option(None, help="Limit price."),
    stop_price: str = typer.Option(None, help="Price that triggers a STOP, STOP_LIMIT or MARKET_IF_TOUCHED order."),
    trail: str = typer.Option(
        None, help="Distance of a TRAILING_STOP from the market, as a price (0.5) or a percentage (2%)."
    ),
    tif: str = typer.Option("DAY", help="Time in force: DAY, GTC, GTD, IOC or FOK."),
    expires: datetime = typer.Option(None, help="UTC time at which a GTD order expires."),
    post_only: bool = typer.Option(False, help="Reject the order if it would trade at once, as a taker."),
    reduce_only: bool = typer.Option(False, help="Only reduce the position: never open one or reverse it."),
    display: str = typer.Option(None, help="Quantity that the book shows of an iceberg order."),
    parent: str = typer.Option(None, help="Id of an order that must execute first; this order waits for it."),
    oco: str = typer.Option(
        None,
        help="One-cancels-other group, a name of your choice: a fill of one of its orders cancels the others, and a "
        "partial fill reduces them.",
    ),
    order_id: str = ORDER_ID,
    strategy: str = typer.Option(None, help="Id of the strategy that sends the order."),
    wait: float = WAIT,
    as_json: bool = JSON_LINES,
) -> None:
    """Sends a new order and waits for its first result.

    Exit code 1 if the order is rejected, 3 if no result comes in time.
    """
    from streams.cli.times import to_nanoseconds

    fields = {
        "action": "NEW",
        "account_id": account,
        "strategy_id": strategy,
        "symbol": known_symbol(symbol),
        "side": side.upper(),
        "order_type": order_type.upper() if order_type else "MARKET" if price is None else "LIMIT",
        "time_in_force": tif.upper(),
        "quantity": quantity,
        "price": price,
        "stop_price": stop_price,
        "trailing_offset": trail and trail.rstrip("%"),
        "trailing_type": trail and ("PERCENT" if trail.endswith("%") else "PRICE"),
        "expire_ts": expires and to_nanoseconds(expires),
        "post_only": post_only,
        "reduce_only": reduce_only,
        "display_quantity": display,
        "parent_order_id": parent,
        "oco_group": oco,
    }
    send_and_print(fields, order_id, wait, as_json)


def cancel(
    orig_order_id: str = typer.Argument(..., help="Id of the order to cancel."),
    account: str = ACCOUNT,
    order_id: str = ORDER_ID,
    wait: float = WAIT,
    as_json: bool = JSON_LINES,
) -> None:
    """Cancels a working order.

    Exit code 1 if the cancel is refused, 3 if no result comes in time.
    """
    send_and_print({"action": "CANCEL", "account_id": account, "orig_order_id": orig_order_id}, order_id, wait, as_json)


def replace(
    orig_order_id: str = typer.Argument(..., help="Id of the order to replace."),
    account: str = ACCOUNT,
    quantity: str = typer.Option(None, help="New total quantity, including the executed quantity."),
    price: str = typer.Option(None, help="New limit price."),
    stop_price: str = typer.Option(None, help="New price that triggers the order."),
    order_id: str = ORDER_ID,
    wait: float = WAIT,
    as_json: bool = JSON_LINES,
) -> None:
    """Changes the quantity or the prices of a working order.

    Exit code 1 if the change is refused, 3 if no result comes in time.
    """
    fields = {
        "action": "REPLACE",
        "account_id": account,
        "orig_order_id": orig_order_id,
        "quantity": quantity,
        "price": price,
        "stop_price": stop_price,
    }
    send_and_print(fields, order_id, wait, as_json)


def cancel_all(
    account: str = ACCOUNT,
    symbol: str = typer.Option("", help="Cancel only orders in this instrument."),
    side: str = typer.Option(None, help="Cancel only orders of this side, BUY or SELL."),
    order_id: str = ORDER_ID,
    wait: float = WAIT,
    as_json: bool = JSON_LINES,
) -> None:
    """Cancels all working orders of an account. Each order gets a result of its own."""
    fields = {
        "action": "MASS_CANCEL",
        "account_id": account,
        "symbol": symbol and known_symbol(symbol),
        "side": side and side.upper(),
    }
    send_and_print(fields, order_id, wait, as_json)
