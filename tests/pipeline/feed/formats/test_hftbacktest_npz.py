"""Files of hftbacktest are the trades and the books that their events make for a strategy."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from schemas.records.numbers import to_price
from streams.errors import FeedError
from streams.pipeline.feed.formats import hftbacktest_npz
from streams.pipeline.feed.read_file import is_market_file, read_blocks, read_file
from streams.pipeline.feed.table import BOOK, TRADE
from tests.pipeline.feed.formats.reference_books import Book, ReferenceBook, books_of

EXCH, LOCAL, BUY, SELL = 1 << 31, 1 << 30, 1 << 29, 1 << 28
DEPTH, TRADED, CLEAR, SNAPSHOT, BBO, ADD = 1, 2, 3, 4, 5, 10
EVENT = np.dtype(
    [
        ("ev", "<u8"),
        ("exch_ts", "<i8"),
        ("local_ts", "<i8"),
        ("px", "<f8"),
        ("qty", "<f8"),
        ("order_id", "<u8"),
        ("ival", "<i8"),
        ("fval", "<f8"),
    ],
    align=True,
)
"""The type of an event; source: hftbacktest.types.event_dtype."""
T = 1_700_000_000_000_000_000
Event = tuple[int, int, float, float]


def events(*rows: Event) -> NDArray[Any]:
    """Returns events that both sides see. rows: kind and side, nanoseconds after T, price, size."""
    made = np.zeros(len(rows), EVENT)
    for row, (kind, time, px, qty) in zip(made, rows, strict=True):
        seen = kind if kind & (EXCH | LOCAL) else kind | EXCH | LOCAL
        row["ev"], row["exch_ts"], row["local_ts"], row["px"], row["qty"] = seen, T + time - 5, T + time, px, qty
    return made


def saved(folder: Path, data: NDArray[Any], name: str = "btcusdt_20240808.npz", packed: bool = True) -> Path:
    (np.savez_compressed if packed else np.savez)(folder / name, data=data)
    return folder / name


def test_trades_and_books_stand_in_the_order_of_the_file(tmp_path: Path) -> None:
    rows = [
        (SNAPSHOT | BUY, 1, 100.0, 1.5),
        (SNAPSHOT | SELL, 1, 100.1, 2.0),
        (TRADED | SELL, 2, 100.0, 0.25),
        (DEPTH | BUY, 2, 100.0, 1.25),
        (TRADED | BUY, 3, 100.1, 1.0),
        (TRADED, 3, 100.1, 1.0),
    ]
    table = read_file(saved(tmp_path, events(*rows)))
    assert table.symbols == ("btcusdt",)
    assert bytes(table.kind) == bytes([BOOK, TRADE, BOOK, TRADE, TRADE])
    assert "".join(chr(side) for side in table.ask_px[table.kind == TRADE]) == "SB-"
    assert [bids for _, _, bids, _ in books_of(table)] == [
        [(to_price(100), to_price("1.5"))],
        [(to_price(100), to_price("1.25"))],
    ]


def test_only_what_the_strategy_sees_counts(tmp_path: Path) -> None:
    rows = [(DEPTH | BUY | EXCH, 1, 99.0, 1.0), (DEPTH | BUY | LOCAL, 4, 98.0, 1.0), (BBO | BUY, 5, 97.0, 1.0)]
    found = books_of(read_file(saved(tmp_path, events(*rows))))
    assert [(time - T, bids) for _, time, bids, _ in found] == [(4, [(to_price(98), to_price(1))])]


def drawn(seed: int) -> NDArray[Any]:
    """Returns a market of changes, with a clearing of a part of a side, or of all, now and then."""
    draw, rows = np.random.default_rng(seed), list[Event]()
    for stamp in range(300):
        for _ in range(draw.integers(1, 6)):
            side, ticks = (BUY, SELL)[draw.integers(2)], int(draw.integers(1, 40))
            price = (1_000 - ticks if side == BUY else 1_000 + ticks) / 10
            rows.append((DEPTH | side, stamp, price, int(draw.integers(0, 5)) / 1_000))
            if draw.random() < 0.02:
                rows.append((CLEAR | side, stamp, price, 0.0))
            if draw.random() < 0.005:
                rows.append((CLEAR, stamp, 0.0, 0.0))
    return events(*rows)


def folded(data: NDArray[Any]) -> list[Book]:
    book, found = ReferenceBook(), dict[int, Book]()
    for event in data:
        kind, px = int(event["ev"]) & 0xFF, float(event["px"])
        bid, ask = bool(event["ev"] & BUY), bool(event["ev"] & SELL)
        if kind == CLEAR and not (bid or ask):
            book = ReferenceBook()
        elif kind == CLEAR and bid:
            book.bids = {price: size for price, size in book.bids.items() if float(price) < px}
        elif kind == CLEAR:
            book.asks = {price: size for price, size in book.asks.items() if float(price) > px}
        elif event["qty"] or repr(px) in map(str, book.bids if bid else book.asks):
            book.change("bid" if bid else "ask", repr(px), repr(float(event["qty"])))
        bids, asks = book.shown()
        found[int(event["local_ts"])] = ("X", int(event["local_ts"]), bids, asks)
    return [shown for shown in found.values() if shown[2] or shown[3]]


@pytest.mark.parametrize("seed", range(4))
def test_books_are_a_plain_fold(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hftbacktest_npz, "BLOCK_ROWS", 50)
    data = drawn(seed)
    path = saved(tmp_path, data, packed=bool(seed % 2))
    assert len(list(read_blocks(path, symbol="X"))) > 5
    assert books_of(read_file(path, "X")) == folded(data)


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ((ADD | BUY, 9, 1.0, 1.0), "row 2: ev is an event of a single order"),
        ((DEPTH, 9, 1.0, 1.0), "row 2: ev must have BUY_EVENT or SELL_EVENT"),
        ((DEPTH | BUY, 9, -1.0, 1.0), "row 2: px must be above 0"),
        ((DEPTH | BUY, 9, float("nan"), 1.0), "row 2: px must be above 0"),
        ((DEPTH | BUY, 9, 1.0, -1.0), "row 2: qty must not be negative"),
        ((DEPTH | BUY, 9, 1e300, 1.0), "px: "),
        ((DEPTH | BUY, 9, 0.1 + 0.2, 1.0), "at most 9 decimal places"),
        ((TRADED | BUY, 9, float("nan"), 1.0), "row 2: px must be above 0"),
        ((TRADED | BUY, -9, 1.0, 1.0), "row 2: local_ts: ts_ns steps back"),
        ((TRADED | BUY, 1 - T, 1.0, 1.0), "row 2: local_ts: ts_ns is 1; it must be UTC nanoseconds"),
    ],
)
def test_a_broken_rule_is_named(row: Event, complaint: str, tmp_path: Path) -> None:
    path = saved(tmp_path, events((DEPTH | BUY, 1, 1.0, 1.0), row))
    with pytest.raises(FeedError, match=r"btcusdt_20240808\.npz") as raised:
        read_file(path)
    assert complaint in str(raised.value)


def test_other_arrays_and_damaged_files_are_told_apart(tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", x=np.zeros(3))
    assert not is_market_file(tmp_path / "other.npz")
    for data in (np.zeros(3), np.zeros(3, EVENT[["ev", "px"]]), np.array([None])):
        path = saved(tmp_path, data, "wrong.npz")
        with pytest.raises(FeedError, match=r"wrong\.npz: data\.npy has the fields .* hftbacktest's events have ev,"):
            read_file(path)
    with zipfile.ZipFile(tmp_path / "text.npz", "w") as archive:
        archive.writestr("data.npy", "no array")
    with pytest.raises(FeedError, match=r"text\.npz: data\.npy is no array of numpy"):
        read_file(tmp_path / "text.npz")
    whole = saved(tmp_path, drawn(1)).read_bytes()
    path = tmp_path / "btcusdt_20240808.npz"
    for part in (whole[: len(whole) // 2], whole[:200] + b"\xff" * 50 + whole[250:]):
        path.write_bytes(part)
        with pytest.raises(FeedError, match="data are damaged or cut off"):
            read_file(path)


def test_an_array_that_promises_more_rows_than_it_has_is_cut_off(tmp_path: Path) -> None:
    data, buffer = drawn(2), io.BytesIO()
    np.save(buffer, data)
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("data.npy", buffer.getvalue()[:-10])
    with pytest.raises(FeedError, match=r"x\.npz: the npz data are damaged or cut off"):
        read_file(tmp_path / "x.npz")
