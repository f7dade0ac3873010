"""Files of Tardis are the market that a plain reading of their text gives."""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path

import numpy as np
import pytest

from schemas.records.numbers import to_price
from streams.errors import FeedError
from streams.pipeline.feed import open_csv
from streams.pipeline.feed.formats import book_fold
from streams.pipeline.feed.read_file import is_market_file, read_blocks, read_file
from tests.pipeline.feed.formats.reference_books import Book, ReferenceBook, books_of

MICROS = 1_700_000_000_000_000
HEAD = "exchange,symbol,timestamp,local_timestamp"
QUOTES = f"{HEAD},ask_amount,ask_price,bid_price,bid_amount\n"
TRADES = f"{HEAD},id,side,price,amount\n"
CHANGES = f"{HEAD},is_snapshot,side,price,amount\n"
VENUE = "binance-futures,BTCUSDT"
NAME = "BTCUSDT.BINANCE_FUTURES"


def written(folder: Path, text: str, name: str = "tardis.csv.gz") -> Path:
    path = folder / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


def test_quotes_have_the_time_of_their_arrival(tmp_path: Path) -> None:
    text = QUOTES + f"{VENUE},{MICROS},{MICROS + 7},1.5,100.25,100,2\n{VENUE},{MICROS},{MICROS + 8},,,99.000000001,3\n"
    table = read_file(written(tmp_path, text))
    assert table.symbols == (NAME,)
    assert table.time.tolist() == [(MICROS + 7) * 1_000, (MICROS + 8) * 1_000]
    assert table.bid_px.tolist() == [to_price("100"), to_price("99.000000001")]
    assert table.ask_px.tolist() == [to_price("100.25"), 0]
    assert table.ask_sz.tolist() == [to_price("1.5"), 0]


def test_trades_have_the_side_of_the_taker(tmp_path: Path) -> None:
    lines = [f"{VENUE},{MICROS},{MICROS},t{n},{side},100,{n + 1}" for n, side in enumerate(("buy", "sell", "unknown"))]
    table = read_file(written(tmp_path, TRADES + "\n".join(lines)))
    assert "".join(map(chr, table.ask_px)) == "BS-"
    assert table.bid_sz.tolist() == [to_price(size) for size in (1, 2, 3)]


def changes_text(seed: int, stamps: int) -> str:
    """Returns changes of two symbols, of which one begins without a snapshot and the other is sent anew once."""
    draw, lines, seen = np.random.default_rng(seed), [CHANGES.strip()], set[tuple[str, str, int]]()
    for stamp in range(stamps):
        for symbol in draw.permutation(["BTCUSDT", "ETHUSDT"])[: draw.integers(1, 3)]:
            is_snapshot = stamp in (3, 40) or (symbol == "BTCUSDT" and stamp == 0)
            if is_snapshot:
                seen = {level for level in seen if level[0] != symbol}
            for _ in range(draw.integers(1, 6) + 20 * is_snapshot):
                side, ticks = str(draw.choice(["bid", "ask"])), int(draw.integers(1, 60))
                price = 1_000 - ticks if side == "bid" else 1_000 + ticks
                size = 0 if (symbol, side, price) in seen and draw.random() < 0.4 else draw.integers(1, 90)
                (seen.discard if size == 0 else seen.add)((symbol, side, price))
                head = f"binance,{symbol},{MICROS + stamp},{MICROS + stamp * 10}"
                lines.append(f"{head},{str(is_snapshot).lower()},{side},{price / 10},{size / 100}")
    return "\n".join(lines) + "\n"


def folded(text: str) -> list[Book]:
    """Returns the books of a plain fold, one for each stamp and symbol, in the order of their last rows."""
    books, in_snapshot, found = dict[str, ReferenceBook](), dict[str, bool](), dict[tuple[str, str], Book]()
    for row in csv.DictReader(io.StringIO(text)):
        symbol, snapshot = row["symbol"], row["is_snapshot"] == "true"
        if snapshot and not in_snapshot.get(symbol):
            books[symbol] = ReferenceBook()
        in_snapshot[symbol] = snapshot
        if symbol not in books:
            continue
        levels = books[symbol].bids if row["side"] == "bid" else books[symbol].asks
        if float(row["amount"]) or any(float(price) == float(row["price"]) for price in levels):
            books[symbol].change(row["side"], row["price"], row["amount"])
        key = (row["local_timestamp"], symbol)
        found.pop(key, None)
        bids, asks = books[symbol].shown()
        found[key] = (f"{symbol}.BINANCE", int(row["local_timestamp"]) * 1_000, bids, asks)
    return list(found.values())


@pytest.mark.parametrize("seed", range(5))
def test_incremental_books_are_a_plain_fold(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_csv, "BLOCK_BYTES", 1_000)
    text = changes_text(seed, 120)
    path = written(tmp_path, text)
    assert len(list(read_blocks(path))) > 5
    assert books_of(read_file(path)) == folded(text)


