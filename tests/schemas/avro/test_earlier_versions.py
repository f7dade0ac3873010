"""A record is written again as an earlier version wrote it, as long as it says no more."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from schemas.avro.codec import HEADER, Codec
from schemas.memory_registry import MemoryRegistry
from schemas.records.messages import PositionReport
from schemas.topic_schemas import load_schema

PLAIN = PositionReport("A", "ABC", None, 1, 2, 3, 4, 5, "USD", None, 6, borrow_fees=7)
EARLIER_ID = 77


def earlier_schema() -> dict[str, Any]:
    """Returns the schema of positions before they had funding and dividends."""
    schema = deepcopy(load_schema("positions"))
    assert [field["name"] for field in schema["fields"][-2:]] == ["funding", "dividends"]
    del schema["fields"][-2:]
    return schema


class EarlierRegistry(MemoryRegistry):
    """A registry of a pipeline that wrote positions by an earlier version."""

    def writer_id(self, topic: str) -> int:
        return EARLIER_ID

    def written_as(self, topic: str) -> dict[str, Any]:
        return earlier_schema()

    def schema_by_id(self, topic: str, schema_id: int) -> dict[str, Any]:
        return earlier_schema()


def test_the_bytes_are_those_of_before() -> None:
    now, before = Codec(MemoryRegistry()), Codec(EarlierRegistry())
    value = before.encode("positions", PLAIN)
    whole = now.encode("positions", PLAIN)
    assert value[HEADER.size :] == whole[HEADER.size : len(value)]
    assert whole[len(value) :] == b"\x02\x00\x02\x00", "two sums of 0"
    assert before.decode("positions", value) == PLAIN


def test_what_it_can_not_say_is_no_silent_loss() -> None:
    with pytest.raises(AssertionError, match="says more than its earlier version"):
        Codec(EarlierRegistry()).encode("positions", PLAIN._replace(funding=1))
