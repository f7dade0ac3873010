"""Reads times from the command line."""

from __future__ import annotations

from datetime import UTC, datetime

import typer

from schemas.records.numbers import NANOS_PER_S


def to_nanoseconds(time: datetime) -> int:
    """Returns a time in UTC nanoseconds since 1970; a time without a zone is UTC."""
    time = time if time.tzinfo else time.replace(tzinfo=UTC)
    return int(time.timestamp()) * NANOS_PER_S + time.microsecond * 1000


def parse_time(option: str, text: str | None) -> int | None:
    """Returns the UTC nanoseconds of an ISO 8601 time, and None for None.

    Raises BadParameter if the text is not a time.
    """
    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{option} {text}: must be a UTC time such as 2013-10-09T14:00:00") from error
    return to_nanoseconds(time)
