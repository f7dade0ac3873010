"""Every record lands once or becomes a dead letter, in order, whatever its neighbours are."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from io import BytesIO
from typing import Any

import fastavro
import pytest

from schemas.avro.codec import Codec
from schemas.errors import RegistryUnavailable
from schemas.memory_registry import MemoryRegistry
from schemas.topic_schemas import load_schema
from streams.errors import SinkError
from streams.pipeline.journal.raw_records import RawOutput
from streams.pipeline.sink.avro_container import Row
from streams.pipeline.sink.column_batch import ColumnBatch, of_records
from streams.pipeline.sink.column_writer import ColumnWriter
from streams.pipeline.sink.landing import COLUMNS_FROM, Landing
from streams.pipeline.sink.tables import BlockRefused, Spans
from tests import builders
from tests.pipeline.sink.native_reader import read_native
from tests.pipeline.sink.records import fill_value, order_value, record
from tests.schemas.avro.other_writers import OTHER_HEADER, OtherWriter, written

SOURCE = MemoryRegistry()
codec = Codec(SOURCE)


class ReadingTarget:
    """A stand-in for ClickHouse that decodes blocks with fastavro, and refuses a block as a whole."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.blocks: list[int] = []
        self.refused_orders: set[str] = set()
        self.refuses_columns = False

    def insert(self, topic: str, rows: Sequence[Row], container: bytes) -> None:
        try:
            read: list[Any] = list(fastavro.reader(BytesIO(container)))
        except (EOFError, ValueError, IndexError, UnicodeDecodeError) as error:
            raise BlockRefused(str(error)) from error
        if any(row.get("order_id") in self.refused_orders for row in read):
            raise BlockRefused("a reason that only the server knows")
        self.rows += read
        self.blocks.append(len(read))

    def insert_block(self, topic: str, spans: Spans, block: bytes, form: str) -> None:
        assert form == "Native"
        if self.refuses_columns:
            raise BlockRefused("columns")
        read = read_native(block)
        self.rows += read
        self.blocks.append(-len(read))

    def offsets(self) -> list[tuple[int, int]]:
        return [(row["partition"], row["offset"]) for row in self.rows]


class Setting:
    def __init__(self, source: Any = SOURCE) -> None:
        self.target = ReadingTarget()
        self.letters: list[RawOutput] = []
        self.landing = Landing(self.target, source, self.letters.extend, "run-1")

    def land_orders(self, *values: bytes | None) -> None:
        self.land("orders", *values)

    def land_fills(self, *values: bytes | None) -> None:
        """Lands fills, whose dead letters the sink writes, because no shard reads them."""
        self.land("fills", *values)

    def land(self, topic: str, *values: bytes | None) -> None:
        self.landing.land(topic, of_records(record(value, offset, topic=topic) for offset, value in enumerate(values)))

    def refusals(self) -> list[tuple[int, str]]:
        headers = [dict(letter.headers) for letter in self.letters]
        return [(int(h["offset"]), h["error_class"].decode()) for h in headers]


@pytest.fixture
def setting() -> Setting:
    return Setting()


def good(number: int) -> bytes:
    return order_value(SOURCE, number)


def filled(number: int) -> bytes:
    return fill_value(SOURCE, number)


def test_good_records_land_as_one_block(setting: Setting) -> None:
    setting.land_orders(*(good(n) for n in range(50)))
    assert setting.target.blocks == [50]
    assert [row["order_id"] for row in setting.target.rows] == [f"o-{n}" for n in range(50)]
    assert {row["run_id"] for row in setting.target.rows} == {"run-1"}
    assert setting.letters == []


BAD_ANYWHERE = [
    (None, "NULL_VALUE"),
    (b"", "EMPTY_VALUE"),
    (b"\x00\x00", "WRONG_MAGIC"),
    (b'{"json": true}', "WRONG_MAGIC"),
    (b"\x00\x00\x00\x27\x0f" + b"body", "UNKNOWN_SCHEMA"),
    (b"\x00" + SOURCE.writer_id("marks").to_bytes(4, "big") + b"body", "WRONG_SCHEMA"),
]


@pytest.mark.parametrize(("bad", "error_class"), [*BAD_ANYWHERE, (filled(1)[:-3], "NOT_READABLE")])
def test_a_bad_record_becomes_a_dead_letter_and_its_neighbours_land(
    setting: Setting, bad: bytes | None, error_class: str
) -> None:
    setting.land_fills(filled(0), filled(1), bad, filled(3))
    assert setting.target.offsets() == [(0, 0), (0, 1), (0, 3)]
    assert setting.refusals() == [(2, error_class)]
    (letter,) = setting.letters
    assert (letter.topic, letter.key, letter.value) == ("dlq.fills", b"acc-1", bad)
    headers = dict(letter.headers)
    assert (headers["topic"], headers["partition"], headers["stage"]) == (b"fills", b"0", b"sink")
    assert headers["original.origin"] == b"test"
    assert headers["message"]


