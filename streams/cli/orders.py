"""`paper orders`: sending requests to the topic orders."""

from __future__ import annotations

import csv
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import typer

if TYPE_CHECKING:
    from schemas.records.messages import OrderResult
    from streams.pipeline.clients.request_models import OrderRequestModel

NANOS_PER_S = 1_000_000_000
ACCOUNT = typer.Option(..., help="Account id.")
ORDER_ID = typer.Option(None, help="Id of this request; made up where none is given.")
WAIT = typer.Option(10.0, min=0, help="Seconds to wait for the first result; 0 does not wait.")
AS_JSON = typer.Option(False, "--json", help="Print JSON.")
RESULT_COLUMNS = ("order_id", "exec_type", "ord_status", "cum_qty", "leaves_qty", "avg_px", "reason_code")


def register(app: typer.Typer) -> None:
    """Adds the group's commands."""
    group = typer.Typer(help="Send orders.", no_args_is_help=True)
    for command in (submit, cancel, replace, cancel_all, load):
        group.command()(command)
    app.add_typer(group, name="orders")


def submit(
    symbol: str = typer.Argument(..., help="Instrument."),
    side: str = typer.Argument(..., help="BUY or SELL."),
    quantity: str = typer.Argument(..., help="Units of the instrument."),
    account: str = ACCOUNT,
    order_type: str = typer.Option(None, "--type", help="Without it LIMIT with a price, else MARKET."),
    price: str = typer.Option(None, help="Limit price."),
    stop_price: str = typer.Option(None, help="Trigger of STOP, STOP_LIMIT and MARKET_IF_TOUCHED."),
    trail: str = typer.Option(None, help="TRAILING_STOP: distance to the market, as 0.5 or 2%."),
    tif: str = typer.Option("DAY", help="DAY, GTC, GTD, IOC or FOK."),
    expires: datetime = typer.Option(None, help="GTD: UTC time."),
    post_only: bool = typer.Option(False, help="Never take."),
    reduce_only: bool = typer.Option(False, help="Never open or turn a position."),
    display: str = typer.Option(None, help="Iceberg: what the book shows."),
    parent: str = typer.Option(None, help="Order that must execute first."),
    oco: str = typer.Option(None, help="Group of orders of which what one executes the others can't."),
    order_id: str = ORDER_ID,
    strategy: str = typer.Option(None, help="Strategy that sends the order."),
    wait: float = WAIT,
    as_json: bool = AS_JSON,
) -> None:
    """Sends a NEW order. Exit code 1 if it is rejected, 3 if no result came in time."""
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
        "expire_ts": expires and int(expires.replace(tzinfo=UTC).timestamp()) * NANOS_PER_S,
        "post_only": post_only,
        "reduce_only": reduce_only,
        "display_quantity": display,
        "parent_order_id": parent,
        "oco_group": oco,
    }
    _send(fields, order_id, wait, as_json)


def cancel(
    orig_order_id: str = typer.Argument(..., help="Order to cancel."),
    account: str = ACCOUNT,
    order_id: str = ORDER_ID,
    wait: float = WAIT,
    as_json: bool = AS_JSON,
) -> None:
    """Sends a CANCEL. Exit code 1 if it is refused, 3 if no result came in time."""
    _send({"action": "CANCEL", "account_id": account, "orig_order_id": orig_order_id}, order_id, wait, as_json)


def replace(
    orig_order_id: str = typer.Argument(..., help="Order to replace."),
    account: str = ACCOUNT,
    quantity: str = typer.Option(None, help="New total quantity, what has executed included."),
    price: str = typer.Option(None, help="New limit price."),
    stop_price: str = typer.Option(None, help="New trigger."),
    order_id: str = ORDER_ID,
    wait: float = WAIT,
    as_json: bool = AS_JSON,
) -> None:
    """Sends a REPLACE. Exit code 1 if it is refused, 3 if no result came in time."""
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
    symbol: str = typer.Option("", help="Only orders in this instrument."),
    side: str = typer.Option(None, help="Only BUY or SELL orders."),
    order_id: str = ORDER_ID,
    wait: float = WAIT,
    as_json: bool = AS_JSON,
) -> None:
    """Sends a MASS_CANCEL: each working order is canceled, and answers for itself."""
    fields = {"action": "MASS_CANCEL", "account_id": account, "symbol": symbol, "side": side and side.upper()}
    _send(fields, order_id, wait, as_json)


def load(file: Path = typer.Argument(..., help="CSV; its header names fields of the orders schema.")) -> None:
    """Sends every line of a CSV file. All lines are checked before the first is sent."""
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

    from streams.errors import InputError
    from streams.pipeline.clients.request_models import OrderRequestModel

    fields = {name: value for name, value in row.items() if value not in ("", None)}
    fields.setdefault("ts", time.time_ns())
    try:
        return OrderRequestModel.model_validate(fields)
    except ValidationError as error:
        sentences = (f"{'.'.join(map(str, item['loc']))} {item['msg']}".strip() for item in error.errors())
        raise InputError(f"{subject}: {'; '.join(sentences)}") from error


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
        typer.echo(f"request {request.order_id} was sent; no result came in {wait:g} s", err=True)
        raise typer.Exit(3)
    rows = [readable(answer) for answer in answers]
    print_rows(rows, RESULT_COLUMNS, as_json)
    if not as_json:
        print("\n".join(row["text"] for row in rows if row["text"]))
    if answers[-1].exec_type in ("REJECTED", "CANCEL_REJECT"):
        raise typer.Exit(1)


def _answers(results: Any, request: OrderRequestModel, wait: float) -> list[OrderResult]:
    """Results of the request until the first that ends it or leaves it working, and what came together with it."""
    deadline = time.monotonic() + wait
    answers: list[OrderResult] = []
    while time.monotonic() < deadline and not answers:
        for followed in results.poll(0.1):
            result: OrderResult = followed.message
            if result.account_id == request.account_id and request.order_id in (result.order_id, result.request_id):
                answers.append(result)
    return answers
