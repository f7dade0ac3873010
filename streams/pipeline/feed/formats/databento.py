"""Databento's binary files (DBN), plain or packed by zstd: the schemas trades, mbp-1 and mbp-10.

The time of a record is its ts_recv, by which the files are sorted. The best level of mbp-1 and the ten levels of mbp-10
are shown when an event is complete: at a record with F_LAST, and at the last one of an instrument's stamp. A record
with action T is a trade. After a record with F_MAYBE_BAD_BOOK the instrument is halted until one without it.
Sources: https://databento.com/docs/standards-and-conventions, https://databento.com/docs/schemas/mbp-10.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from schemas.records.numbers import PRICE_SCALE
from streams.errors import FeedError
from streams.pipeline.feed.check_columns import QUOTE_HEADER, TRADE_HEADER, TRADING_HEADER, UPDATE_HEADER
from streams.pipeline.feed.formats.dbn_symbols import DbnSymbols, UnknownInstrument
from streams.pipeline.feed.formats.file_content import FileContent
from streams.pipeline.feed.formats.file_format import FileFormat, KindRows, OnBytes
from streams.pipeline.feed.formats.fixed_numbers import fixed_column, text_column
from streams.pipeline.feed.open_packed import opened
from streams.pipeline.feed.stamp_blocks import stamp_ends, whole_stamp_arrays
from streams.pipeline.feed.table import Flags, Ints

MAGIC, VERSIONS = b"DBN", (b"\x01", b"\x02", b"\x03")
PREFIX_BYTES = 8
METADATA_BYTES_MAX = 64 << 20
BLOCK_ROWS = 20_000
F_LAST, F_MAYBE_BAD_BOOK = 1 << 7, 1 << 2
UNDEF_PRICE = 2**63 - 1
LENGTH_UNIT = 4
HEAD = [
    ("length", "u1"),
    ("rtype", "u1"),
    ("publisher_id", "<u2"),
    ("instrument_id", "<u4"),
    ("ts_event", "<u8"),
    ("price", "<i8"),
    ("size", "<u4"),
    ("action", "S1"),
    ("side", "S1"),
    ("flags", "u1"),
    ("depth", "u1"),
    ("ts_recv", "<u8"),
    ("ts_in_delta", "<i4"),
    ("sequence", "<u4"),
]
LEVEL = np.dtype([("px", "<i8", 2), ("sz", "<u4", 2), ("ct", "<u4", 2)])
"""A level of both sides, bid before ask."""


class _Schema(NamedTuple):
    """The kind of record of a schema, and the number of levels that it shows."""

    rtype: int
    levels: int


SCHEMAS = {"trades": _Schema(0, 0), "mbp-1": _Schema(1, 1), "mbp-10": _Schema(10, 10)}
NAMES = {"ts_ns": "ts_recv", "px": "price", "sz": "size", "bid_px": "levels", "ask_px": "levels"}


def _knows(content: FileContent) -> bool:
    return content.first.startswith(MAGIC) and content.first[len(MAGIC) :][:1] in VERSIONS


def _read(path: Path, symbol: str, on_bytes: OnBytes) -> Iterator[list[KindRows]]:
    with opened(path) as (stream, file):
        metadata = _metadata(path, stream)
        schema = SCHEMAS.get(str(metadata.schema))
        if schema is None:
            raise FeedError(f"{path}: the schema is {metadata.schema}; it must be one of {', '.join(SCHEMAS)}")
        records = _Records(path, schema, DbnSymbols(metadata))
        kind = np.dtype([*HEAD, ("levels", LEVEL, (schema.levels,)), *([("ts_out", "<u8")] if metadata.ts_out else [])])
        for block in whole_stamp_arrays(_blocks(path, stream, kind, schema, lambda: on_bytes(file.tell())), "ts_recv"):
            if len(block):
                yield records.rows(block)


def _metadata(path: Path, stream: pa.NativeFile) -> Any:
    """Returns the databento_dbn.Metadata at the beginning of a file."""
    try:
        from databento_dbn import DBNError, Metadata
    except ImportError as error:
        raise FeedError(
            f"{path}: Databento's files need the package databento-dbn: pip install 'paper-trading-streams[files]', or "
            "in a clone uv pip install --python .venv/bin/python -r requirements-files.lock"
        ) from error
    prefix = stream.read(PREFIX_BYTES)
    size = int.from_bytes(prefix[4:], "little")
    if size > METADATA_BYTES_MAX:
        raise FeedError(f"{path}: the metadata have {size:,} bytes; at most {METADATA_BYTES_MAX:,} are read")
    try:
        return Metadata.decode(prefix + stream.read(size))
    except (DBNError, ValueError) as error:
        raise FeedError(f"{path}: the metadata can't be read: {error}; fetch the file again") from error


def _blocks(
    path: Path, stream: pa.NativeFile, kind: np.dtype[Any], schema: _Schema, on_block: Callable[[], None]
) -> Iterator[NDArray[Any]]:
    first = 1
    while data := stream.read(BLOCK_ROWS * kind.itemsize):
        records = np.frombuffer(data[: len(data) // kind.itemsize * kind.itemsize], kind)
        wrong = np.flatnonzero((records["rtype"] != schema.rtype) | (records["length"] != kind.itemsize // LENGTH_UNIT))
        if len(wrong):
            found = records[wrong[0]]
            raise FeedError(
                f"{path}: record {first + wrong[0]}: its type is {found['rtype']} and its length is "
                f"{found['length']}, but those of the schema are {schema.rtype} and {kind.itemsize // LENGTH_UNIT}; "
                "split the file by schema"
            )
        if len(data) % kind.itemsize:
            raise FeedError(f"{path}: the file ends within record {first + len(records)}; fetch it again")
        numbered = np.empty(len(records), [("record", kind), ("ts_recv", "<u8"), ("place", "<i8")])
        numbered["record"], numbered["ts_recv"] = records, records["ts_recv"]
        numbered["place"] = np.arange(first, first + len(records))
        yield numbered
        on_block()
        first += len(records)


class _Records:
    """The records of a file."""

    def __init__(self, path: Path, schema: _Schema, symbols: DbnSymbols) -> None:
        self._path, self._schema, self._symbols = path, schema, symbols
        self._halted: dict[str, bool] = {}

    def rows(self, block: NDArray[Any]) -> list[KindRows]:
        """Returns halts, trades, and quotes or books of records, of which all of a stamp are here."""
        records, places = block["record"], block["place"].copy()
        times = records["ts_recv"].astype(np.int64)
        unknown = np.flatnonzero(times < 0)
        if len(unknown):
            raise FeedError(f"{self._path}: record {places[unknown[0]]}: ts_recv must be nanoseconds up to 2199")
        try:
            names, codes = self._symbols.of(records["instrument_id"], times)
        except UnknownInstrument as error:
            rule = f"{error}; ask for the file with its symbols mapped (stype_in, stype_out)"
            raise FeedError(f"{self._path}: record {places[error.row]}: {rule}") from error
        rows = _Rows(records, places, times, text_column(names, codes))
        bad = (records["flags"] & F_MAYBE_BAD_BOOK) != 0
        traded = np.flatnonzero(records["action"] == b"T")
        found = self._halts(rows, names, codes, bad)
        found += [self._trades(rows, traded)] if len(traded) else []
        if self._schema.levels:
            last = (records["flags"] & F_LAST) != 0
            shown = np.flatnonzero((last | stamp_ends(times, codes)) & ~bad)
            found += _quotes(rows, shown) if self._schema.levels == 1 else _books(rows, shown)
        return found

    def _halts(self, rows: "_Rows", names: tuple[str, ...], codes: Ints, bad: Flags) -> list[KindRows]:
        """Returns a halt where the book becomes unknown, and a resumption where it is known again."""
        if not bad.any() and not any(self._halted.values()):
            return []
        changed = np.zeros(len(bad), bool)
        for code, name in enumerate(names):
            own = np.flatnonzero(codes == code)
            changed[own] = np.diff(bad[own], prepend=self._halted.get(name, False))
            self._halted[name] = bool(bad[own[-1]])
        chosen = np.flatnonzero(changed)
        if not len(chosen):
            return []
        words = text_column(("resumed", "halted"), bad[chosen].astype(np.int64))
        return [rows.kind(chosen, TRADING_HEADER, [words])]

    def _trades(self, rows: "_Rows", chosen: Ints) -> KindRows:
        """Returns trades; the side is the aggressor's."""
        records = rows.records[chosen]
        side = np.select([records["side"] == b"B", records["side"] == b"A"], [0, 1], 2)
        price = fixed_column(records["price"], records["price"] == UNDEF_PRICE)
        size = fixed_column(records["size"].astype(np.int64) * PRICE_SCALE)
        return rows.kind(chosen, TRADE_HEADER, [price, size, text_column(("buy", "sell", ""), side)])


