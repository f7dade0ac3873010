"""The story of an order: its steps with their reasons, and a summary."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from typing import Any, NamedTuple

from schemas.records.numbers import plain

Row = dict[str, Any]
PRICE_UNIT = Decimal("1e-9")
MEANINGS = {
    "IOC_REMAINDER": "the quantity that could not trade at once is canceled",
    "FOK_NOT_FILLABLE": "the whole quantity could not trade at once",
    "PRICE_REACHED": "the quote reached its stop or touch price",
    "PARENT_EXECUTED": "the order that it waited for has ended with fills",
    "PARENT_EXECUTED_LESS": "its quantity is reduced to what the order that it waited for has executed",
    "CANCEL_REQUESTED": "a request asked for it",
    "EXPIRE_TIME": "its expire time has come",
    "DAY_END": "the trading day has ended",
    "OCO": "another order of its one-cancels-other group has executed",
    "SPLIT": "the instrument was split",
}
"""The meaning of a reason code, for reports without a text."""
EPOCH_YEAR = 1970
"""Year of ts 0, the time of a request for now."""


class StoryStep(NamedTuple):
    """A step of an order. at: None for a request for now. stage: request, risk, approved or venue."""

    at: datetime | None
    stage: str
    headline: str
    reasons: list[str]


def story(rows: Sequence[Row]) -> Iterator[str]:
    """Yields lines: each step of an order with its reasons indented below, then a summary for each account.

    rows: of the query explain_order.
    """
    for step in steps(rows):
        at = f"{step.at:%Y-%m-%d %H:%M:%S.%f}" if step.at is not None else "now"
        yield f"{at:26}  {step.headline}"
        yield from (f"    {reason}" for reason in step.reasons)
    yield from summaries(rows)


def steps(rows: Sequence[Row]) -> list[StoryStep]:
    """Returns the steps of an order. rows: of the query explain_order."""
    return [
        StoryStep(row["ts"] if row["ts"].year > EPOCH_YEAR else None, row["stage"], _headline(row), list(_causes(row)))
        for row in rows
    ]


def summaries(rows: Sequence[Row]) -> Iterator[str]:
    """Yields a summary for each account that has filled the order. rows: of the query explain_order."""
    for account, own in groupby(rows, key=lambda row: row["account_id"]):
        fills = [row for row in own if row["last_qty"] is not None]
        if fills:
            yield _summary(account, fills)


def _summary(account: str, fills: Sequence[Row]) -> str:
    executed = sum(row["last_qty"] for row in fills)
    average = (sum(row["last_qty"] * row["last_px"] for row in fills) / executed).quantize(PRICE_UNIT)
    fees = sum((row["commission"] or Decimal(0) for row in fills), Decimal(0))
    return (
        f"account {account}: {_number(executed)} executed at {_number(average)} on average"
        f"{_since_arrival(fills, executed)}, fees {_amount(fees)}"
    )


def _since_arrival(fills: Sequence[Row], executed: Decimal) -> str:
    costs = [row["last_qty"] * row["slippage_arrival"] for row in fills if row["slippage_arrival"] is not None]
    if len(costs) < len(fills):
        return ""
    return f", {_compared((sum(costs, Decimal(0)) / executed).quantize(PRICE_UNIT))} the mid price on arrival"


def _causes(row: Row) -> Iterator[str]:
    text = row["text"] or MEANINGS.get(row["reason_code"])
    if row["reason_code"] or text:
        yield ": ".join(item for item in (row["reason_code"], text) if item)
    if row["details"]:
        yield row["details"]
    if row["stage"] == "venue":
        yield from _reasons(row)


def _headline(row: Row) -> str:
    if row["stage"] == "request":
        target = f" of {row['request_id']}" if row["request_id"] else ""
        return f"account {row['account_id']} requests: {row['what']} {row['order_id']}{target}{_requested(row)}"
    if row["stage"] == "approved":
        return f"risk controls passed: {row['what']} {row['order_id']} goes to the venue of {row['symbol']}"
    if row["stage"] == "risk" and row["what"] == "MASS_CANCEL":
        return f"answer to {row['order_id']}"
    if row["stage"] == "risk":
        return f"risk controls refused {row['request_id'] or row['order_id']}: {row['what']}"
    if row["last_qty"] is not None:
        role = "taker" if row["liquidity"] == "REMOVED" else "maker"
        return f"{row['what']} {_number(row['last_qty'])} @ {_number(row['last_px'])} ({role}, {row['liquidity']})"
    request = f" by request {row['request_id']}" if row["request_id"] else ""
    now = f" now{_terms(row)}," if row["what"] in ("REPLACED", "RESTATED") else ""
    return f"{row['what']}{request}:{now} {_number(row['leaves_qty'])} open, {_number(row['cum_qty'])} executed"


def _requested(row: Row) -> str:
    if row["what"] == "NEW":
        return f": {row['side']} {row['order_type']} {row['time_in_force']}{_terms(row)}"
    if row["what"] == "REPLACE":
        return f":{_terms(row)}"
    return ""


def _terms(row: Row) -> str:
    terms = [("", row["quantity"]), ("limit ", row["price"]), ("stop ", row["stop_price"])]
    texts = [f"{name}{_number(value)}" for name, value in terms if value is not None]
    if row["what"] == "NEW":
        texts.insert(1, row["symbol"])
    return "".join(f" {item}" for item in texts)


def _reasons(row: Row) -> Iterator[str]:
    """Yields the market, the simulator's inputs and the costs of an execution report."""
    if row["bid_px"] is not None or row["ask_px"] is not None:
        age = "" if row["book_age_ns"] is None else f", {_duration(row['book_age_ns'])} old"
        yield f"market {_side(row, 'bid')} / {_side(row, 'ask')}{age}"
    if row["what"] == "NEW":
        yield f"arrived {_duration(row['latency_ns'])} of market time after it was sent"
        yield f"simulator {row['simulator']}: {row['model']}"
        if row["queue_ahead"] is not None:
            yield f"queued behind {_number(row['queue_ahead'])} at its price"
    if row["what"] == "TRIGGERED" and row["stop_price"] is not None:
        yield f"stop at {_number(row['stop_price'])}"
    if row["last_qty"] is not None:
        yield from _fill_reasons(row)


