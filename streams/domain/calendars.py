"""Days of trading: the sessions of exchange calendars, from the library exchange_calendars."""

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from streams.domain.numbers import NANOS_PER_S


def day_end_after_ns(time_ns: int, timezone: ZoneInfo, day_end: time | None, calendar: str | None) -> int:
    """First end of a trading day strictly after time_ns (UTC nanoseconds).

    A day ends at day_end local time; without day_end at the close of the calendar's session, early closes included, or
    at midnight where there is no calendar. With a calendar only its session days have an end.
    """
    day = datetime.fromtimestamp(time_ns // NANOS_PER_S, UTC).astimezone(timezone).date()
    while True:
        end_ns = _day_end_ns(day, timezone, day_end, calendar)
        if end_ns is not None and end_ns > time_ns:
            return end_ns
        day += timedelta(days=1)


@cache
def _day_end_ns(day: date, timezone: ZoneInfo, day_end: time | None, calendar: str | None) -> int | None:
    close = _session_close(day, calendar) if calendar else None
    if calendar and close is None:
        return None
    end = close if close is not None and day_end is None else datetime.combine(day, day_end or time(0), timezone)
    return int(end.timestamp()) * NANOS_PER_S


def _session_close(day: date, calendar: str) -> datetime | None:
    """When the session of a day closes; None on a day without one."""
    sessions = _calendar_of_year(calendar, day.year)
    if not sessions.is_session(day.isoformat()):
        return None
    close: datetime = sessions.session_close(day.isoformat()).to_pydatetime()
    return close


@cache
def _calendar_of_year(calendar: str, year: int) -> Any:
    """A year's sessions; bounds are given, because the library's own move with the wall clock."""
    from exchange_calendars import get_calendar

    return get_calendar(calendar, start=f"{year}-01-01", end=f"{year}-12-31")
