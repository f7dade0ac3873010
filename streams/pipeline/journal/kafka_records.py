"""Messages of confluent-kafka as records: the only place that reads a message's headers."""

from collections.abc import Sequence
from operator import methodcaller
from typing import Any

from confluent_kafka import Message

from schemas.records.construction import record_of
from schemas.records.numbers import NANOS_PER_MS
from streams.pipeline.journal.raw_records import UNREADABLE_HEADERS, Headers, RawRecord

CALL_HEADERS = methodcaller("headers")
"""Calls Message.headers, which for a name that is no UTF-8 sets an error and returns a result all the same.

Optimised bytecode does not look for the error, so that it appears anywhere. A call from C does.
"""


def raw_record(message: Message, topic: str) -> RawRecord:
    """Converts a message of confluent-kafka. topic: its base name. A message without a time is of 1 ms before 1970."""
    partition, offset = message.partition(), message.offset()
    assert partition is not None
    assert offset is not None
    try:
        headers: Any = CALL_HEADERS(message)
    except (SystemError, UnicodeDecodeError):
        headers = _mark_unreadable(message)
    return record_of(
        RawRecord,
        (
            topic,
            partition,
            offset,
            _bytes(message.key()),
            _bytes(message.value()),
            message.timestamp()[1] * NANOS_PER_MS,
            tuple([(name, _bytes(content) or b"") for name, content in headers]) if headers else (),
        ),
    )


def read_headers(messages: Sequence[Message]) -> list[Any]:
    """Returns what Message.headers returns, of each message; UNREADABLE_HEADERS where it would fail."""
    found: list[Any] = []
    rest = iter(messages)
    while True:
        try:
            found.extend(map(Message.headers, rest))
        except (SystemError, UnicodeDecodeError):
            # The list has the headers of all messages before the one that failed.
            found.append(_mark_unreadable(messages[len(found)]))
        else:
            return found


def _mark_unreadable(message: Message) -> Headers:
    """Replaces headers that the client could not read: a second reading would return names that crash Python."""
    message.set_headers(list(UNREADABLE_HEADERS))
    return UNREADABLE_HEADERS


def _bytes(value: str | bytes | None) -> bytes | None:
    # The type hints of confluent-kafka allow text, which a consumer never returns.
    return value.encode() if isinstance(value, str) else value
