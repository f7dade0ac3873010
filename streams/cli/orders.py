"""`paper orders`: sends orders, and cancels and replaces them."""

from __future__ import annotations

import csv
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import typer

from streams.cli.command_group import add_group
from streams.cli.options import JSON_LINES
from streams.cli.output import show

if TYPE_CHECKING:
    from schemas.records.messages import OrderResult
    from streams.pipeline.clients.request_models import OrderRequestModel

ACCOUNT = typer.Option(..., help="Id of the account.")
ORDER_ID = typer.Option(None, "--order-id", help="Id of this request; default: a random id.")
WAIT = typer.Option(10.0, min=0, help="Seconds to wait for the first result; 0 does not wait.")
RESULT_COLUMNS = ("order_id", "exec_type", "ord_status", "cum_qty", "leaves_qty", "avg_px", "reason_code")


def register(app: typer.Typer) -> None:
    """Adds the commands to `paper`."""
    add_group(
        app,
        "orders",
        "Sends, replaces and cancels orders.",
        {"submit": submit, "cancel": cancel, "replace": replace, "cancel-all": cancel_all, "load": load},
    )


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
        "symbol": symbol,
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
    _send(fields, order_id, wait, as_json)


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
    _send({"action": "CANCEL", "account_id": account, "orig_order_id": orig_order_id}, order_id, wait, as_json)


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
    _send(fields, order_id, wait, as_json)


def cancel_all(
    account: str = ACCOUNT,
    symbol: str = typer.Option("", help="Cancel only orders in this instrument."),
    side: str = typer.Option(None, help="Cancel only orders of this side, BUY or SELL."),
    order_id: str = ORDER_ID,
    wait: float = WAIT,
    as_json: bool = JSON_LINES,
) -> None:
    """Cancels all working orders of an account. Each order gets a result of its own."""
    fields = {"action": "MASS_CANCEL", "account_id": account, "symbol": symbol, "side": side and side.upper()}
    _send(fields, order_id, wait, as_json)


def load(
    file: Path = typer.Argument(
        ..., help="CSV file. Its header names fields of schemas/avsc/orders.avsc, such as order_id,account_id,symbol."
    ),
) -> None:
    """Sends a request for each line of a CSV file. If one line is wrong, none is sent."""
    requests = _read_csv(file)
    producer = _producer()
    for request in requests:
        producer.send("orders", request.account_id, request.to_message())
    producer.flush()
    print(f"{len(requests)} requests sent")


def _read_csv(file: Path) -> list[OrderRequestModel]:
    from streams.errors import InputError

    try:
        with file.open(newline="") as stream:
            return [_model(f"{file}: line {line}", row) for line, row in enumerate(csv.DictReader(stream), 2)]
    except OSError as error:
        raise InputError(f"{file}: {error.strerror}") from error


def _model(subject: str, row: dict[str, Any]) -> OrderRequestModel:
    from pydantic import ValidationError

    from streams.cli.validation import problems
    from streams.errors import InputError
    from streams.pipeline.clients.request_models import OrderRequestModel

    fields = {name: value for name, value in row.items() if value not in ("", None)}
    try:
        return OrderRequestModel.model_validate(fields)
    except ValidationError as error:
        raise InputError(f"{subject}: {problems(error)}") from error


def _producer() -> Any:
    from infra.settings import get_settings
    from schemas.avro.codec import Codec
    from schemas.registry import Registry
    from streams.pipeline.clients.producer import RecordProducer

    settings = get_settings()
    return RecordProducer(settings, Codec(Registry(settings)), linger_ms=1)


def _send(fields: dict[str, Any], order_id: str | None, wait: float, as_json: bool) -> None:
    from infra.settings import get_settings
    from schemas.avro.codec import Codec
    from schemas.registry import Registry
    from streams.cli.output import print_rows, readable
    from streams.pipeline.clients.follow import Follower

    settings = get_settings()
    request = _model("request", {**fields, "order_id": order_id or uuid4().hex[:12]})
    with Follower(settings, Codec(Registry(settings)), ["order.results"]) as results:
        producer = _producer()
        producer.send("orders", request.account_id, request.to_message())
        producer.flush()
        answers = _answers(results, request, wait)
    if not wait:
        print(request.order_id)
        return
    if not answers:
        typer.echo(
            f"request {request.order_id} was sent, but no result came within {wait:g} s; `paper status` shows if a "
            "worker runs",
            err=True,
        )
        raise typer.Exit(3)
    rows = [readable(answer) for answer in answers]
    print_rows(rows, RESULT_COLUMNS, as_json)
    if not as_json:
        show("\n".join(row["text"] for row in rows if row["text"]))
    if answers[-1].exec_type in ("REJECTED", "CANCEL_REJECT"):
        raise typer.Exit(1)


def _answers(results: Any, request: OrderRequestModel, wait: float) -> list[OrderResult]:
    """Waits for the first result of a request; returns it with those that came in the same poll."""
    deadline = time.monotonic() + wait
    answers: list[OrderResult] = []
    while time.monotonic() < deadline and not answers:
        for followed in results.poll(0.1):
            result: OrderResult = followed.message
            if result.account_id == request.account_id and request.order_id in (result.order_id, result.request_id):
                answers.append(result)
    return answers
