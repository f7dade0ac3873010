"""Seeded market files of each format, of any size, written piece by piece."""

import zipfile
from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv, parquet

from schemas.records.numbers import NANOS_PER_MS, NANOS_PER_S, PRICE_SCALE
from streams.pipeline.feed.check_columns import QUOTE_HEADER
from streams.pipeline.feed.formats.databento import F_LAST, HEAD, LENGTH_UNIT, LEVEL, SCHEMAS
from streams.pipeline.feed.formats.fixed_numbers import fixed_column
from streams.pipeline.feed.formats.hftbacktest_npz import BUY, DEPTH, LOCAL, MEMBER, SELL
from streams.pipeline.feed.table import Ints

SEED = 7
PIECE_ROWS = 250_000
START_NS = 1_700_006_400 * NANOS_PER_S
"""2023-11-15 00:00 UTC."""
TICK, LOT = PRICE_SCALE // 100, PRICE_SCALE // 1_000
SYMBOL = "BTCUSDT"
DBN_SCHEMA = "mbp-1"
FLOATS, WHOLES = ("px", "qty", "fval"), ("exch_ts", "local_ts", "ival")
KINDS = {"ev": "<u8", "order_id": "<u8", **dict.fromkeys(WHOLES, "<i8"), **dict.fromkeys(FLOATS, "<f8")}
EVENT = np.dtype([(name, KINDS[name]) for name in ("ev", *WHOLES[:2], *FLOATS[:2], "order_id", WHOLES[2], FLOATS[2])])
"""The type of hftbacktest's events."""


class QuotePiece(NamedTuple):
    """Quotes that follow each other; prices and sizes in 1e-9, times in UTC nanoseconds."""

    time: Ints
    bid_px: Ints
    bid_sz: Ints
    ask_px: Ints
    ask_sz: Ints


def quote_pieces(rows: int) -> Iterator[QuotePiece]:
    """Yields seeded quotes of one symbol, one in each millisecond."""
    for first in range(0, rows, PIECE_ROWS):
        count = min(PIECE_ROWS, rows - first)
        draw = np.random.Generator(np.random.PCG64([SEED, first]))
        bid = 6_000_000 + draw.integers(-500, 500, count)
        ask = bid + draw.integers(1, 20, count)
        sizes = draw.integers(1, 9_999, (2, count)) * LOT
        time = START_NS + np.arange(first, first + count) * NANOS_PER_MS
        yield QuotePiece(time, bid * TICK, sizes[0], ask * TICK, sizes[1])


def _own(piece: QuotePiece) -> pa.Table:
    numbers = [fixed_column(column) for column in piece[1:]]
    return pa.table([piece.time, pa.repeat(SYMBOL, len(piece.time)), *numbers], QUOTE_HEADER)


def _tardis_head(piece: QuotePiece) -> dict[str, Any]:
    micros, rows = piece.time // 1_000, len(piece.time)
    names = {"exchange": pa.repeat("binance-futures", rows), "symbol": pa.repeat(SYMBOL, rows)}
    return names | {"timestamp": micros, "local_timestamp": micros}


def _tardis_quotes(piece: QuotePiece) -> pa.Table:
    ours = {
        "ask_amount": piece.ask_sz,
        "ask_price": piece.ask_px,
        "bid_price": piece.bid_px,
        "bid_amount": piece.bid_sz,
    }
    return pa.table(_tardis_head(piece) | {name: fixed_column(column) for name, column in ours.items()})


def _tardis_changes(piece: QuotePiece) -> pa.Table:
    """Returns a changed level for each quote, by turns of the bids and of the asks; the first begins the book."""
    bids = np.arange(len(piece.time)) % 2 == 0
    price, size = np.where(bids, piece.bid_px, piece.ask_px), np.where(bids, piece.bid_sz, piece.ask_sz)
    begins = pa.array(piece.time == START_NS).cast(pa.string())
    side = pa.array(np.where(bids, "bid", "ask"))
    ours = {"is_snapshot": begins, "side": side, "price": fixed_column(price), "amount": fixed_column(size)}
    return pa.table(_tardis_head(piece) | ours)


def _binance_trades(piece: QuotePiece) -> pa.Table:
    value = piece.bid_px // TICK * (piece.bid_sz // LOT) * (PRICE_SCALE // 10**5)
    numbers = {"price": piece.bid_px, "qty": piece.bid_sz, "quote_qty": value}
    flags = {name: pa.array(piece.bid_sz % 2 == 0).cast(pa.string()) for name in ("is_buyer_maker", "is_best_match")}
    millis = piece.time // NANOS_PER_MS
    columns = {name: fixed_column(column) for name, column in numbers.items()}
    return pa.table({"id": millis} | columns | {"time": millis} | flags)


def _as_text(table: pa.Table) -> pa.Table:
    """Returns a table with its decimals as texts, which pyarrow writes as they are."""
    kinds = [(field.name, pa.string() if pa.types.is_decimal(field.type) else field.type) for field in table.schema]
    return table.cast(pa.schema(kinds))


