"""Quotes, trades and bars in the form of Alpaca's market data API."""

from __future__ import annotations

import re
from typing import Any

from schemas.records.messages import Mark
from schemas.records.numbers import NANOS_PER_S, price_to_decimal
from streams.evidence.query_rows import Row
from streams.serve.alpaca.alpaca_error import invalid
from streams.serve.alpaca.order_json import moment

SPANS_S = {"min": 60, "hour": 3_600, "day": 86_400, "t": 60, "h": 3_600, "d": 86_400}
TIMEFRAME = re.compile(r"(\d{1,3})(Min|T|Hour|H|Day|D)", re.IGNORECASE)


def quote_json(mark: Mark) -> dict[str, Any]:
    """Returns the last quote of a symbol."""
    return {
        "t": moment(mark.ts),
        "bp": _float(mark.bid_px),
        "bs": max(_float(mark.bid_sz), 0.0),
        "ap": _float(mark.ask_px),
        "as": max(_float(mark.ask_sz), 0.0),
        "bx": "",
        "ax": "",
        "c": [],
        "z": "",
    }


def book_json(mark: Mark) -> dict[str, Any]:
    """Returns the best level of each side of a symbol."""
    return {
        "t": moment(mark.ts),
        "b": [] if mark.bid_px is None else [{"p": _float(mark.bid_px), "s": max(_float(mark.bid_sz), 0.0)}],
        "a": [] if mark.ask_px is None else [{"p": _float(mark.ask_px), "s": max(_float(mark.ask_sz), 0.0)}],
    }


def trade_json(row: Row) -> dict[str, Any]:
    """Returns a trade. row: as infra/clickhouse/queries/serve_trades.sql gives it."""
    return {
        "t": moment(row["ts_ns"]),
        "p": float(row["px"]),
        "s": float(row["sz"]),
        "tks": row["aggressor"].strip("-"),
        "x": "",
        "c": [],
        "i": row["id"],
        "z": "",
    }


def bar_json(row: Row) -> dict[str, Any]:
    """Returns a bar. row: as infra/clickhouse/queries/serve_bars.sql gives it."""
    return {
        "t": moment(row["start_s"] * NANOS_PER_S),
        "o": float(row["open"]),
        "h": float(row["high"]),
        "l": float(row["low"]),
        "c": float(row["close"]),
        "v": float(row["volume"]),
        "n": row["updates"],
        "vw": row["vwap"],
    }


def span_s(timeframe: str) -> int:
    """Returns the seconds of a timeframe such as 1Min, 15Min, 1Hour or 1Day. Raises AlpacaError."""
    found = TIMEFRAME.fullmatch(timeframe)
    if found is None or not int(found[1]):
        raise invalid(f"timeframe {timeframe!r} is not supported here: use 1Min to 999Min, 1Hour or 1Day")
    return int(found[1]) * SPANS_S[found[2].lower()]


def _float(value: int | None) -> float:
    return 0.0 if value is None else float(price_to_decimal(value))
