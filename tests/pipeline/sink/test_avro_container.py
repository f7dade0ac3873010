"""Containers follow the Avro specification: two independent readers return place and body."""

from __future__ import annotations

from decimal import Decimal
from io import BytesIO
from typing import Any

import fastavro
from avro.datafile import DataFileReader
from avro.io import DatumReader
from hypothesis import example, given
from hypothesis import strategies as st

from streams.pipeline.sink.avro_container import ContainerWriter, Row, encode_long

SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "Sample",
    "namespace": "paper",
    "fields": [
        {"name": "symbol", "type": "string"},
        {"name": "px", "type": ["null", {"type": "bytes", "logicalType": "decimal", "precision": 18, "scale": 9}]},
        {"name": "side", "type": {"type": "enum", "name": "Side", "symbols": ["BUY", "SELL"]}},
    ],
}
PARSED = fastavro.parse_schema(dict(SCHEMA))


def body(**values: object) -> bytes:
    buffer = BytesIO()
    fastavro.schemaless_writer(buffer, PARSED, {"symbol": "AIG.US", "px": None, "side": "SELL"} | values)
    return buffer.getvalue()


def row(offset: int, partition: int = 0, timestamp_ms: int = 1_700_000_000_000, **values: object) -> Row:
    return Row(partition, offset, timestamp_ms, body(**values))


def read_with_fastavro(container: bytes) -> list[Any]:
    return list(fastavro.reader(BytesIO(container)))


def read_with_avro(container: bytes) -> list[Any]:
    with DataFileReader(BytesIO(container), DatumReader()) as reader:
        return list(reader)


def test_both_readers_give_back_place_and_body() -> None:
    rows = [row(0), row(1, partition=7, px=Decimal("1.5")), row(10**12, timestamp_ms=0, symbol="é", side="BUY")]
    container = ContainerWriter(SCHEMA, "run-é").build(rows)
    read = read_with_fastavro(container)
    assert read == read_with_avro(container)
    assert [(r["run_id"], r["partition"], r["offset"]) for r in read] == [
        ("run-é", 0, 0),
        ("run-é", 7, 1),
        ("run-é", 0, 10**12),
    ]
    assert [r["kafka_timestamp"].timestamp() for r in read] == [1_700_000_000, 1_700_000_000, 0]
    assert [(r["symbol"], r["px"], r["side"]) for r in read] == [
        ("AIG.US", None, "SELL"),
        ("AIG.US", Decimal("1.500000000"), "SELL"),
        ("é", None, "BUY"),
    ]


OFFSETS = st.one_of(st.integers(0, 2**63 - 1), st.integers(2**13 - 2, 2**13 + 2), st.integers(0, 2**21))


@example([(0, 0, -1, "a record without a time")])
@given(st.lists(st.tuples(OFFSETS, st.integers(0, 2**31 - 1), st.integers(-1, 2**45), st.text(max_size=3000))))
def test_any_place(places: list[tuple[int, int, int, str]]) -> None:
    rows = [row(offset, partition, time, symbol=text) for offset, partition, time, text in places]
    read = read_with_fastavro(ContainerWriter(SCHEMA, "r").build(rows))
    assert [(r["offset"], r["partition"], r["symbol"]) for r in read] == [(o, p, s) for o, p, _, s in places]


@given(st.integers(-(2**63), 2**63 - 1))
def test_longs_are_as_fastavro_writes_them(number: int) -> None:
    buffer = BytesIO()
    fastavro.schemaless_writer(buffer, "long", number)
    assert encode_long(number) == buffer.getvalue()


def test_equal_rows_give_equal_bytes() -> None:
    rows = [row(offset) for offset in range(100)]
    assert ContainerWriter(SCHEMA, "r").build(rows) == ContainerWriter(SCHEMA, "r").build(iter(rows))


def test_a_malformed_body_does_not_shift_its_neighbours() -> None:
    rows = [row(0), row(1)._replace(body=body() + b"\x00\x00"), row(2, symbol="after")]
    container = ContainerWriter(SCHEMA, "r").build(rows)
    blocks = list(fastavro.block_reader(BytesIO(container)))
    assert len(blocks) == 3
    (after,) = list(blocks[2])
    assert isinstance(after, dict)
    assert (after["offset"], after["symbol"]) == (2, "after")