@pytest.mark.parametrize("bad", [*(bad for bad, _ in BAD_ANYWHERE), good(1)[:-3]])
def test_a_record_that_a_shard_refuses_has_the_letter_of_the_shard(setting: Setting, bad: bytes | None) -> None:
    setting.land_orders(good(0), good(1), bad, good(3))
    assert setting.target.offsets() == [(0, 0), (0, 1), (0, 3)]
    assert setting.letters == []


def test_a_writers_own_field_may_have_the_name_of_one_of_ours() -> None:
    wider = load_schema("orders")
    wider["fields"] = [*wider["fields"], {"name": "partition", "type": "string"}]

    setting = Setting(OtherWriter(wider))
    setting.land_orders(good(0), OTHER_HEADER + good(1)[5:] + b"\x06abc", good(2))
    assert setting.target.offsets() == [(0, 0), (0, 1), (0, 2)]
    assert setting.refusals() == []


def test_letters_of_neighbours_are_written_together(setting: Setting) -> None:
    batches: list[int] = []
    setting.landing = Landing(setting.target, SOURCE, lambda letters: batches.append(len(letters)), "run-1")
    setting.land_fills(b"x", b"", None, filled(3), b"y")
    assert batches == [3, 1]


def test_what_only_the_server_refuses_is_found_by_halves(setting: Setting) -> None:
    setting.target.refused_orders = {"o-7", "o-23"}
    setting.land_orders(*(good(n) for n in range(40)))
    assert setting.refusals() == [(7, "REFUSED_BY_CLICKHOUSE"), (23, "REFUSED_BY_CLICKHOUSE")]
    assert setting.target.offsets() == [(0, n) for n in range(40) if n not in (7, 23)]


def test_what_only_the_servers_decoder_refuses_lands_as_ours_reads_it() -> None:
    """The record has a length with redundant bytes. A shard has processed it or written its letter."""
    wider = load_schema("market.data")
    wider["fields"] = [*wider["fields"], {"name": "venue_note", "type": "string"}]

    setting = Setting(OtherWriter(wider))
    body = codec.encode("market.data", builders.quote(symbol="ABC"))
    assert body[5:6] == b"\x06"
    odd = OTHER_HEADER + b"\x86\x00" + body[6:] + b"\x06abc"
    assert Codec(OtherWriter(wider)).decode("market.data", odd) == codec.decode("market.data", body)
    insert = setting.target.insert

    def strict_insert(topic: str, rows: Sequence[Row], container: bytes) -> None:
        if any(row.body.startswith(b"\x86\x00") for row in rows):
            raise BlockRefused("Invalid Avro varint")
        insert(topic, rows, container)

    setting.target.insert = strict_insert  # type: ignore[method-assign]
    setting.land("market.data", body, odd, body)
    assert [row["symbol"] for row in setting.target.rows] == ["ABC"] * 3
    assert setting.letters == []


def test_all_records_before_one_that_landed_are_done(setting: Setting) -> None:
    """A restart continues behind the highest offset, so no record below it may be missing at any moment."""
    done: list[int] = []
    insert = setting.target.insert

    def noting_insert(topic: str, rows: Sequence[Row], container: bytes) -> None:
        insert(topic, rows, container)
        done.extend(row.offset for row in rows)

    def noting_write(letters: Sequence[RawOutput]) -> None:
        done.extend(int(dict(letter.headers)["offset"]) for letter in letters)

    setting.target.insert = noting_insert  # type: ignore[method-assign]
    setting.landing = Landing(setting.target, SOURCE, noting_write, "run-1")
    setting.land_fills(filled(0), b"x", filled(2), filled(3)[:-2], filled(4), filled(5), b"", filled(7))
    assert done == list(range(8))


