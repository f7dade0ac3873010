"""Bulk encoding gives the same bytes as packing and the codec."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from schemas.avro.codec import HEADER, Codec
from schemas.memory_registry import MemoryRegistry
from streams.pipeline.feed.encode import encode
from streams.pipeline.feed.pack import heartbeat, pack
from streams.pipeline.feed.table import (
    BOOK,
    DIVIDEND,
    FUNDING,
    HALT,
    QUOTE,
    RESUME,
    SETTLEMENT,
    SPLIT,
    TRADE,
    MarketTable,
)
from tests.builders import PROPERTY

CODEC = Codec(MemoryRegistry())
WIRE = CODEC.encode("market.data", heartbeat(0))[: HEADER.size]
KINDS = (QUOTE, TRADE, BOOK, HALT, RESUME, SPLIT, FUNDING, DIVIDEND, SETTLEMENT)


def any_table(seed: int, rows: int, kinds: list[int]) -> MarketTable:
    """Draws updates of all kinds for three symbols, one of them not ASCII, with numbers of all sizes."""
    draw = np.random.default_rng(seed)
    kind = draw.choice(np.array(kinds, np.uint8), rows)
    widths = draw.integers(1, 63, (6, rows))
    numbers = draw.integers(-1, 1 << 62, (6, rows)) >> (62 - widths)
    bid_px, bid_sz, ask_px, ask_sz, *_ = numbers
    bids, asks = draw.integers(0, 4, (2, rows))
    book, trade = kind == BOOK, kind == TRADE
    counts = np.where(book, bids + asks, 0)
    levels = int(counts.sum())
    return MarketTable(
        symbols=("A", "BÉ.SIM", "C"),
        symbol=draw.integers(0, 3, rows).astype(np.int32),
        kind=kind,
        time=np.sort(draw.integers(0, 1 << 61, rows)),
        bid_px=np.where(book, np.cumsum(counts) - counts, bid_px),
        bid_sz=np.where(book, bids, bid_sz),
        ask_px=np.where(book, asks, np.where(trade, draw.choice(np.frombuffer(b"BS-", np.uint8), rows), ask_px)),
        ask_sz=ask_sz,
        level_px=draw.integers(1, 1 << 40, levels),
        level_sz=draw.integers(1, 1 << 50, levels),
        source=("", "file:sha256:é", "synthetic:1:60")[seed % 3],
    )


@PROPERTY
@given(
    seed=st.integers(0, 2**32),
    rows=st.integers(1, 300),
    kinds=st.lists(st.sampled_from(KINDS), min_size=1, max_size=8),
    step=st.integers(1, 200),
    start=st.integers(0, 299),
)
def test_values_are_the_codecs_of_packed_records(seed: int, rows: int, kinds: list[int], step: int, start: int) -> None:
    table = any_table(seed, rows, kinds)
    start = min(start, rows - 1)
    expected = [
        (record.symbol, CODEC.encode("market.data", record))
        for first in range(start, rows, step)
        for record in pack(table, first, min(first + step, rows))
    ]
    assert list(encode(table, start, rows, step, WIRE)) == expected


@PROPERTY
@given(
    seed=st.integers(0, 2**32),
    rows=st.integers(1, 100),
    share=st.floats(0, 1),
    start=st.integers(0, 99),
)
def test_records_end_where_they_are_asked_to_in_the_order_of_their_ends(
    seed: int, rows: int, share: float, start: int
) -> None:
    table, start = any_table(seed, rows, [QUOTE, TRADE, BOOK]), min(start, rows - 1)
    ends = np.random.default_rng(seed).random(rows) < share
    open_ones, expected = dict[int, list[int]](), list[list[int]]()
    for row in range(start, rows):
        code = int(table.symbol[row])
        open_ones.setdefault(code, []).append(row)
        if ends[row]:
            expected.append(open_ones.pop(code))
    expected = sorted([*expected, *open_ones.values()], key=lambda group: group[-1])
    found = [
        (symbol, CODEC.decode("market.data", value)) for symbol, value in encode(table, start, rows, 1, WIRE, ends)
    ]
    assert [symbol for symbol, _ in found] == [table.symbols[table.symbol[group[0]]] for group in expected]
    assert [list(record.times) for _, record in found] == [table.time[group].tolist() for group in expected]
    assert [record.kinds for _, record in found] == [table.kind[group].tobytes().decode() for group in expected]


def test_nothing_gives_no_records() -> None:
    assert list(encode(any_table(1, 5, [QUOTE]), 3, 3, 10, WIRE)) == []
