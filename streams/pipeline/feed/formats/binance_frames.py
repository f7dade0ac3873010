"""Recorded frames of Binance's combined streams: bookTicker, trade, aggTrade, depth, and snapshots of the depth.

The time is the receipt time of a line. Depth is folded into books (binance_book.py): each update shows the book, and a
gap halts the symbol until the next snapshot. A snapshot names no symbol, so a recording with snapshots has the depth of
one. A snapshot before all depth counts from the first update on. Of trade and aggTrade the first in a file counts.
Other streams are left out, and trades outside the market (X other than MARKET).
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from pyarrow import compute

from streams.errors import FeedError
from streams.pipeline.feed.check_columns import FIXED, QUOTE_HEADER, TRADE_HEADER, TRADING_HEADER
from streams.pipeline.feed.formats.binance_book import BinanceBook, Changes, DepthUpdate
from streams.pipeline.feed.formats.book_fold import ASK, BID, ShownBooks
from streams.pipeline.feed.formats.file_content import FileContent
from streams.pipeline.feed.formats.file_format import FileFormat, KindRows, OnBytes
from streams.pipeline.feed.formats.fixed_numbers import fixed_numbers
from streams.pipeline.feed.formats.frame_lines import frame_lines, parse_frames
from streams.pipeline.feed.stamp_blocks import whole_stamps

BEGIN = re.compile(r"\d{19} \{(?:stream|lastUpdateId):")
"""The beginning of a file, without quotation marks."""
STREAM = r'^\{"stream":"[^"@]*@(?P<kind>[A-Za-z]+)(?:"|@)'
SNAPSHOT = '{"lastUpdateId"'
TEXT, WHOLE = pa.string(), pa.int64()
PAIRS = pa.list_(pa.list_(TEXT))


def _data(**fields: pa.DataType) -> pa.Schema:
    return pa.schema({"data": pa.struct(fields)})


TICKER_FIELDS = _data(s=TEXT, b=TEXT, B=TEXT, a=TEXT, A=TEXT)
TRADE_FIELDS = _data(s=TEXT, p=TEXT, q=TEXT, m=pa.bool_(), X=TEXT)
DEPTH_FIELDS = _data(s=TEXT, U=WHOLE, u=WHOLE, pu=WHOLE, b=PAIRS, a=PAIRS)
SNAPSHOT_FIELDS = pa.schema({"lastUpdateId": WHOLE, "bids": PAIRS, "asks": PAIRS})
TRADE_KINDS = ("trade", "aggTrade")


def _knows(content: FileContent) -> bool:
    return BEGIN.match(content.line) is not None


def _read(path: Path, symbol: str, on_bytes: OnBytes) -> Iterator[list[KindRows]]:
    frames = _Frames(path)
    for rows in whole_stamps(frame_lines(path, on_bytes)):
        if len(rows):
            yield frames.rows(rows.combine_chunks())


class _Message(NamedTuple):
    """A depth update or a snapshot. symbol: empty for a snapshot, whose number stands in last."""

    place: int
    time_ns: int
    symbol: str
    first: int
    last: int
    before: int | None
    changes: Changes


class _Frames:
    """The frames of a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._books: dict[str, BinanceBook] = {}
        self._trade_kind = ""
        self._early: _Message | None = None
        """The last snapshot before all depth."""

    def rows(self, rows: pa.Table) -> list[KindRows]:
        """Returns quotes, trades, halts and books of some lines."""
        kinds = compute.struct_field(compute.extract_regex(rows["frame"].combine_chunks(), STREAM), "kind")
        words = kinds.dictionary_encode().dictionary.to_pylist()
        found: list[KindRows] = []
        if "bookTicker" in words:
            found.append(self._quotes(rows.filter(compute.equal(kinds, "bookTicker"))))
        self._trade_kind = self._trade_kind or next((word for word in words if word in TRADE_KINDS), "")
        if self._trade_kind in words:
            found += self._trades(rows.filter(compute.equal(kinds, self._trade_kind)))
        depth = rows.filter(compute.equal(kinds, "depth"))
        snapshots = rows.filter(compute.starts_with(rows["frame"], SNAPSHOT))
        messages = [*self._updates(depth), *self._snapshots(snapshots)]
        return found + self._shown(sorted(messages, key=lambda message: message.place))

    def _quotes(self, rows: pa.Table) -> KindRows:
        data = parse_frames(self._path, rows, TICKER_FIELDS)["data"].combine_chunks()
        symbols = self._given(rows, data, "s")
        columns = [rows["ts_ns"], symbols, *(self._decimals(rows, self._given(rows, data, name)) for name in "bBaA")]
        return KindRows(pa.table(columns, QUOTE_HEADER), rows["place"].to_numpy())

    def _trades(self, rows: pa.Table) -> list[KindRows]:
        data = parse_frames(self._path, rows, TRADE_FIELDS)["data"].combine_chunks()
        in_market = compute.fill_null(compute.equal(data.field("X"), "MARKET"), True)
        rows, data = rows.filter(in_market), data.filter(in_market)
        if not len(rows):
            return []
        price, size = (self._decimals(rows, self._given(rows, data, name)) for name in "pq")
        aggressor = compute.if_else(self._given(rows, data, "m"), "sell", "buy")
        columns = [rows["ts_ns"], self._given(rows, data, "s"), price, size, aggressor]
        return [KindRows(pa.table(columns, TRADE_HEADER), rows["place"].to_numpy())]

    def _updates(self, rows: pa.Table) -> Iterator[_Message]:
        if not len(rows):
            return
        data = parse_frames(self._path, rows, DEPTH_FIELDS)["data"].combine_chunks()
        columns = [rows["place"], rows["ts_ns"], *(self._given(rows, data, name) for name in ("s", "U", "u"))]
        changes = self._changes(rows, *(self._given(rows, data, name) for name in "ba"))
        heads = zip(*(column.to_pylist() for column in (*columns, compute.struct_field(data, "pu"))), strict=True)
        for (place, time_ns, symbol, first, last, before), changed in zip(heads, changes, strict=True):
            yield _Message(place, time_ns, symbol, first, last, before, changed)

    def _snapshots(self, rows: pa.Table) -> Iterator[_Message]:
        if not len(rows):
            return
        parsed = parse_frames(self._path, rows, SNAPSHOT_FIELDS).combine_chunks().to_struct_array().combine_chunks()
        last, bids, asks = (self._given(rows, parsed, name) for name in ("lastUpdateId", "bids", "asks"))
        heads = zip(*(column.to_pylist() for column in (rows["place"], rows["ts_ns"], last)), strict=True)
        for (place, time_ns, number), changed in zip(heads, self._changes(rows, bids, asks), strict=True):
            yield _Message(place, time_ns, "", 0, number, None, changed)

    def _shown(self, messages: list[_Message]) -> list[KindRows]:
        """Applies messages in their order; returns the halts and resumptions, and the books."""
        shown, halts = ShownBooks(), list[tuple[int, str, str, int]]()
        for message in messages:
            if not message.symbol and not self._books:
                self._early = message
                continue
            symbol = message.symbol or self._only_symbol(message.place)
            state = self._books.setdefault(symbol, BinanceBook())
            was_halted = state.halted
            early, self._early = self._early, None
            try:
                if message.symbol:
                    known = early is not None and state.take_snapshot(early.last, early.changes)
                    changed = state.take_update(DepthUpdate(*message[3:])) or known
                else:
                    changed = state.take_snapshot(message.last, message.changes)
            except FeedError as error:
                raise FeedError(f"{self._path}: line {message.place}: {symbol}: {error}") from error
            if state.halted != was_halted:
                word = "halted" if state.halted else "resumed"
                halts.append((message.time_ns, symbol, word, message.place))
            if changed and state.book is not None:
                shown.add(message.time_ns, symbol, message.place, state.book)
        return [*_trading(halts), *shown.rows()]

    def _only_symbol(self, place: int) -> str:
        if len(self._books) != 1:
            raise FeedError(
                f"{self._path}: line {place}: a snapshot names no symbol, and the file has the depth of "
                f"{len(self._books)} before it; record each symbol in a file of its own"
            )
        return next(iter(self._books))

    def _given(self, rows: pa.Table, data: pa.StructArray, name: str) -> pa.Array:
        """Returns a field that every frame must have."""
        column = compute.struct_field(data, name)
        absent = np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))
        if len(absent):
            raise FeedError(f"{self._path}: line {rows['place'][int(absent[0])]}: the frame has no {name}")
        return column

    def _decimals(self, rows: pa.Table, texts: pa.Array) -> pa.Array:
        try:
            return texts.cast(FIXED)
        except pa.ArrowInvalid as error:
            places = f"lines {rows['place'][0]} to {rows['place'][-1]}"
            raise FeedError(f"{self._path}: {places}: {error}; numbers have at most 9 decimal places") from error

    def _changes(self, rows: pa.Table, bids: pa.ListArray, asks: pa.ListArray) -> list[Changes]:
        """Returns the changed levels of each line, from lists of pairs of price and size."""
        sides = [self._levels(rows, side, pairs) for side, pairs in ((BID, bids), (ASK, asks))]
        return [(*bid, *ask) for bid, ask in zip(*sides, strict=True)]

    def _levels(self, rows: pa.Table, side: int, lists: pa.ListArray) -> list[Changes]:
        pairs = lists.flatten()
        counts = compute.list_value_length(lists).to_numpy()
        lines = np.repeat(rows["place"].to_numpy(), counts)
        values = pairs.flatten()
        whole = compute.fill_null(compute.equal(compute.list_value_length(pairs), 2), False)
        wrong = np.flatnonzero(~whole.to_numpy(zero_copy_only=False))
        if len(wrong):
            raise FeedError(f"{self._path}: line {lines[wrong[0]]}: a level must be a price and a size")
        numbers, fits = fixed_numbers(self._decimals(rows, values)) if len(values) else (np.zeros(0, np.int64),) * 2
        price, size = numbers.reshape(-1, 2).T
        wrong = np.flatnonzero(~(fits.reshape(-1, 2).all(1) & (price > 0) & (size >= 0)))
        if len(wrong):
            rule = "a level must have a price above 0 and a size that is not negative, of at most 9 digits"
            raise FeedError(f"{self._path}: line {lines[wrong[0]]}: {rule}")
        levels = list(zip([side] * len(price), price.tolist(), size.tolist(), strict=True))
        ends = np.cumsum(counts).tolist()
        return [tuple(levels[start:end]) for start, end in zip([0, *ends[:-1]], ends, strict=True)]


def _trading(halts: list[tuple[int, str, str, int]]) -> list[KindRows]:
    if not halts:
        return []
    *columns, places = zip(*halts, strict=True)
    types: list[Any] = [WHOLE, TEXT, TEXT]
    arrays = [pa.array(column, kind) for column, kind in zip(columns, types, strict=True)]
    return [KindRows(pa.table(arrays, TRADING_HEADER), np.array(places, np.int64))]


BINANCE_FRAMES = FileFormat("recorded frames of Binance", "line", _knows, _read)
