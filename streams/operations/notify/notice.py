"""Notices of records or of the health, and the messages that people get."""

from __future__ import annotations

from typing import NamedTuple

from infra.harmless_text import harmless

TEXT_CHARS_MAX = 300


class NoticePlace(NamedTuple):
    """The place of a record. topic: full name."""

    topic: str
    partition: int
    offset: int


class Notice(NamedTuple):
    """A thing that a rule tells.

    Attributes:
        heading: what happened; few different ones, by which a digest counts.
        text: one line with the names and numbers.
        key: what a rate counts by, such as the account; of a health condition its name.
        time_ns: when, UTC nanoseconds.
        places: the records that it stands for; none for the health.
        is_repeat: whether it may have been delivered before.
    """

    heading: str
    text: str
    key: str
    time_ns: int
    places: tuple[NoticePlace, ...] = ()
    is_repeat: bool = False


class NoticeMessage(NamedTuple):
    """A message to people, and the notices that it delivers."""

    title: str
    body: str
    notices: tuple[Notice, ...]
    places: tuple[NoticePlace, ...]


def one_line(text: str) -> str:
    """Returns a text of a record as one line of bounded length, without characters that a terminal would obey."""
    line = harmless(" ".join(text.split()))
    return line if len(line) <= TEXT_CHARS_MAX else line[: TEXT_CHARS_MAX - 1] + "…"
