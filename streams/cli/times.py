"""Times as people write them on the command line."""

from __future__ import annotations

from datetime import UTC, datetime

import typer

NANOS_PER_S = 1_000_000_000


def nanoseconds(option: str, text: str | None) -> int | None:
    """UTC epoch nanoseconds of an ISO 8601 time, UTC unless it says otherwise; None stays None. Raises BadParameter."""
    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{option} {text}: must be a time as 2013-10-09T14:00:00") from error
    time = time if time.tzinfo else time.replace(tzinfo=UTC)
    return int(time.timestamp()) * NANOS_PER_S + time.microsecond * 1000
