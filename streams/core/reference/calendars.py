"""Trading days and hours, from the sessions of the library exchange_calendars.

In years that the library does not know for a calendar, each day counts as without a calendar.
"""

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from schemas.records.numbers import NANOS_PER_DAY, NANOS_PER_S


def day_end_after_ns(time_ns: int, timezone: ZoneInfo, day_end: time | None, calendar: str | None) -> int:
    """Returns the first end of a trading day strictly after time_ns (UTC nanoseconds).

    A day ends at day_end local time. Without day_end it ends at the close of the calendar's session (early closes
    included), or at midnight if there is no calendar. With a calendar, only its session days count.
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
    """Returns whether a time (UTC nanoseconds) is within a trading day: from its start on, before its end.

    A day starts at day_start local time, or at the open of the calendar's session; day_end_after_ns gives its end.
    Without day_start and calendar, every time is within a trading day. With a calendar, only its session days count.
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
    """Returns start and end of the trading days that may overlap a UTC day (number of days since 1970)."""
    middle = date(1970, 1, 1) + timedelta(days=utc_day)
    found = []
    for day in (middle - timedelta(days=1), middle, middle + timedelta(days=1)):
        opens = _session_open(day, calendar) if calendar else None
        if opens is None and _is_closed(day, calendar):
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
    if close is None and _is_closed(day, calendar):
        return None
    end = close if close is not None and day_end is None else datetime.combine(day, day_end or time(0), timezone)
    return int(end.timestamp()) * NANOS_PER_S


def _session_close(day: date, calendar: str) -> datetime | None:
    """Returns the close of the session of a day; None if it has none."""
    sessions = _calendar_of_year(calendar, day.year)
    if sessions is None or not _is_session(sessions, day):
        return None
    close: datetime = sessions.session_close(day.isoformat()).to_pydatetime()
    return close


def _session_open(day: date, calendar: str) -> datetime | None:
    """Returns the open of the session of a day; None if it has none."""
    sessions = _calendar_of_year(calendar, day.year)
    if sessions is None or not _is_session(sessions, day):
        return None
    opens: datetime = sessions.session_open(day.isoformat()).to_pydatetime()
    return opens


def _is_closed(day: date, calendar: str | None) -> bool:
    """Returns whether a day without a session is none by its calendar, and not because the library does not know it."""
    return calendar is not None and _calendar_of_year(calendar, day.year) is not None


def _is_session(sessions: Any, day: date) -> bool:
    """Returns whether a day is a session; the library accepts no day outside of the first and the last session."""
    if not sessions.first_session.date() <= day <= sessions.last_session.date():
        return False
    found: bool = sessions.is_session(day.isoformat())
    return found


@cache
def _calendar_of_year(calendar: str, year: int) -> Any:
    """Returns the sessions of a year; None if the library does not know them.

    The bounds are explicit, because the defaults depend on the wall clock.
    """
    from exchange_calendars import get_calendar

    try:
        return get_calendar(calendar, start=f"{year}-01-01", end=f"{year}-12-31")
    except (ValueError, NotImplementedError):
        return None
