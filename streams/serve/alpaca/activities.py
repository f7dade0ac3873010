"""An account's activities in Alpaca's form: its fills."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from schemas.records.enums import Side
from schemas.records.messages import Fill
from schemas.records.numbers import NANOS_PER_S
from streams.serve.account_view import KEPT_MAX, AccountView
from streams.serve.alpaca.alpaca_error import invalid
from streams.serve.alpaca.order_ids import uuid_of, version_uuid
from streams.serve.alpaca.order_json import moment, number
from streams.serve.alpaca.query_values import END_OF_TIME, count_of, moment_ns, nanoseconds
from streams.serve.order_state import OrderState

PAGE = 100
DAY_NS = 86_400 * NANOS_PER_S
FILL = "FILL"


def fill_activities(account: AccountView, kinds: frozenset[str], query: Mapping[str, str]) -> list[dict[str, Any]]:
    """Returns a page of the fills that are kept. kinds: Alpaca's types, none for all. Raises AlpacaError."""
    if kinds and FILL not in kinds:
        return []
    after, until = moment_ns(query.get("after"), 0), moment_ns(query.get("until"), nanoseconds(END_OF_TIME))
    if day := query.get("date"):
        after = moment_ns(day, 0) - 1
        until = after + DAY_NS + 1
    shown = [fill_activity(account, fill) for fill in account.fills.newest(KEPT_MAX) if after < fill.ts < until]
    if query.get("direction") == "asc":
        shown.reverse()
    if token := query.get("page_token"):
        places = [place for place, item in enumerate(shown) if item["id"] == token]
        if not places:
            raise invalid(f"page_token {token!r} is not the id of an activity that is kept")
        shown = shown[places[0] + 1 :]
    return shown[: count_of(query.get("page_size"), PAGE, PAGE)]


def fill_activity(account: AccountView, fill: Fill) -> dict[str, Any]:
    """Returns a fill."""
    order = account.orders.get(fill.order_id) or OrderState(fill.order_id, fill.account_id)
    version = sum(change.ts <= fill.ts for change in order.replacements)
    second, rest = divmod(fill.ts, NANOS_PER_S)
    stamp = f"{datetime.fromtimestamp(second, UTC):%Y%m%d%H%M%S}{rest // 1_000_000:03d}"
    return {
        "id": f"{stamp}::{uuid_of('execution', fill.exec_id)}",
        "activity_type": FILL,
        "transaction_time": moment(fill.ts),
        "price": number(fill.price),
        "qty": number(fill.quantity),
        "side": "buy" if fill.side is Side.BUY else "sell",
        "symbol": fill.symbol,
        "order_id": str(version_uuid(order, version)),
    }
