"""Quiet times: parts of the day at which people do not want to be called."""

from __future__ import annotations

import re
from datetime import time
from typing import NamedTuple

QUIET = re.compile(r"(\d\d:\d\d)-(\d\d:\d\d)")


class QuietTime(NamedTuple):
    """A part of the day, from its begin to just before its end; over midnight if the end is the earlier one."""

    begin: time
    end: time

    def has(self, at: time) -> bool:
        """Returns whether a time of day is quiet."""
        if self.begin <= self.end:
            return self.begin <= at < self.end
        return at >= self.begin or at < self.end


def quiet_time(text: str) -> QuietTime:
    """Reads `22:00-07:00`. Raises ValueError for a text of another form, or of an empty span."""
    match = QUIET.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no quiet time; write it as 22:00-07:00")
    found = QuietTime(time.fromisoformat(match[1]), time.fromisoformat(match[2]))
    if found.begin == found.end:
        raise ValueError(f"{text!r} begins when it ends")
    return found