def test_changes_before_the_first_snapshot_make_no_book(tmp_path: Path) -> None:
    rows = [
        f"{VENUE},{MICROS},{MICROS + n},{flag},bid,{100 + n},1" for n, flag in enumerate(("false", "true", "false"))
    ]
    found = books_of(read_file(written(tmp_path, CHANGES + "\n".join(rows))))
    assert [[price // 10**9 for price, _ in bids] for _, _, bids, _ in found] == [[101], [102, 101]]


def snapshot_header(levels: int) -> str:
    names = ("asks[{0}].price", "asks[{0}].amount", "bids[{0}].price", "bids[{0}].amount")
    return ",".join([HEAD, *(name.format(level) for level in range(levels) for name in names)]) + "\n"


def test_snapshots_leave_out_empty_levels(tmp_path: Path) -> None:
    rows = [
        f"{VENUE},{MICROS},{MICROS},101,1,100,2,102,3,99,4,,,98,5",
        f"{VENUE},{MICROS},{MICROS},101,1,,,,,,,,,,",
        f"{VENUE},{MICROS},{MICROS + 1},,,100,2,,,99,4,,,,",
    ]
    found = books_of(read_file(written(tmp_path, snapshot_header(3) + "\n".join(rows))))
    assert [(bids, asks) for _, _, bids, asks in found] == [
        (scaled((100, 2), (99, 4), (98, 5)), scaled((101, 1), (102, 3))),
        ([], scaled((101, 1))),
        (scaled((100, 2), (99, 4)), []),
    ]


def scaled(*levels: tuple[int, int]) -> list[tuple[int, int]]:
    return [(to_price(price), to_price(size)) for price, size in levels]


def test_a_folder_or_the_user_names_the_symbol(tmp_path: Path) -> None:
    path = written(tmp_path, TRADES + f"{VENUE},{MICROS},{MICROS},1,buy,100,1\n")
    assert read_file(path, "BTC.X").symbols == ("BTC.X",)
    path.write_bytes(
        gzip.compress((gzip.decompress(path.read_bytes()).decode() + f"o,E,1,{MICROS},2,buy,1,1\n").encode())
    )
    with pytest.raises(
        FeedError, match=r"the file has several symbols \(BTCUSDT.BINANCE_FUTURES, E.O\); omit --symbol"
    ):
        read_file(path, "BTC.X")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (QUOTES + f"{VENUE},1,{MICROS},1,100,0,1\n", "line 2: bid_price: bid_px must be above 0"),
        (QUOTES + f"{VENUE},1,{MICROS},-1,100,99,1\n", "line 2: ask_amount: ask_sz must not be negative"),
        (QUOTES + f"{VENUE},1,{MICROS},1,1e3x,99,1\n", "line 2: ask_price: "),
        (
            QUOTES + f"{VENUE},1,{MICROS},1,2,1,1\n{VENUE},1,{MICROS - 1},1,2,1,1\n",
            "line 3: local_timestamp: ts_ns steps",
        ),
        (QUOTES + f"{VENUE},1,,1,2,1,1\n", "line 2: local_timestamp must be microseconds"),
        (QUOTES + f"{VENUE},1,{MICROS * 1_000},1,2,1,1\n", "line 2: local_timestamp must be microseconds"),
        (
            QUOTES + f"{VENUE},1,{MICROS // 1_000},1,2,1,1\n",
            "line 2: local_timestamp: ts_ns is 1700000000000000; it must",
        ),
        (QUOTES, "no data after the header line"),
        (TRADES + f"{VENUE},1,{MICROS},1,up,1,1\n", "line 2: side: aggressor is 'up'"),
        (CHANGES + f"{VENUE},1,{MICROS},true,bid,1,1\n{VENUE},1,{MICROS},true,B,1,1\n", "line 3: side is 'B'"),
        (CHANGES + f"{VENUE},1,{MICROS},true,bid,0,1\n", "line 2: price must be above 0"),
        (CHANGES + f"{VENUE},1,{MICROS},true,bid,1,-1\n", "line 2: amount must not be negative"),
        (CHANGES + f"{VENUE},1,{MICROS},true,bid,,1\n", "line 2: price must be above 0"),
        (CHANGES + f"{VENUE},1,{MICROS},maybe,bid,1,1\n", "line 2: is_snapshot: "),
        (snapshot_header(2) + f"{VENUE},1,{MICROS},1,1,1,1,1,1,2,1\n", "line 2: "),
    ],
)
def test_a_broken_rule_is_named(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(FeedError, match=r"tardis\.csv") as raised:
        read_file(written(tmp_path, text))
    assert complaint in str(raised.value)


def test_a_book_whose_levels_are_never_removed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(book_fold, "LEVELS_MAX", 3)
    rows = [f"{VENUE},{MICROS},{MICROS},true,bid,{100 + n},1" for n in range(4)]
    with pytest.raises(FeedError, match=r"line 5: .* more than 3 levels of a side; levels are never removed"):
        read_file(written(tmp_path, CHANGES + "\n".join(rows)))


def test_other_files_of_tardis_are_unknown(tmp_path: Path) -> None:
    assert not is_market_file(written(tmp_path, f"{HEAD},mark_price\n"))
    assert not is_market_file(written(tmp_path, snapshot_header(2).replace("bids[1]", "bids[2]")))