def test_partitions_share_a_block(setting: Setting) -> None:
    setting.landing.land("orders", of_records(record(good(n), n // 2, partition=n % 2) for n in range(10)))
    assert setting.target.blocks == [10]
    assert sorted(setting.target.offsets()) == [(p, o) for p in range(2) for o in range(5)]


def test_tombstones_of_compacted_topics_are_no_records(setting: Setting) -> None:
    setting.land("positions", None, b"bad", None)
    assert (setting.target.offsets(), setting.refusals()) == ([], [(1, "WRONG_MAGIC")])


def test_a_writer_of_an_older_version_is_taken_with_its_own_schema() -> None:
    older = load_schema("orders")
    older["fields"] = [field for field in older["fields"] if field["name"] != "strategy_id"]

    setting = Setting(OtherWriter(older))
    names = {"action": "NEW", "order_id": "old", "account_id": "a", "symbol": "s", "side": "BUY", "ts": 0}
    old = written(older, names | {"order_type": "MARKET", "time_in_force": "IOC"})
    setting.land_orders(good(0), old, good(2))
    assert setting.refusals() == []
    assert [row["order_id"] for row in setting.target.rows] == ["o-0", "old", "o-2"]


def test_an_unreachable_registry_leaves_nothing_half_done() -> None:
    class Away(MemoryRegistry):
        def schema_by_id(self, topic: str, schema_id: int) -> dict[str, Any]:
            if schema_id == 900:
                raise RegistryUnavailable("no answer")
            return super().schema_by_id(topic, schema_id)

    setting = Setting(Away())
    with pytest.raises(RegistryUnavailable):
        setting.land_fills(b"rubbish", filled(1), b"\x00" + (900).to_bytes(4, "big") + b"body")
    assert (setting.target.rows, setting.letters) == ([], [])


def test_dead_letters_become_rows_with_their_source(setting: Setting) -> None:
    setting.land_fills(b"\xff\x00", filled(1))
    (letter,) = setting.letters
    value = record(letter.value, 0, topic="dlq.fills")._replace(headers=letter.headers)
    foreign = record(None, 1, topic="dlq.fills")._replace(key=None, headers=(("offset", b"9" * 30),))
    setting.landing.land("dlq.fills", of_records([value, foreign]))
    ours, other = setting.target.rows[-2:]
    assert (ours["topic"], ours["source_topic"], ours["source_offset"]) == ("dlq.fills", b"fills", 0)
    assert (ours["record_key"], ours["record_value"]) == (b"acc-1", b"\xff\x00")
    assert (ours["stage"], ours["error_class"]) == (b"sink", b"WRONG_MAGIC")
    assert ours["headers"] == {"original.origin": b"test"}
    assert (other["record_key"], other["source_partition"], other["source_offset"]) == (None, -1, -1)


def test_refused_dead_letters_stop_the_sink(setting: Setting) -> None:
    def refuse(topic: str, rows: Sequence[Row], container: bytes) -> None:
        raise BlockRefused("no such luck")

    setting.target.insert = refuse  # type: ignore[method-assign]
    with pytest.raises(SinkError, match="no such luck"):
        setting.landing.land("dlq.orders", of_records([record(b"x", 0, topic="dlq.orders")]))


def test_a_large_block_lands_as_columns(setting: Setting) -> None:
    setting.land_orders(*(good(n) for n in range(COLUMNS_FROM)))
    setting.landing.settle()
    assert setting.target.blocks == [-COLUMNS_FROM]
    assert [row["order_id"] for row in setting.target.rows] == [f"o-{n}" for n in range(COLUMNS_FROM)]


@pytest.mark.parametrize("bad", [b"", b"rubbish", filled(3)[:-2], None])
def test_a_bad_record_in_a_large_block_costs_its_columns_only(setting: Setting, bad: bytes | None) -> None:
    values: list[bytes | None] = [filled(n) for n in range(COLUMNS_FROM)]
    setting.land_fills(*values[:7], bad, *values[7:])
    setting.landing.settle()
    assert setting.target.offsets() == [(0, n) for n in range(COLUMNS_FROM + 1) if n != 7]
    assert [offset for offset, _ in setting.refusals()] == [7]
    assert min(setting.target.blocks) > 0


def test_a_block_of_columns_that_the_server_refuses_goes_record_by_record(setting: Setting) -> None:
    setting.target.refuses_columns = True
    setting.land_orders(*(good(n) for n in range(COLUMNS_FROM)))
    assert setting.target.blocks == []
    setting.land_fills(filled(0))
    assert setting.target.blocks == [COLUMNS_FROM, 1], "what comes later waits for it"


def test_a_block_is_built_while_the_one_before_is_inserted(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    built = threading.Semaphore(0)
    build, insert = ColumnWriter.build, setting.target.insert_block
    met: list[bool] = []

    def noting_build(writer: ColumnWriter, batches: Sequence[ColumnBatch], values: Sequence[bytes]) -> bytes:
        block = build(writer, batches, values)
        built.release()
        return block

    def insert_after_the_next_is_built(topic: str, spans: Spans, block: bytes, form: str) -> None:
        # The timeout matters only if the test fails.
        met.append(built.acquire(timeout=10))
        insert(topic, spans, block, form)

    setting.target.insert_block = insert_after_the_next_is_built  # type: ignore[method-assign]
    setting.land_orders(*(good(n) for n in range(COLUMNS_FROM)))
    monkeypatch.setattr(ColumnWriter, "build", noting_build)
    setting.land_fills(*(filled(n) for n in range(COLUMNS_FROM)))
    built.release()
    setting.landing.settle()
    assert met == [True, True]


def test_a_block_that_was_built_meanwhile_lands_behind_one_that_is_refused(setting: Setting) -> None:
    insert = setting.target.insert_block

    def refuse_the_first(topic: str, spans: Spans, block: bytes, form: str) -> None:
        setting.target.insert_block = insert  # type: ignore[method-assign]
        raise BlockRefused("columns")

    setting.target.insert_block = refuse_the_first  # type: ignore[method-assign]
    for start in (0, COLUMNS_FROM):
        records = [record(good(n), n) for n in range(start, start + COLUMNS_FROM)]
        setting.landing.land("orders", of_records(records))
    setting.landing.settle()
    assert setting.target.blocks == [COLUMNS_FROM, -COLUMNS_FROM]
    assert setting.target.offsets() == [(0, n) for n in range(2 * COLUMNS_FROM)]
