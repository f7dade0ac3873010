"""Writes values as a person reads them, in cells of tables, and as JSON."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from schemas.records.numbers import NANOS_PER_S, plain

MONEY_FIELDS = frozenset(
    {
        "amount",
        "borrow_fees",
        "buying_power",
        "cash",
        "commission",
        "cost",
        "day_pnl",
        "dividends",
        "drawdown",
        "equity",
        "fees",
        "floor",
        "funding",
        "gross_exposure",
        "in_sample",
        "market_value",
        "neighbours_median",
        "net_pnl",
        "notional",
        "opening_cash",
        "out_of_sample",
        "peak_equity",
        "position_value",
        "realised_pnl",
        "result",
        "unrealised_pnl",
        "worst_drawdown",
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
        "filled",
        "funding_px",
        "funding_rate",
        "fx_rate",
        "last_px",
        "last_qty",
        "leaves_qty",
        "mark",
        "order_qty",
        "position_avg_px",
        "position_qty",
        "price",
        "quantity",
        "queue_ahead",
        "slippage_arrival",
        "slippage_mid",
        "spread",
        "stop_price",
        "trade_px",
        "trade_sz",
        "trailing_offset",
    }
)
DECIMAL = re.compile(r"-?\d+(\.\d+)?")
CENT_DIGITS, SMALL_DIGITS = 2, 4
"""Decimals of an amount of at least 1 or of 0, and of a smaller one."""
LONGEST_FRACTION = 4
"""Decimals that a number without a known name keeps in a table; --json has every digit."""
FLOAT_DIGITS = 12
"""Significant digits of a ratio: a binary float has about 16, of which computing spoils the last."""
FIRST_YEAR = 1971
"""Times before it stand for none: ClickHouse writes a missing time as 1970."""


def is_number(name: str, value: Any) -> bool:
    """Returns whether a value of a column is a number, which stands right-aligned in a table."""
    if isinstance(value, bool) or _is_time(name):
        return False
    return isinstance(value, int | float | Decimal) or (
        name in MONEY_FIELDS | PRICE_FIELDS and bool(DECIMAL.fullmatch(str(value)))
    )


def cell(name: str, value: Any) -> str:
    """Returns the text of a table's cell. name: the column, which says what an integer or a decimal text means."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return time_cell(value)
    if _is_time(name) and isinstance(value, int):
        return time_cell(datetime.fromtimestamp(value // NANOS_PER_S, UTC).replace(microsecond=_micros(value)))
    if isinstance(value, float):
        value = _decimal(value)
    text = plain(value) if isinstance(value, Decimal) else str(value)
    if isinstance(value, bool) or not DECIMAL.fullmatch(text):
        return text
    if name in MONEY_FIELDS:
        return amount_text(Decimal(text))
    if name in PRICE_FIELDS:
        return f"{Decimal(text):,}"
    _, _, fraction = text.partition(".")
    return f"{Decimal(text):.{LONGEST_FRACTION}f}" if len(fraction) > LONGEST_FRACTION else text


def amount_text(amount: Decimal) -> str:
    """Returns an amount of money with separators: to the cent, small ones with four decimals."""
    is_small = 0 < abs(amount) < 1 and amount != round(amount, CENT_DIGITS)
    return f"{round(amount, SMALL_DIGITS if is_small else CENT_DIGITS) + 0:,}"


def time_cell(time: datetime) -> str:
    """Returns a time in ISO form, UTC, to the second or, if it has a part of one, to the millisecond; 1970 is none."""
    if time.year < FIRST_YEAR:
        return ""
    return f"{time:%Y-%m-%dT%H:%M:%S}" + (f".{time.microsecond // 1000:03}Z" if time.microsecond else "Z")


def json_value(value: Any) -> Any:
    """Returns a value as JSON takes it: decimals as plain text, times in ISO form, ratios without spoilt digits."""
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, datetime):
        return None if value.year < FIRST_YEAR else f"{value:%Y-%m-%dT%H:%M:%S.%f}Z"
    if isinstance(value, float):
        return float(f"{value:.{FLOAT_DIGITS}g}")
    return value


def _is_time(name: str) -> bool:
    return name in ("ts", "time") or name.endswith("_ts")


def _micros(time_ns: int) -> int:
    return time_ns % NANOS_PER_S // 1000


def _decimal(value: float) -> Decimal | float:
    number = Decimal(f"{value:.{FLOAT_DIGITS}g}")
    return number if number.is_finite() else value
