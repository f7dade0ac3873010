"""Recorded frames are the quotes, trades and books that were recorded of the same minutes, and gaps are halts."""

from __future__ import annotations

import gzip
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from schemas.records.numbers import to_price
from streams.errors import FeedError
from streams.pipeline.feed.formats import binance_book, frame_lines
from streams.pipeline.feed.read_file import is_market_file, read_blocks, read_file
from streams.pipeline.feed.table import BOOK, QUOTE, TRADE, MarketTable
from tests.pipeline.feed.formats.reference_books import books_of

T = 1_723_161_255_000_000_000
TIGHT_BOOKS = 500


def lines_of(*messages: dict[str, Any] | str) -> str:
    return "".join(
        f"{T + number} {message if isinstance(message, str) else json.dumps(message, separators=(',', ':'))}\n"
        for number, message in enumerate(messages)
    )


def written(folder: Path, text: str) -> Path:
    path = folder / "x.frames.gz"
    path.write_bytes(gzip.compress(text.encode()))
    return path


def frame(stream: str, **data: Any) -> dict[str, Any]:
    return {"stream": f"xusdt@{stream}", "data": {"s": "XUSDT", **data}}


def ticker(bid: str, ask: str) -> dict[str, Any]:
    return frame("bookTicker", u=1, b=bid, B="1", a=ask, A="2.5")


def update(first: int, last: int, before: int | None = None, **sides: list[list[str]]) -> dict[str, Any]:
    linked = {} if before is None else {"pu": before}
    return frame("depth@100ms", e="depthUpdate", U=first, u=last, b=sides.get("b", []), a=sides.get("a", []), **linked)


def snapshot(last: int, bid: str = "99", ask: str = "101") -> dict[str, Any]:
    return {"lastUpdateId": last, "bids": [[bid, "1"]], "asks": [[ask, "1"]]}


def chosen(table: MarketTable, kind: int) -> list[tuple[int, ...]]:
    rows = np.flatnonzero(table.kind == kind)
    columns = (table.time, table.bid_px, table.bid_sz, table.ask_px, table.ask_sz)
    return [*zip(*(column[rows].tolist() for column in columns), strict=True)]


@pytest.mark.parametrize("market", ["BTCUSDT_BINANCE_USDM", "ETHUSDT_BINANCE_SPOT"])
def test_quotes_and_trades_are_the_recorded_ones(market_data_folder: Path, market: str) -> None:
    symbol, venue = market.split("_", 1)
    raw = market_data_folder / "raw" / f"{venue}_{symbol}_20240808.frames.gz".lower()
    if not raw.exists():
        pytest.skip(f"recorded frames: {raw} is absent")
    table = read_file(raw)
    assert table.symbols == (symbol,)
    for kind, name in ((QUOTE, "quotes"), (TRADE, "trades")):
        expected = read_file(market_data_folder / f"{market}_20240808.{name}.csv.gz")
        assert chosen(table, kind) == chosen(expected, kind)
    assert set(table.kind.tolist()) == {QUOTE, TRADE, BOOK}, "the chain of updates has no gap"


def test_books_are_the_recorded_ones(market_data_folder: Path) -> None:
    """The recording has no book of the snapshot itself."""
    raw = market_data_folder / "raw" / "binance_usdm_btcusdt_20240808.frames.gz"
    if not raw.exists():
        pytest.skip(f"recorded frames: {raw} is absent")
    expected = books_of(read_file(market_data_folder / "BTCUSDT_BINANCE_USDM_20240808.l2.csv.gz"))
    _, *found = [book[1:] for book in books_of(read_file(raw))]
    assert found == [book[1:] for book in expected]


