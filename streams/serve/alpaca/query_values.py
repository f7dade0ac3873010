"""The values in the query of a request."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from fastapi import Request

from schemas.records.numbers import NANOS_PER_S
from streams.serve.alpaca.alpaca_error import invalid

END_OF_TIME = datetime.max.replace(tzinfo=UTC)


def symbols_of(request: Request) -> list[str]:
    """Returns the symbols that a request names. Raises AlpacaError if it names none."""
    symbols = [symbol for symbol in request.query_params.get("symbols", "").split(",") if symbol]
    if not symbols:
        raise invalid("symbols is required")
    return symbols


def count_of(text: str | None, default: int, most: int) -> int:
    """Returns a limit of items. Raises AlpacaError."""
    if text is None:
        return default
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise invalid(f"limit {text!r} is not from 1 to {most}")
    return int(text)


def moment_ns(text: str | None, default: int) -> int:
    """Returns a time, UTC nanoseconds. Raises AlpacaError."""
    if not text:
        return default
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise invalid(f"{text!r} is not a time in RFC 3339") from None
    return nanoseconds(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def day_of(text: str | None, default: date) -> date:
    """Returns a day. Raises AlpacaError."""
    return default if not text else datetime.fromtimestamp(moment_ns(text, 0) // NANOS_PER_S, UTC).date()


def nanoseconds(moment: datetime) -> int:
    """Returns a time as UTC nanoseconds."""
    return int((moment - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1)) * 1_000
