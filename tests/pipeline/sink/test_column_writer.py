"""Transposed records equal what other readers decode, and give the same rows in ClickHouse."""

from __future__ import annotations

from contextlib import closing, suppress
from decimal import Context
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.clickhouse.client import connect
from infra.settings import Settings
from schemas.avro.codec import HEADER, Codec
from schemas.errors import UndecodableRecord
from schemas.memory_registry import MemoryRegistry
from schemas.topic_schemas import MESSAGE_CLASSES, load_schema
from streams.pipeline.sink.avro_container import ContainerWriter, Row
from streams.pipeline.sink.column_batch import ColumnBatch, of_records
from streams.pipeline.sink.column_writer import ColumnWriter, spans
from streams.pipeline.sink.tables import NATIVE, Tables, table_of
from streams.pipeline.sink.transpose import UnusualRecord
from tests.pipeline.sink.native_reader import read_native
from tests.pipeline.sink.records import fill_value, record
from tests.schemas.avro.strategies import messages

SOURCE = MemoryRegistry()
CODEC = Codec(SOURCE)
WRITERS = {
    topic: writer
    for topic in MESSAGE_CLASSES
    if (writer := ColumnWriter.of(load_schema(topic), load_schema(topic), "r")) is not None
}
EXACT = Context(prec=60)
TOPIC = st.sampled_from(sorted(WRITERS))


def built(topic: str, *values: bytes) -> bytes:
    batches = of_records(record(value, offset, partition=3, topic=topic) for offset, value in enumerate(values))
    return WRITERS[topic].build(batches, values)


def as_message(topic: str, row: dict[str, Any]) -> Any:
    """Converts a row to a record of the core, with decimals as unscaled integers."""
    kinds = {field["name"]: field["type"] for field in load_schema(topic)["fields"]}
    values: list[Any] = []
    for name in MESSAGE_CLASSES[topic]._fields:  # type: ignore[attr-defined]
        value, scales = row[name], [kind["scale"] for kind in _types(kinds[name]) if "scale" in kind]
        values.append(int(EXACT.scaleb(value, scales[0])) if scales and value is not None else value)
    return MESSAGE_CLASSES[topic](*values)


def _types(kind: Any) -> list[Any]:
    return [item for item in (kind if isinstance(kind, list) else [kind]) if isinstance(item, dict)]


def test_the_busiest_topics_go_as_columns() -> None:
    busiest = {"orders", "orders.approved", "executions", "order.results", "fills", "positions", "account.equity"}
    assert WRITERS.keys() >= busiest | {"marks", "risk.events", "controls"}


@given(st.data(), TOPIC)
def test_columns_hold_what_the_codec_reads(data: st.DataObject, topic: str) -> None:
    sent = data.draw(st.lists(messages(topic), min_size=1, max_size=5))
    try:
        rows = read_native(built(topic, *(CODEC.encode(topic, message) for message in sent)))
    except UnusualRecord:
        return
    assert [as_message(topic, row) for row in rows] == sent
    places = [(row["run_id"], row["partition"], row["offset"], row["kafka_timestamp"]) for row in rows]
    assert places == [("r", 3, offset, 1_700_000_000_000) for offset in range(len(sent))]


