"""Stretches: written one after another to an empty log, they give each record the offset that it had."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streams.pipeline.journal.raw_records import RawRecord
from streams.tools.backup.stretches import BYTES_MAX, RECORDS_MAX, Written, stretches


def record(offset: int, value: bytes = b"v") -> RawRecord:
    return RawRecord("orders", 0, offset, b"A", value, offset, ())


def written(records: list[RawRecord], end: int) -> tuple[list[tuple[int, RawRecord]], int]:
    """Plays the broker, from the first record on. Returns the visible records with their offsets, and the end."""
    log, position = [], records[0].offset
    for stretch in stretches(records, end):
        for item in stretch.records:
            log.append((position, item))
            position += 1
        position += stretch.fillers + (stretch.how is not Written.PLAIN)
        assert stretch.records or stretch.fillers, "Kafka writes no marker for a transaction without records"
    return log, position


@given(st.integers(0, 5), st.lists(st.integers(0, 4), min_size=1, max_size=40))
def test_each_record_gets_its_offset(first: int, gaps: list[int]) -> None:
    records, offset = [], first
    for gap in gaps:
        records.append(record(offset))
        offset += 1 + gap
    log, end = written(records, offset)
    assert log == [(item.offset, item) for item in records]
    assert end == offset


def test_a_long_run_is_cut_into_bounded_stretches() -> None:
    many = [record(offset) for offset in range(RECORDS_MAX + 10)]
    found = list(stretches(many, RECORDS_MAX + 11))
    assert [len(stretch.records) for stretch in found] == [RECORDS_MAX, 10]
    assert [stretch.how for stretch in found] == [Written.PLAIN, Written.COMMITTED]
    large = [record(offset, bytes(BYTES_MAX)) for offset in range(3)]
    assert [len(stretch.records) for stretch in stretches(large, 3)] == [1, 1, 1]
