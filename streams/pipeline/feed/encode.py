"""Fast encoding of a market table into values of market.data: the same bytes as pack() and the codec give.

Encodes columns at once instead of record by record. The fields are in the order of schemas/avsc/market.data.avsc.
Source: the Apache Avro 1.12 specification, "Binary Encoding".
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from schemas.avro.arrays import MORE, encode_longs
from schemas.records.messages import Ints
from streams.pipeline.feed.pack import Rows, levels_of
from streams.pipeline.feed.table import (
    BOOK,
    DIVIDEND,
    FUNDING,
    QUOTE,
    SETTLEMENT,
    SPLIT,
    TRADE,
    Bytes,
    Flags,
    MarketTable,
)


class _Numbers(NamedTuple):
    """The encoded numbers of a column, for all records.

    starts: index of the first byte of each number, and the end. firsts: index of the first number of each record, and
    the end.
    """

    data: bytes
    starts: Ints
    firsts: Ints

    @classmethod
    def of(cls, numbers: Ints, owners: Ints, records: int) -> "_Numbers":
        """Encodes numbers. owners: index of each number's record. records: their count."""
        data, ends = encode_longs(numbers)
        return cls(data.tobytes(), np.concatenate([[0], ends]), np.searchsorted(owners, np.arange(records + 1)))

    def arrays(self) -> Iterator[bytes]:
        """Yields the encoded array of each record."""
        bounds = self.starts[self.firsts].tolist()
        counts = np.diff(self.firsts).tolist()
        for count, start, stop in zip(counts, bounds[:-1], bounds[1:], strict=True):
            yield _long(count) + self.data[start:stop] + b"\x00" if count else b"\x00"


def encode(
    table: MarketTable, start: int, stop: int, step: int, header: bytes, ends: Flags | None = None
) -> Iterator[tuple[str, bytes]]:
    """Yields symbol and value of each record that pack() gives for the rows from start to stop, step rows at a time.

    header: the bytes before the body in the wire format. ends: shape (len(table),); whether a record of the symbol ends
    with the row, instead of after step rows.
    """
    if start == stop:
        return
    rows, owners = _records(table, start, stop, step) if ends is None else _ended_records(table, start, stop, ends)
    begins = np.flatnonzero(np.diff(owners, prepend=-1))
    records = len(begins)
    owners = np.repeat(np.arange(records), np.diff(np.append(begins, len(rows))))
    kinds = table.kind[rows]
    letters = kinds.tobytes().decode()
    lasts = np.append(begins[1:], len(rows)) - 1
    trades = kinds == TRADE
    aggressors = table.ask_px[rows[trades]].astype(np.uint8).tobytes().decode()
    columns, behind, payments = _columns(table, rows, kinds, owners, records)
    heads = zip(table.symbol[rows[begins]].tolist(), begins.tolist(), lasts.tolist(), strict=True)
    times = table.time[rows[lasts]].tolist()
    source = _text(table.source)
    cuts = np.searchsorted(owners[trades], np.arange(records + 1)).tolist()
    before_aggressors = zip(*(column.arrays() for column in columns), strict=True)
    behind_aggressors = zip(*(column.arrays() for column in behind), strict=True)
    behind_source = zip(*(column.arrays() for column in payments), strict=True)
    for number, (code, first, last) in enumerate(heads):
        symbol = table.symbols[code]
        texts = _text(symbol) + _long(times[number]) + _text(letters[first : last + 1])
        sides = _text(aggressors[cuts[number] : cuts[number + 1]])
        value = b"".join(
            (header, texts, *next(before_aggressors), sides, *next(behind_aggressors), source, *next(behind_source))
        )
        yield symbol, value


def _records(table: MarketTable, start: int, stop: int, step: int) -> tuple[Rows, Ints]:
    """Returns the rows in the order of their records, and for each row the ascending number of its record."""
    numbers = np.arange(stop - start) // step * len(table.symbols) + table.symbol[start:stop]
    order = np.argsort(numbers, kind="stable")
    return start + order, numbers[order]


def _ended_records(table: MarketTable, start: int, stop: int, ends: Flags) -> tuple[Rows, Ints]:
    """Does the same as _records, for records that end with given rows. Records come in the order of their last rows."""
    codes, numbers = table.symbol[start:stop], np.empty(stop - start, np.int64)
    for code in np.unique(codes):
        rows = np.flatnonzero(codes == code)
        lasts = np.flatnonzero(ends[start + rows[:-1]])
        numbers[rows] = np.append(rows[lasts], rows[-1])[np.searchsorted(lasts, np.arange(len(rows)))]
    order = np.argsort(numbers, kind="stable")
    return start + order, numbers[order]


def _columns(
    table: MarketTable, rows: Rows, kinds: Bytes, owners: Ints, records: int
) -> tuple[list[_Numbers], list[_Numbers], list[_Numbers]]:
    """Returns the columns before the field aggressors, those after it, and those after the field source."""

    def of(numbers: Ints, its_owners: Ints) -> _Numbers:
        return _Numbers.of(numbers, its_owners, records)

    quotes, trades, books, splits = (np.flatnonzero(kinds == kind) for kind in (QUOTE, TRADE, BOOK, SPLIT))
    before = [of(table.time[rows], owners)]
    for name in ("bid_px", "bid_sz", "ask_px", "ask_sz"):
        before.append(of(getattr(table, name)[rows[quotes]], owners[quotes]))
    for name in ("bid_px", "bid_sz"):
        before.append(of(getattr(table, name)[rows[trades]], owners[trades]))
    counts = table.bid_sz[rows[books]] + table.ask_px[rows[books]]
    levels = levels_of(table, rows[books])
    level_owners = np.repeat(owners[books], counts)
    behind = [of(column[rows[books]], owners[books]) for column in (table.bid_sz, table.ask_px)]
    behind += [of(column[levels], level_owners) for column in (table.level_px, table.level_sz)]
    behind += [of(column[rows[splits]], owners[splits]) for column in (table.bid_px, table.bid_sz)]
    fundings, dividends, settlements = (np.flatnonzero(kinds == kind) for kind in (FUNDING, DIVIDEND, SETTLEMENT))
    payments = [of(column[rows[fundings]], owners[fundings]) for column in (table.bid_px, table.bid_sz)]
    payments += [of(table.bid_px[rows[taken]], owners[taken]) for taken in (dividends, settlements)]
    return before, behind, payments


def _long(number: int) -> bytes:
    rest, encoded = (number << 1) ^ (number >> 63), bytearray()
    while rest >= MORE:
        encoded.append(rest & (MORE - 1) | MORE)
        rest >>= 7
    encoded.append(rest)
    return bytes(encoded)


def _text(text: str) -> bytes:
    data = text.encode()
    return _long(len(data)) + data