class _Rows(NamedTuple):
    """Records with what is known of each."""

    records: NDArray[Any]
    places: Ints
    times: Ints
    symbols: pa.Array

    def kind(self, chosen: Ints, header: list[str], columns: list[pa.Array]) -> KindRows:
        """Returns rows made of some records. columns: those behind the time and the symbol."""
        head = [pa.array(self.times[chosen]), self.symbols.take(pa.array(chosen))]
        return KindRows(pa.table([*head, *columns], header), self.places[chosen], NAMES)


def _quotes(rows: _Rows, chosen: Ints) -> list[KindRows]:
    if not len(chosen):
        return []
    level = rows.records["levels"][chosen, 0]
    columns = []
    for side in range(2):
        absent = level["px"][:, side] == UNDEF_PRICE
        columns.append(fixed_column(level["px"][:, side], absent))
        columns.append(fixed_column(level["sz"][:, side].astype(np.int64) * PRICE_SCALE, absent))
    return [rows.kind(chosen, QUOTE_HEADER, columns)]


def _books(rows: _Rows, chosen: Ints) -> list[KindRows]:
    """Returns the levels of books, and an empty quote for each book without levels."""
    levels = rows.records["levels"][chosen]
    px, sz = (levels[name].transpose(0, 2, 1).reshape(len(chosen), -1) for name in ("px", "sz"))
    known = (px != UNDEF_PRICE) & (sz > 0)
    book, cell = np.nonzero(known)
    empty = chosen[~known.any(1)]
    found = _quotes(rows, empty)
    if not len(book):
        return found
    side = cell // levels.shape[1]
    begins = np.flatnonzero(np.diff(book * 2 + side, prepend=-1))
    level = np.arange(len(book)) - np.repeat(begins, np.diff(np.append(begins, len(book)))) + 1
    sizes = sz[known].astype(np.int64) * PRICE_SCALE
    columns = [
        pa.array(book),
        text_column(("B", "A"), side),
        pa.array(level),
        fixed_column(px[known]),
        fixed_column(sizes),
    ]
    return [*found, rows.kind(chosen[book], UPDATE_HEADER, columns)]


DATABENTO = FileFormat("Databento (DBN: trades, mbp-1, mbp-10)", "record", _knows, _read)