@given(st.data(), TOPIC, st.integers(0, 2**32))
def test_a_damaged_record_is_left_to_others_or_read_as_the_codec_reads_it(
    data: st.DataObject, topic: str, place: int
) -> None:
    good = [CODEC.encode(topic, data.draw(messages(topic))) for _ in range(3)]
    body = bytearray(good[1][HEADER.size :])
    start = place % (len(body) + 1)
    body[start : start + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    damaged = good[1][: HEADER.size] + bytes(body)
    try:
        rows = read_native(built(topic, good[0], damaged, good[2]))
    except (UnusualRecord, UnicodeDecodeError):
        return
    with suppress(UndecodableRecord):  # ClickHouse keeps the bytes of text that is not UTF-8.
        assert as_message(topic, rows[1]) == CODEC.decode(topic, damaged)


def test_texts_of_any_length_have_their_length_before_them() -> None:
    fill = CODEC.decode("fills", fill_value(SOURCE, 1))
    sizes = [0, 1, 63, 64, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152]
    sent = [fill._replace(order_id="x" * size, session_id=None if size % 2 else "s" * size) for size in sizes]
    rows = read_native(built("fills", *(CODEC.encode("fills", message) for message in sent)))
    assert [as_message("fills", row) for row in rows] == sent


@pytest.mark.parametrize("cut", range(1, 40))
def test_a_record_that_is_too_short_or_too_long_is_unusual(cut: int) -> None:
    good = fill_value(SOURCE, 1)
    for bad in (good[:-cut], good + bytes(cut)):
        for values in ([good, bad], [bad, good]):
            with pytest.raises(UnusualRecord):
                built("fills", *values)


@pytest.mark.parametrize("other", [b"", b"\x00", b"\x00\x00\x00\x00", b"\x01", b"\x00\x00\x00\x01\x00"])
def test_a_record_with_another_header_is_unusual(other: bytes) -> None:
    good = fill_value(SOURCE, 1)
    with pytest.raises(UnusualRecord):
        built("fills", good, other + good[len(other) :] if len(other) == HEADER.size else other, good)


def test_an_older_writers_records_lack_columns_and_a_strangers_go_another_way() -> None:
    ours = load_schema("fills")
    older = ours | {"fields": ours["fields"][:-1]}
    wider = ours | {"fields": [*ours["fields"], {"name": "more", "type": "string"}]}
    other = ours | {"fields": [ours["fields"][0] | {"type": "long"}, *ours["fields"][1:]]}
    assert ColumnWriter.of(older, ours, "r") is not None
    assert ColumnWriter.of(other, ours, "r") is None
    writer = ColumnWriter.of(wider, ours, "r")
    assert writer is not None
    value = fill_value(SOURCE, 1) + b"\x06abc"
    (row,) = read_native(writer.build(of_records([record(value, 0, topic="fills")]), [value]))
    assert "more" not in row
    assert row["order_id"] == "o-1"


def fits_clickhouse(message: Any) -> bool:
    """Returns whether ClickHouse can compute a fill's converted slippage: the core makes none that is too large."""
    rate, quantity = getattr(message, "fx_rate", None), getattr(message, "quantity", None)
    slippages = (getattr(message, "slippage_mid", None), getattr(message, "slippage_arrival", None))
    return not rate or all(abs((quantity or 0) * (slippage or 0) * rate) < 10**47 for slippage in slippages)


@pytest.mark.parametrize("topic", sorted(WRITERS))
def test_clickhouse_has_the_same_rows_either_way(table_settings: Settings, topic: str) -> None:
    values: list[bytes] = []

    @settings(max_examples=60)
    @given(messages(topic).filter(fits_clickhouse))
    def collect(message: Any) -> None:
        value = CODEC.encode(topic, message)
        try:
            built(topic, value)
        except UnusualRecord:
            return
        values.append(value)

    collect()
    assert len(values) > 10
    batches = of_records(record(value, offset, topic=topic) for offset, value in enumerate(values))
    rows = [
        Row(0, offset, int(batches[0].timestamps_ms[offset]), value[HEADER.size :])
        for offset, value in enumerate(values)
    ]
    tables = Tables(table_settings.model_copy(update={"run_id": "r"}), lambda seconds: None)
    with closing(tables), closing(connect(table_settings)) as client:
        client.command(f"CREATE TABLE either AS {table_of(topic)}")
        tables.insert(topic, rows, ContainerWriter(load_schema(topic), "r").build(rows))
        client.command(f"INSERT INTO either SELECT * FROM {table_of(topic)}")
        client.command(f"TRUNCATE TABLE {table_of(topic)}")
        tables.insert_block(topic, spans(batches), WRITERS[topic].build(batches, values), NATIVE)
        for one, other in (("either", table_of(topic)), (table_of(topic), "either")):
            missing = client.query(f"SELECT count() FROM (SELECT * FROM {one} EXCEPT ALL SELECT * FROM {other})")
            assert missing.result_rows == [(0,)]
        assert client.query("SELECT count() FROM either").result_rows == [(len(values),)]
        client.command("DROP TABLE either")


def test_spans_say_first_last_and_number_of_each_partition() -> None:
    batches = of_records([record(b"x", 4), record(b"x", 6), record(b"x", 9, partition=2), record(b"x", 7)])
    assert [(batch.partition, len(batch)) for batch in batches] == [(0, 2), (2, 1), (0, 1)]
    assert spans(batches) == {0: (4, 7, 3), 2: (9, 9, 1)}


def test_a_part_of_a_batch_is_a_batch() -> None:
    (batch,) = of_records(record(b"x" * n, n) for n in range(5))
    part: ColumnBatch = batch.part(1, 3)
    assert (part.offsets.tolist(), part.values, len(part)) == ([1, 2], [b"x", b"xx"], 2)
    assert np.array_equal(np.diff(batch.weights), np.ones(4))
    assert [item.offset for item in part.records()] == [1, 2]