def _write_text(file: Any, tables: Iterable[pa.Table], header: bool) -> None:
    options = csv.WriteOptions(quoting_style="none", include_header=header)
    writer = None
    for table in map(_as_text, tables):
        writer = writer or csv.CSVWriter(file, table.schema, write_options=options)
        writer.write_table(table)
    if writer:
        writer.close()


def _csv_file(make: Callable[[QuotePiece], pa.Table], packing: str | None) -> "Write":
    def write(path: Path, pieces: Iterator[QuotePiece]) -> None:
        with pa.output_stream(str(path), compression=packing) as file:
            _write_text(file, map(make, pieces), header=True)

    return write


def _zip_file(path: Path, pieces: Iterator[QuotePiece]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open(f"{path.stem}.csv", "w") as member:
        _write_text(member, map(_binance_trades, pieces), header=False)


def _column_file(open_writer: Callable[[str, pa.Schema], Any]) -> "Write":
    def write(path: Path, pieces: Iterator[QuotePiece]) -> None:
        writer = None
        for table in map(_own, pieces):
            writer = writer or open_writer(str(path), table.schema)
            writer.write_table(table)
        assert writer is not None, "there is a quote"
        writer.close()

    return write


def _npz_file(path: Path, pieces: Iterator[QuotePiece]) -> None:
    """Writes the changes of the best levels as events, an ask or a bid for each quote."""
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open(MEMBER, "w", force_zip64=True) as file,
    ):
        parts = [_events(piece) for piece in pieces]
        header = {"descr": EVENT.descr, "fortran_order": False, "shape": (sum(map(len, parts)),)}
        np.lib.format.write_array_header_1_0(file, header)
        for part in parts:
            file.write(part.tobytes())


def _events(piece: QuotePiece) -> NDArray[Any]:
    bids = np.arange(len(piece.time)) % 2 == 0
    events = np.zeros(len(piece.time), EVENT)
    events["ev"] = np.where(bids, BUY, SELL) | LOCAL | DEPTH
    events["exch_ts"] = events["local_ts"] = piece.time
    events["px"] = np.where(bids, piece.bid_px, piece.ask_px) / PRICE_SCALE
    events["qty"] = np.where(bids, piece.bid_sz, piece.ask_sz) / PRICE_SCALE
    return events


def _frames_file(path: Path, pieces: Iterator[QuotePiece]) -> None:
    with pa.output_stream(str(path), compression="gzip") as file:
        for piece in pieces:
            texts = [fixed_column(column).cast(pa.string()).to_pylist() for column in piece[1:]]
            for time, bid, bid_size, ask, ask_size in zip(piece.time.tolist(), *texts, strict=True):
                best = f'"s":"{SYMBOL}","b":"{bid}","B":"{bid_size}","a":"{ask}","A":"{ask_size}"'
                file.write(f'{time} {{"stream":"btcusdt@bookTicker","data":{{{best}}}}}\n'.encode())


def _dbn_file(path: Path, pieces: Iterator[QuotePiece]) -> None:
    from databento_dbn import Metadata, Schema, SType

    day = date(2023, 11, 15)
    interval = SimpleNamespace(start_date=day, end_date=day + timedelta(days=30), symbol="1")
    mappings = [SimpleNamespace(raw_symbol=SYMBOL, intervals=[interval])]
    symbol, number, schema = SType.from_str("raw_symbol"), SType.from_str("instrument_id"), Schema.from_str(DBN_SCHEMA)
    kind = np.dtype([*HEAD, ("levels", LEVEL, (1,))])
    with pa.output_stream(str(path), compression="zstd") as file:
        file.write(bytes(Metadata("BENCH", START_NS, symbol, number, schema, mappings=mappings)))
        for piece in pieces:
            records = np.zeros(len(piece.time), kind)
            records["length"], records["rtype"] = kind.itemsize // LENGTH_UNIT, SCHEMAS[DBN_SCHEMA].rtype
            records["instrument_id"], records["action"], records["side"] = 1, b"M", b"N"
            records["flags"], records["ts_event"], records["ts_recv"] = F_LAST, piece.time, piece.time
            records["levels"]["px"][:, 0] = np.stack([piece.bid_px, piece.ask_px], 1)
            records["levels"]["sz"][:, 0] = np.stack([piece.bid_sz, piece.ask_sz], 1) // LOT
            file.write(records.tobytes())


Write = Callable[[Path, Iterator[QuotePiece]], None]
MAKERS: dict[str, tuple[str, Write]] = {
    "csv": ("quotes.csv", _csv_file(_own, None)),
    "parquet": ("quotes.parquet", _column_file(lambda path, schema: parquet.ParquetWriter(path, schema))),
    "arrow": ("quotes.arrow", _column_file(pa.ipc.new_file)),
    "tardis-quotes": ("tardis.csv.gz", _csv_file(_tardis_quotes, "gzip")),
    "tardis-book": ("changes.csv.gz", _csv_file(_tardis_changes, "gzip")),
    "binance-trades": (f"{SYMBOL}-trades-2023-11-15.zip", _zip_file),
    "binance-frames": ("ticker.frames.gz", _frames_file),
    "hftbacktest": (f"{SYMBOL}.npz", _npz_file),
    "databento": ("mbp-1.dbn.zst", _dbn_file),
}
"""The name and the writer of each format's file."""
