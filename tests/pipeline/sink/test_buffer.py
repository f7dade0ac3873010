"""Blocks become due by rows, bytes or age, and are taken in order."""

from __future__ import annotations

from streams.pipeline.sink.buffer import BLOCK_BYTES_MAX, Buffer
from streams.pipeline.sink.column_batch import RECORD_BYTES, ColumnBatch, of_records
from tests.pipeline.sink.records import record


def offsets(block: list[ColumnBatch]) -> list[int]:
    return [offset for batch in block for offset in batch.offsets.tolist()]


def test_due_by_rows() -> None:
    buffer = Buffer(rows_max=3, age_max_s=10, bytes_max=10**9)
    buffer.add(of_records([record(b"x", n) for n in range(2)]), now=0)
    assert buffer.due(now=1) == []
    buffer.add(of_records([record(b"x", 2), record(b"x", 0, topic="fills")]), now=1)
    assert buffer.due(now=1) == ["orders"]


def test_due_by_age() -> None:
    buffer = Buffer(rows_max=3, age_max_s=10, bytes_max=10**9)
    buffer.add(of_records([record(b"x", 0)]), now=0)
    buffer.add(of_records([record(b"x", 1), record(b"x", 0, topic="fills")]), now=9)
    assert buffer.due(now=9.9) == []
    assert buffer.due(now=10) == ["orders"]
    assert buffer.topics() == ["orders", "fills"]


def test_due_by_bytes() -> None:
    buffer = Buffer(rows_max=100, age_max_s=10, bytes_max=10**9)
    buffer.add(of_records([record(bytes(BLOCK_BYTES_MAX // 2), n) for n in range(2)]), now=0)
    assert buffer.due(now=0) == ["orders"]


def test_the_largest_topic_is_due_when_memory_is_full() -> None:
    buffer = Buffer(rows_max=100, age_max_s=10, bytes_max=3 * RECORD_BYTES + 1900)
    buffer.add(of_records([record(bytes(900), 0), record(bytes(1000), 0, topic="fills")]), now=0)
    assert buffer.due(now=0) == []
    buffer.add(of_records([record(b"", 1)]), now=0)
    assert buffer.due(now=0) == ["orders"], "its records cost memory beside their bytes"
    buffer.remove("orders", 2)
    assert buffer.due(now=0) == []


def test_blocks_are_bounded_by_bytes() -> None:
    buffer = Buffer(rows_max=100, age_max_s=10, bytes_max=10**9)
    half = BLOCK_BYTES_MAX // 2
    buffer.add(of_records([record(bytes(size), n) for n, size in enumerate([half, 1, half, 3 * half, 1])]), now=0)
    taken = []
    while block := buffer.peek("orders"):
        taken.append(offsets(block))
        buffer.remove("orders", sum(map(len, block)))
    assert taken == [[0, 1], [2], [3], [4]]


def test_blocks_are_bounded_and_in_order() -> None:
    buffer = Buffer(rows_max=4, age_max_s=10, bytes_max=10**9)
    buffer.add(of_records([record(b"x", n) for n in range(10)]), now=0)
    taken = []
    while block := buffer.peek("orders"):
        taken.append(offsets(block))
        buffer.remove("orders", sum(map(len, block)))
    assert taken == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert buffer.topics() == []


def test_what_remains_keeps_its_age() -> None:
    buffer = Buffer(rows_max=1, age_max_s=10, bytes_max=10**9)
    buffer.add(of_records([record(b"x", n) for n in range(2)]), now=0)
    buffer.remove("orders", 1)
    assert buffer.due(now=0) == ["orders"]
    buffer.remove("orders", 1)
    assert buffer.due(now=99) == []


def test_revoked_partitions_are_discarded() -> None:
    buffer = Buffer(rows_max=10, age_max_s=10, bytes_max=10**9)
    buffer.add(of_records([record(b"x", n, partition=n % 2) for n in range(4)]), now=0)
    buffer.discard({("orders", 1), ("fills", 0)})
    assert offsets(buffer.peek("orders")) == [0, 2]
    buffer.discard({("orders", 0)})
    assert buffer.topics() == []