def test_spot_books_have_the_best_quotes_of_the_same_moment(market_data_folder: Path) -> None:
    """An update and a quote with the same number show the same best levels."""
    raw = market_data_folder / "raw" / "binance_spot_ethusdt_20240808.frames.gz"
    if not raw.exists():
        pytest.skip(f"recorded frames: {raw} is absent")
    quoted, updated = dict[int, tuple[int, ...]](), dict[int, int]()
    with gzip.open(raw, "rt") as lines:
        for line in lines:
            receipt, _, text = line.partition(" ")
            message = json.loads(text)
            data, stream = message.get("data", {}), message.get("stream", "")
            if stream.endswith("bookTicker"):
                quoted[data["u"]] = tuple(to_price(data[name]) for name in "bBaA")
            elif "@depth" in stream:
                updated[int(receipt)] = data["u"]
    compared = 0
    for _, time_ns, bids, asks in books_of(read_file(raw)):
        if (number := updated.get(time_ns)) in quoted:
            compared += 1
            assert (*bids[0], *asks[0]) == quoted[number]
    assert compared > TIGHT_BOOKS


def test_a_gap_halts_until_the_next_snapshot(tmp_path: Path) -> None:
    text = lines_of(
        update(5, 6, b=[["98", "1"]]),
        snapshot(5),
        update(7, 9, b=[["97", "2"]]),
        update(11, 12, b=[["96", "3"]]),
        ticker("98", "101"),
        update(13, 14, b=[["95", "3"]]),
        snapshot(13, bid="94"),
        update(15, 15, b=[["94", "0"]]),
    )
    table = read_file(written(tmp_path, text))
    assert bytes(table.kind).decode() == "BBHQRBB"
    prices = [[price // 10**9 for price, _ in bids] for _, _, bids, _ in books_of(table)]
    assert prices == [[99, 98], [99, 98, 97], [95, 94], [95]]
    assert [time_ns - T for time_ns in table.time.tolist()] == [1, 2, 3, 4, 6, 6, 7]


@pytest.mark.parametrize(
    ("messages", "kinds"),
    [
        ([update(1, 4, 0), snapshot(9), update(5, 8, 4), update(9, 12, 8), update(13, 14, 12)], "BBB"),
        ([update(1, 4, 0), snapshot(9), update(10, 12, 9)], "BB"),
        ([update(1, 4, 0), snapshot(9), update(11, 12, 10)], "BH"),
        ([update(1, 4, 0), snapshot(9), update(9, 12, 8), update(14, 15, 13)], "BBH"),
        ([update(1, 4, 0), snapshot(9), update(9, 12, 8), update(9, 12, 8), update(13, 15, 12)], "BBB"),
        ([update(1, 2), snapshot(9), update(5, 9), update(9, 12), update(13, 15)], "BBB"),
        ([update(1, 2), snapshot(9), update(11, 12)], "BH"),
        ([update(1, 2), update(3, 4)], ""),
    ],
    ids=["futures", "futures linked", "too late", "lost", "doubled", "spot", "spot too late", "no snapshot"],
)
def test_the_chain_of_updates(messages: list[dict[str, Any]], kinds: str, tmp_path: Path) -> None:
    table = read_file(written(tmp_path, lines_of(ticker("1", "2"), *messages)))
    assert bytes(table.kind).decode() == "Q" + kinds


def test_updates_that_wait_for_a_snapshot_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binance_book, "WAITING_MAX", 2)
    text = lines_of(*(update(n, n, b=[[str(n), "1"]]) for n in range(1, 6)), snapshot(3))
    assert [bids for _, _, bids, _ in books_of(read_file(written(tmp_path, text)))] == [
        [(to_price(price), to_price(1)) for price in (99, 5, 4)]
    ]


@pytest.mark.parametrize("before", [None, 5])
def test_a_snapshot_before_all_depth_counts_from_the_first_update_on(before: int | None, tmp_path: Path) -> None:
    first = update(6, 6, before, b=[["99.5", "1"]])
    table = read_file(written(tmp_path, lines_of(snapshot(4), snapshot(5), GOOD, first, update(7, 7, before and 6))))
    books = np.flatnonzero(table.kind == BOOK)
    assert table.level_px[table.bid_px[books]].tolist() == [to_price("99.5")] * 2


def test_trades_outside_the_market_and_other_streams_are_left_out(tmp_path: Path) -> None:
    text = lines_of(
        frame("trade", p="1", q="2", X="MARKET", m=True),
        frame("trade", p="0", q="2", X="NA", m=True),
        frame("aggTrade", p="1", q="2", m=True),
        frame("markPrice", p="1"),
        {"result": None, "id": 1},
        frame("trade", p="1", q="3", m=False),
    )
    table = read_file(written(tmp_path, text))
    assert chosen(table, TRADE) == [
        (T, to_price(1), to_price(2), ord("S"), 0),
        (T + 5, to_price(1), to_price(3), ord("B"), 0),
    ]


def test_lines_are_read_whole_in_small_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = lines_of(*(ticker(str(n + 1), str(n + 2)) for n in range(200)))
    whole = read_file(written(tmp_path, text[:-1]))
    monkeypatch.setattr(frame_lines, "BLOCK_BYTES", 700)
    blocks = list(read_blocks(written(tmp_path, text)))
    assert len(blocks) > 20
    assert chosen(MarketTable.merged(blocks), QUOTE) == chosen(whole, QUOTE)
    assert all(first.time[-1] < second.time[0] for first, second in pairwise(blocks))


GOOD = ticker("1", "2")
OTHERS_DEPTH = {"stream": "y@depth", "data": {"s": "Y", "U": 1, "u": 1, "b": [], "a": []}}


@pytest.mark.parametrize(
    ("messages", "complaint"),
    [
        ([GOOD, '{"stream":"x@bookTicker","data":{"s":"X","b":"1'], "line 2: "),
        ([GOOD, '{"stream":"x@bookTicker","data":{"s":"X","b":1,"B":"1","a":"2","A":"1"}}'], "line 2: "),
        ([GOOD, '{"stream":"x@bookTicker","data":{"s":"X","b":"1","B":"1","a":"2"}}'], "line 2: the frame has no A"),
        ([GOOD, '{"stream":"x@bookTicker"}'], "line 2: the frame has no s"),
        ([GOOD, ticker("-1", "2")], "line 2: bid_px must be above 0"),
        ([GOOD, ticker("one", "2")], "one"),
        ([GOOD, ticker("1e-10", "2")], "at most 9 decimal places"),
        ([GOOD, frame("trade", p="0", q="1", m=True)], "line 2: px must be above 0"),
        ([update(1, 1), OTHERS_DEPTH, snapshot(1)], "line 3: a snapshot names no symbol"),
        ([update(1, 1), update(2, 2, b=[["1"]])], "line 2: a level must be a price and a size"),
        ([update(1, 1), update(2, 2, b=[["0", "1"]])], "line 2: a level must have a price above 0"),
        ([update(1, 1), update(2, 2, b=[["1", "-1"]])], "line 2: a level must have a price above 0"),
        ([GOOD, "{}", "{}\nno time"], "line 4: a line must be the receipt time"),
        ([GOOD, f"{{}}\n{T - 1} " + json.dumps(GOOD, separators=(",", ":"))], "line 3: ts_ns steps back"),
    ],
)
def test_a_broken_rule_is_named(messages: list[Any], complaint: str, tmp_path: Path) -> None:
    with pytest.raises(FeedError, match=r"x\.frames\.gz") as raised:
        read_file(written(tmp_path, lines_of(*messages)))
    assert complaint in str(raised.value)


def test_text_that_is_no_text_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.frames"
    path.write_bytes(lines_of(GOOD).encode() + b"\xff\xfe\n")
    with pytest.raises(FeedError, match="lines 1 to 2: the text is not UTF-8"):
        read_file(path)
    monkeypatch.setattr(frame_lines, "LINE_BYTES_MAX", 100)
    monkeypatch.setattr(frame_lines, "BLOCK_BYTES", 60)
    path.write_text(lines_of(GOOD)[:-1] * 3)
    with pytest.raises(FeedError, match="a line is longer than 100 bytes"):
        read_file(path)
    path.write_text("123 {}\n")
    assert not is_market_file(path)
