"""Days of trading: the sessions of exchange calendars, from the library exchange_calendars."""

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from schemas.records.numbers import NANOS_PER_S

NANOS_PER_DAY = 24 * 3600 * NANOS_PER_S


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


def is_open(
    time_ns: int, timezone: ZoneInfo, day_start: time | None, day_end: time | None, calendar: str | None
) -> bool:
    """Whether orders are taken at a time (UTC nanoseconds): from a day's start on, before its end.

    A day starts at day_start local time, or else at the open of the calendar's session; its end is that of
    day_end_after_ns. Without day_start and calendar every time is within a day. On other days than the calendar's, and
    between a day's end and the next one's start, nothing is taken.
    """
    if day_start is None and calendar is None:
        return True
    for start_ns, end_ns in _hours_near(time_ns // NANOS_PER_DAY, timezone, day_start, day_end, calendar):
        if start_ns <= time_ns:
            if time_ns < end_ns:
                return True
        else:
            break
    return False


@cache
def _hours_near(
    utc_day: int, timezone: ZoneInfo, day_start: time | None, day_end: time | None, calendar: str | None
) -> tuple[tuple[int, int], ...]:
    """Start and end of the trading days that may reach into a UTC day (counted since 1970)."""
    middle = date(1970, 1, 1) + timedelta(days=utc_day)
    found = []
    for day in (middle - timedelta(days=1), middle, middle + timedelta(days=1)):
        opens = _session_open(day, calendar) if calendar else None
        if calendar and opens is None:
            continue
        start = (
            opens if opens is not None and day_start is None else datetime.combine(day, day_start or time(0), timezone)
        )
        start_ns = int(start.timestamp()) * NANOS_PER_S
        found.append((start_ns, day_end_after_ns(start_ns, timezone, day_end, calendar)))
    return tuple(found)


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
    if not _is_session(sessions, day):
        return None
    close: datetime = sessions.session_close(day.isoformat()).to_pydatetime()
    return close


def _session_open(day: date, calendar: str) -> datetime | None:
    """When the session of a day opens; None on a day without one."""
    sessions = _calendar_of_year(calendar, day.year)
    if not _is_session(sessions, day):
        return None
    opens: datetime = sessions.session_open(day.isoformat()).to_pydatetime()
    return opens


def _is_session(sessions: Any, day: date) -> bool:
    """Whether a day of the year is one of its sessions; the library takes no day outside of the first and the last."""
    if not sessions.first_session.date() <= day <= sessions.last_session.date():
        return False
    found: bool = sessions.is_session(day.isoformat())
    return found


@cache
def _calendar_of_year(calendar: str, year: int) -> Any:
    """A year's sessions; bounds are given, because the library's own move with the wall clock."""
    from exchange_calendars import get_calendar

    return get_calendar(calendar, start=f"{year}-01-01", end=f"{year}-12-31")
