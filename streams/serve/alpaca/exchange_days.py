"""Trading days of the New York Stock Exchange, by which Alpaca's clock and calendar go."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from exchange_calendars import get_calendar

from schemas.records.numbers import NANOS_PER_S

EXCHANGE, ZONE = "XNYS", "America/New_York"
NEW_YORK = ZoneInfo(ZONE)
DAYS_MAX = 3_660


def calendar_json(start: date, end: date) -> list[dict[str, str]]:
    """Returns the trading days from start to end with their opening and closing times in New York."""
    return [
        {
            "date": f"{opens:%Y-%m-%d}",
            "open": f"{opens.tz_convert(ZONE):%H:%M}",
            "close": f"{closes.tz_convert(ZONE):%H:%M}",
            "session_open": "0400",
            "session_close": "2000",
        }
        for opens, closes in _sessions(start, end)
    ]


def clock_json(now_ns: int) -> dict[str, Any]:
    """Returns whether the exchange is open at a time (UTC nanoseconds), and when it opens and closes next."""
    now = datetime.fromtimestamp(now_ns // NANOS_PER_S, UTC)
    sessions = _sessions(now.date() - timedelta(days=1), now.date() + timedelta(days=14))
    next_open = next(opens for opens, _ in sessions if opens > now)
    next_close = next(closes for _, closes in sessions if closes > now)
    return {
        "timestamp": f"{now.astimezone(NEW_YORK):%Y-%m-%dT%H:%M:%S}.{now_ns % NANOS_PER_S:09d}{_offset(now)}",
        "is_open": next_close < next_open,
        "next_open": next_open.tz_convert(ZONE).isoformat(),
        "next_close": next_close.tz_convert(ZONE).isoformat(),
    }


def _offset(moment: datetime) -> str:
    return moment.astimezone(NEW_YORK).isoformat()[-len("-05:00") :]


def _sessions(start: date, end: date) -> list[tuple[Any, Any]]:
    found = []
    for year in range(start.year, end.year + 1):
        schedule = _year(year)
        found += [
            (row.open, row.close)
            for day, row in zip(schedule.index, schedule.itertuples(), strict=True)
            if start <= day.date() <= end
        ]
    return found


@cache
def _year(year: int) -> Any:
    return get_calendar(EXCHANGE, start=f"{year}-01-01", end=f"{year}-12-31").schedule
