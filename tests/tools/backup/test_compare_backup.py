"""The comparison of a restored topic with its backup names the first difference."""

from __future__ import annotations

from typing import Any

import pytest

from streams.pipeline.journal.raw_records import RawRecord
from streams.tools.backup.compare_backup import first_unequal

RECORDS = [RawRecord("orders", 2, offset, b"A", b"value", 1_000_000, (("h", b"1"),)) for offset in (0, 1, 3)]


def test_equal_records_are_counted() -> None:
    assert first_unequal(RECORDS, RECORDS) == (3, "")
    assert first_unequal([], []) == (0, "")


@pytest.mark.parametrize(
    "changed",
    [{"offset": 4}, {"key": None}, {"value": b"other"}, {"timestamp_ns": 2_000_000}, {"headers": ()}],
)
def test_each_field_counts(changed: dict[str, Any]) -> None:
    (field,) = changed
    found = [*RECORDS[:2], RECORDS[2]._replace(**changed)]
    assert first_unequal(RECORDS, found) == (2, f"orders-2@3 has another {field} than in the backup")


def test_a_record_too_many_or_too_few_is_named() -> None:
    assert first_unequal(RECORDS, RECORDS[:2]) == (2, "orders-2@3 is only in the backup")
    assert first_unequal(RECORDS[:2], RECORDS) == (2, "orders-2@3 is only in the topic")
