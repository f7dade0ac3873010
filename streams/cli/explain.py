"""`paper explain`: the story of an order, from ClickHouse alone."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import groupby
from typing import Any

import typer

Row = dict[str, Any]
PRICE_UNIT = Decimal("1e-9")
MEANINGS = {
    "IOC_REMAINDER": "what does not trade at once is canceled",
    "FOK_NOT_FILLABLE": "all of it could not trade at once",
    "PRICE_REACHED": "the quote that it trades against has come to its stop or touch price",
    "PARENT_EXECUTED": "the order that it waited for has ended with fills",
    "PARENT_EXECUTED_LESS": "for no more than the order that it waited for has executed",
    "CANCEL_REQUESTED": "as it was asked to",
    "EXPIRE_TIME": "its expire time has come",
    "DAY_END": "the trading day has ended",
    "OCO": "another order of its group has executed",
    "SPLIT": "the instrument was split",
}
"""What a reason code says where its report has no sentence."""


def register(app: typer.Typer) -> None:
    """Adds the group's commands."""
    app.command()(explain)


def explain(
    order_id: str = typer.Argument(..., help="The order's id."),
    account: str = typer.Option("", help="Its account, where several have used the id."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON object a line."),
) -> None:
    """Tells what happened to an order and why: requests, controls, the market at each step, fills, costs, booking.

    Exit code 1 if ClickHouse has no such order.
    """
    rows = _rows(order_id, account)
    if not rows:
        typer.echo(f"no order {order_id} in ClickHouse; is the sink running, and is RUN_ID the run's?", err=True)
        raise typer.Exit(1)
    if as_json:
        for row in rows:
            print(json.dumps({name: _plain(value) for name, value in row.items() if value not in (None, "")}))
    else:
        print("\n".join(story(rows)))


def _rows(order_id: str, account: str) -> list[Row]:
    from contextlib import closing

    from infra.clickhouse.client import connect, query_file
    from infra.settings import get_settings

    settings = get_settings()
    parameters = {"run_id": settings.run_id, "order_id": order_id, "account_id": account}
    with closing(connect(settings)) as client:
        return list(client.query(query_file("explain_order"), parameters=parameters).named_results())


def story(rows: Sequence[Row]) -> Iterator[str]:
    """All steps, and for each account what came of the order."""
    for row in rows:
        yield from sentences(row)
    for account, own in groupby(rows, key=lambda row: row["account_id"]):
        fills = [row for row in own if row["last_qty"] is not None]
        if fills:
            executed = sum(row["last_qty"] for row in fills)
            average = (sum(row["last_qty"] * row["last_px"] for row in fills) / executed).quantize(PRICE_UNIT)
            fees = sum((row["commission"] or Decimal(0) for row in fills), Decimal(0))
            arrival = _since_arrival(fills, executed)
            yield (
                f"account {account}: {_number(executed)} executed at {_number(average)} on average{arrival}, "
                f"fees {_amount(fees)}"
            )


def _since_arrival(fills: Sequence[Row], executed: Decimal) -> str:
    costs = [row["last_qty"] * row["slippage_arrival"] for row in fills if row["slippage_arrival"] is not None]
    if len(costs) < len(fills):
        return ""
    return f", {_compared((sum(costs, Decimal(0)) / executed).quantize(PRICE_UNIT))} the middle on arrival"


def sentences(row: Row) -> Iterator[str]:
    """One step of the story: what happened, then, indented, why."""
    yield f"{row['ts']:%Y-%m-%d %H:%M:%S.%f}  {_headline(row)}"
    text = row["text"] or MEANINGS.get(row["reason_code"])
    if row["reason_code"] or text:
        yield _indented(": ".join(item for item in (row["reason_code"], text) if item))
    if row["details"]:
        yield _indented(row["details"])
    if row["stage"] == "venue":
        yield from map(_indented, _why(row))


def _headline(row: Row) -> str:
    if row["stage"] == "request":
        target = f" of {row['request_id']}" if row["request_id"] else ""
        return f"account {row['account_id']} asks: {row['what']} {row['order_id']}{target}{_asked(row)}"
    if row["stage"] == "approved":
        return f"controls passed: {row['what']} {row['order_id']} goes to the venue of {row['symbol']}"
    if row["stage"] == "risk" and row["what"] == "MASS_CANCEL":
        return f"answer to {row['order_id']}"
    if row["stage"] == "risk":
        return f"controls refused {row['request_id'] or row['order_id']}: {row['what']}"
    if row["last_qty"] is not None:
        takes = "takes" if row["liquidity"] == "REMOVED" else "is met"
        return f"{row['what']} {_number(row['last_qty'])} @ {_number(row['last_px'])} ({takes}, {row['liquidity']})"
    request = f" by request {row['request_id']}" if row["request_id"] else ""
    now = f" now{_terms(row)}," if row["what"] in ("REPLACED", "RESTATED") else ""
    return f"{row['what']}{request}:{now} {_number(row['leaves_qty'])} open, {_number(row['cum_qty'])} executed"


def _asked(row: Row) -> str:
    if row["what"] == "NEW":
        return f": {row['side']} {row['order_type']} {row['time_in_force']}{_terms(row)}"
    if row["what"] == "REPLACE":
        return f":{_terms(row)}"
    return ""


def _terms(row: Row) -> str:
    parts = [("", row["quantity"]), ("limit ", row["price"]), ("stop ", row["stop_price"])]
    told = [f"{name}{_number(value)}" for name, value in parts if value is not None]
    if row["what"] == "NEW":
        told.insert(1, row["symbol"])
    return "".join(f" {item}" for item in told)


def _why(row: Row) -> Iterator[str]:
    if row["bid_px"] is not None or row["ask_px"] is not None:
        age = "" if row["book_age_ns"] is None else f", told {_duration(row['book_age_ns'])} before"
        yield f"market {_side(row, 'bid')} / {_side(row, 'ask')}{age}"
    if row["what"] == "NEW":
        yield f"arrived {_duration(row['latency_ns'])} after it was sent"
        yield f"simulator {row['simulator']}: {row['model']}"
        if row["queue_ahead"] is not None:
            yield f"stood behind {_number(row['queue_ahead'])} at its price"
    if row["what"] == "TRIGGERED" and row["stop_price"] is not None:
        yield f"stop at {_number(row['stop_price'])}"
    if row["last_qty"] is None:
        return
    if row["trade_px"] is not None:
        yield f"part of the market's trade of {_number(row['trade_sz'])} @ {_number(row['trade_px'])}"
    beyond = _beyond_touch(row)
    if beyond:
        yield f"{_number(beyond)} beyond the best price: from a deeper level, or by the slippage model"
    if row["slippage_mid"] is not None:
        since_arrival = row["slippage_arrival"]
        arrival = "" if since_arrival is None else f", {_compared(since_arrival)} the middle on arrival"
        yield f"{_compared(row['slippage_mid'])} the middle{arrival}"
    booked = "not booked yet"
    if row["position_qty"] is not None:
        booked = f"realised {_amount(row['realised_pnl'])} {row['currency']}, position {_number(row['position_qty'])}"
    yield f"fee {_amount(row['commission'])}; {booked}; {_number(row['leaves_qty'])} open"


def _beyond_touch(row: Row) -> Decimal:
    """How far behind the quote a fill that took is."""
    buys = row["side"] == "BUY"
    touch = row["ask_px"] if buys else row["bid_px"]
    if row["liquidity"] != "REMOVED" or touch is None:
        return Decimal(0)
    return Decimal(row["last_px"] - touch) if buys else Decimal(touch - row["last_px"])


def _compared(slippage: Decimal) -> str:
    """Positive slippage is worse for the trader."""
    if slippage == 0:
        return "at"
    return f"{_number(abs(slippage))} {'better' if slippage < 0 else 'worse'} than"


def _side(row: Row, side: str) -> str:
    if row[f"{side}_px"] is None:
        return f"no {side}"
    size = row[f"{side}_sz"]
    return f"{_number(row[f'{side}_px'])} x {'?' if size is None else _number(size)}"


def _duration(nanos: int | None) -> str:
    if nanos is None:
        return "?"
    return f"{nanos / 1e6:.3f} ms" if nanos < 10**9 else f"{nanos / 1e9:.3f} s"


def _amount(value: Decimal | None) -> str:
    """Money for reading: --json has every digit."""
    return "?" if value is None else _number(round(value, 6))


def _number(value: Decimal | None) -> str:
    from schemas.records.numbers import plain

    return "?" if value is None else plain(value)


def _indented(text: str) -> str:
    return f"    {text}"


def _plain(value: Any) -> Any:
    from schemas.records.numbers import plain

    if isinstance(value, Decimal):
        return plain(value)
    return value if isinstance(value, int | bool) else str(value)
