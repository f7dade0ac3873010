"""`paper explain`: the story of an order, from ClickHouse alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import typer

Row = dict[str, Any]


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
    for row in rows:
        if as_json:
            print(json.dumps({name: _plain(value) for name, value in row.items() if value not in (None, "")}))
        else:
            print("\n".join(sentences(row)))


def _rows(order_id: str, account: str) -> list[Row]:
    from contextlib import closing

    from infra.clickhouse.client import connect, query_file
    from infra.settings import get_settings

    settings = get_settings()
    parameters = {"run_id": settings.run_id, "order_id": order_id, "account_id": account}
    with closing(connect(settings)) as client:
        return list(client.query(query_file("explain_order"), parameters=parameters).named_results())


def sentences(row: Row) -> Iterator[str]:
    """One step of the story: what happened, then, indented, why."""
    yield f"{row['ts']:%Y-%m-%d %H:%M:%S.%f}  {_headline(row)}"
    if row["reason_code"] or row["text"]:
        yield _indented(": ".join(item for item in (row["reason_code"], row["text"]) if item))
    if row["details"]:
        yield _indented(row["details"])
    if row["stage"] == "venue":
        yield from map(_indented, _why(row))


def _headline(row: Row) -> str:
    if row["stage"] == "request":
        target = f" of {row['request_id']}" if row["request_id"] else ""
        return f"account {row['account_id']} asks: {row['what']} {row['order_id']}{target}{_terms(row)}"
    if row["stage"] == "approved":
        return f"controls passed: {row['what']} {row['order_id']} goes to the venue of {row['symbol']}"
    if row["stage"] == "risk":
        return f"controls refused {row['request_id'] or row['order_id']}: {row['what']}"
    if row["last_qty"] is not None:
        takes = "takes" if row["liquidity"] == "REMOVED" else "is met"
        return f"{row['what']} {_number(row['last_qty'])} @ {_number(row['last_px'])} ({takes}, {row['liquidity']})"
    request = f" by request {row['request_id']}" if row["request_id"] else ""
    return f"{row['what']}{request}: {_number(row['leaves_qty'])} open, {_number(row['cum_qty'])} executed"


def _terms(row: Row) -> str:
    if row["what"] not in ("NEW", "REPLACE"):
        return ""
    parts = [row["side"], row["order_type"], row["time_in_force"]] if row["what"] == "NEW" else []
    parts += [_number(row["quantity"]), row["symbol"]] if row["quantity"] is not None else []
    parts += [f"limit {_number(row['price'])}"] if row["price"] is not None else []
    parts += [f"stop {_number(row['stop_price'])}"] if row["stop_price"] is not None else []
    return f": {' '.join(parts)}"


def _why(row: Row) -> Iterator[str]:
    if row["bid_px"] is not None or row["ask_px"] is not None:
        age = f", told {row['book_age_ns'] / 1e6:.3f} ms before" if row["book_age_ns"] is not None else ""
        yield f"market {_side(row, 'bid')} / {_side(row, 'ask')}{age}"
    if row["what"] == "NEW":
        yield f"arrived {_milliseconds(row['latency_ns'])} after it was sent"
        yield f"simulator {row['simulator']}: {row['model']}"
        if row["queue_ahead"] is not None:
            yield f"stood behind {_number(row['queue_ahead'])} at its price"
    if row["what"] == "TRIGGERED" and row["stop_price"] is not None:
        yield f"stop at {_number(row['stop_price'])}"
    if row["last_qty"] is None:
        return
    if row["trade_px"] is not None:
        yield f"part of the market's trade of {_number(row['trade_sz'])} @ {_number(row['trade_px'])}"
    if row["slippage_mid"] is not None:
        since_arrival = row["slippage_arrival"]
        arrival = "" if since_arrival is None else f", {_compared(since_arrival)} than on arrival"
        yield f"{_compared(row['slippage_mid'])} than the middle{arrival}"
    booked = "not booked yet"
    if row["position_qty"] is not None:
        booked = f"realised {_number(row['realised_pnl'])} {row['currency']}, position {_number(row['position_qty'])}"
    yield f"fee {_number(row['commission'])}; {booked}; {_number(row['leaves_qty'])} open"


def _compared(slippage: Decimal) -> str:
    """Positive slippage is worse for the trader."""
    return f"{_number(abs(slippage))} {'better' if slippage < 0 else 'worse'}"


def _side(row: Row, side: str) -> str:
    if row[f"{side}_px"] is None:
        return f"no {side}"
    size = row[f"{side}_sz"]
    return f"{_number(row[f'{side}_px'])} x {'?' if size is None else _number(size)}"


def _milliseconds(nanos: int | None) -> str:
    return "?" if nanos is None else f"{nanos / 1e6:.3f} ms"


def _number(value: Decimal | None) -> str:
    from streams.domain.numbers import plain

    return "?" if value is None else plain(value)


def _indented(text: str) -> str:
    return f"    {text}"


def _plain(value: Any) -> Any:
    from streams.domain.numbers import plain

    if isinstance(value, Decimal):
        return plain(value)
    return value if isinstance(value, int | bool) else str(value)