def _fill_reasons(row: Row) -> Iterator[str]:
    if row["trade_px"] is not None:
        yield f"filled from the market's trade of {_number(row['trade_sz'])} @ {_number(row['trade_px'])}"
    beyond = _beyond_touch(row)
    if beyond:
        yield f"{_number(beyond)} beyond the best price: from a deeper level, or by the slippage model"
    if row["slippage_mid"] is not None:
        since_arrival = row["slippage_arrival"]
        arrival = "" if since_arrival is None else f", {_compared(since_arrival)} the mid price on arrival"
        yield f"{_compared(row['slippage_mid'])} the mid price{arrival}"
    booked = "not booked yet"
    if row["position_qty"] is not None:
        booked = f"realised {_amount(row['realised_pnl'])} {row['currency']}, position {_number(row['position_qty'])}"
    yield f"fee {_amount(row['commission'])}; {booked}; {_number(row['leaves_qty'])} open"


def _beyond_touch(row: Row) -> Decimal:
    """Returns how far beyond the best quote a taker's fill is."""
    buys = row["side"] == "BUY"
    touch = row["ask_px"] if buys else row["bid_px"]
    if row["liquidity"] != "REMOVED" or touch is None:
        return Decimal(0)
    return Decimal(row["last_px"] - touch) if buys else Decimal(touch - row["last_px"])


def _compared(slippage: Decimal) -> str:
    """Returns a slippage in words; positive slippage is worse for the trader."""
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
    """Returns an amount rounded for reading; --json has every digit."""
    return "?" if value is None else _number(round(value, 6))


def _number(value: Decimal | None) -> str:
    return "?" if value is None else plain(value)
