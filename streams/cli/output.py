"""Prints rows: a table for people, one JSON object per line for scripts; progress goes to stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from infra.harmless_text import harmless
from schemas.records.numbers import money_text, price_text

PIPED_WIDTH = 200
WAITING_MARKET = "`paper replay run --strategies-only --data FOLDER` waits for every strategy"
"""The advice to whom a recorded market runs ahead."""
MONEY_FIELDS = frozenset(
    {
        "borrow_fees",
        "buying_power",
        "cash",
        "commission",
        "cost",
        "dividends",
        "drawdown",
        "equity",
        "funding",
        "gross_exposure",
        "notional",
        "peak_equity",
        "position_value",
        "realised_pnl",
        "unrealised_pnl",
    }
)
PRICE_FIELDS = frozenset(
    {
        "arrival_px",
        "ask_px",
        "ask_sz",
        "avg_px",
        "bid_px",
        "bid_sz",
        "cum_qty",
        "display_quantity",
        "dividend",
        "funding_px",
        "funding_rate",
        "fx_rate",
        "last_px",
        "last_qty",
        "leaves_qty",
        "order_qty",
        "position_avg_px",
        "position_qty",
        "price",
        "quantity",
        "queue_ahead",
        "slippage_arrival",
        "slippage_mid",
        "stop_price",
        "trade_px",
        "trade_sz",
        "trailing_offset",
    }
)


def show(text: str) -> None:
    """Prints a result with texts of records on stdout."""
    print(harmless(text))


def say(text: str) -> None:
    """Prints progress on stderr, so that stdout holds nothing but the result."""
    print(harmless(text), file=sys.stderr, flush=True)


def readable(message: Any) -> dict[str, Any]:
    """Returns a record as plain values by name: decimals as text, times in UTC nanoseconds."""
    return {name: _value(name, value) for name, value in message._asdict().items()}


def _value(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name in MONEY_FIELDS:
        return money_text(value)
    if name in PRICE_FIELDS:
        return price_text(value)
    return value


def print_rows(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], as_json: bool) -> None:
    """Prints rows as JSON lines with every field, or as a table of the columns."""
    if as_json:
        for row in rows:
            print(json.dumps(row))
        return
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*columns, box=SIMPLE_HEAD)
    for row in rows:
        table.add_row(*("" if row.get(name) is None else Text(harmless(_short(row[name]))) for name in columns))
    console = Console()
    if not console.is_terminal:
        console.width = PIPED_WIDTH
    console.print(table)


def _short(value: Any) -> str:
    """Rounds an amount to four decimals; --json prints every digit."""
    text = str(value)
    head, _, tail = text.partition(".")
    return f"{Decimal(text):.4f}" if len(tail) > 4 and (head.lstrip("-") + tail).isdigit() else text
