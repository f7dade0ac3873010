"""Recorded files are read exactly; errors name the file, the line and the remedy."""

from __future__ import annotations

import csv
import gzip
import re
from decimal import Decimal
from itertools import islice
from pathlib import Path

import pytest

from schemas.records.numbers import to_price
from streams.core.market.market_data import check_market_data
from streams.errors import FeedError
from streams.pipeline.feed.open_csv import BLOCK_BYTES
from streams.pipeline.feed.pack import pack
from streams.pipeline.feed.read_file import is_market_file, read_blocks, read_file
from streams.pipeline.feed.read_folder import read_folder
from streams.pipeline.feed.table import QUOTE, TRADE, MarketTable

QUOTES = "ts_ns,symbol,bid_px,bid_sz,ask_px,ask_sz\n"
TRADES = "ts_ns,symbol,px,sz,aggressor\n"
LEVELS = "ts_ns,symbol,side,level,px,sz\n"
UPDATES = "ts_ns,symbol,update,side,level,px,sz\n"
SPLITS = "ts_ns,symbol,split_to,split_of\n"
TRADING = "ts_ns,symbol,trading\n"
FUNDING = "ts_ns,symbol,rate,mark_px\n"
DIVIDENDS = "ts_ns,symbol,dividend\n"
SETTLEMENTS = "ts_ns,symbol,settlement_px\n"
ROWS = 3_000
START = 1_700_000_000_000_000_000
BOM = b"\xef\xbb\xbf"


def stamped(text: str) -> str:
    """Returns a file's text with times after START in place of those of one digit."""
    return re.sub(r"(?m)^(\d)(?=,)", lambda found: str(START + int(found[1])), text)


def written(folder: Path, text: str, name: str = "file.csv") -> Path:
    path, data = folder / name, stamped(text).encode()
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return path


@pytest.mark.parametrize("name", ["plain.csv", "packed.csv.gz"])
def test_quotes_become_exact_integers(tmp_path: Path, name: str) -> None:
    text = QUOTES + "5,X,1.000000001,2.5,999999999.999999999,0\n6,X,,,2,7\n6,Y,3,,4,\n"
    table = read_file(written(tmp_path, text, name))
    assert table.symbols == ("X", "Y")
    assert table.time.tolist() == [START + 5, START + 6, START + 6]
    assert table.bid_px.tolist() == [1_000_000_001, 0, 3_000_000_000]
    assert table.bid_sz.tolist() == [2_500_000_000, 0, -1], "no price: no such side; no size: unknown"
    assert table.ask_px.tolist() == [999_999_999_999_999_999, 2_000_000_000, 4_000_000_000]
    assert table.ask_sz.tolist() == [0, 7_000_000_000, -1]


def test_trades_keep_their_aggressor(tmp_path: Path) -> None:
    table = read_file(written(tmp_path, TRADES + "1,X,10,1,buy\n1,X,10,2,sell\n2,X,11,3,\n"))
    assert "".join(map(chr, table.ask_px)) == "BS-"
    assert set(table.kind.tolist()) == {TRADE}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (QUOTES + "1,X,1.0000000001,1,2,1\n", "at most 9 decimal places"),
        (QUOTES + "1,X,nan,1,2,1\n", "decimals"),
        (QUOTES + "1,X,1000000000,1,2,1\n", "line 2: bid_px must have at most 9 digits before"),
        (QUOTES + "1,X,1,1,99999999999999999999,1\n", "line 2: ask_px must have at most 9 digits before"),
        (QUOTES + "2,X,1,1,2,1\n1,X,1,1,2,1\n", "line 3: ts_ns steps back"),
        (QUOTES + "1,X,0,1,2,1\n", "line 2: bid_px must be above 0"),
        (QUOTES + "1,X,1,1,2,-1\n", "line 2: ask_sz must not be negative"),
        (QUOTES + "1,X,1,1,2,1\n,X,1,1,2,1\n", "line 3: ts_ns must be given"),
        (QUOTES + "1,X,1,1,2,1\n2,,1,1,2,1\n", "line 3: symbol is empty; name the instrument"),
        (QUOTES + "1,X,1,1,2,1\n2,X\t,1,1,2,1\n", "line 3: symbol 'X\\t' has the control character"),
        (QUOTES + "1,X,1,1,2,1\nnoon,X,1,1,2,1\n", "line 3: ts_ns: "),
        (QUOTES + "1,X,1,1,2,1\n2,X,1,1,2\n", "Row #3: Expected 6 columns, got 5"),
        (
            QUOTES + "9223372036854775807,X,1,1,2,1\n",
            "line 2: ts_ns is 9223372036854775807; it must be UTC nanoseconds",
        ),
        (QUOTES + "-9223372036854775808,X,1,1,2,1\n", "line 2: ts_ns is -9223372036854775808; it must be"),
        (QUOTES + "1,X,1,1,2,1\n9223372036854775808,X,1,1,2,1\n", "line 3: ts_ns: "),
        (QUOTES + "1700000000,X,1,1,2,1\n", "if these are seconds, multiply them by 1,000,000,000"),
        (QUOTES + "1700000000000,X,1,1,2,1\n", "if these are milliseconds, multiply them by 1,000,000"),
        (QUOTES + "1700000000000000,X,1,1,2,1\n", "if these are microseconds, multiply them by 1,000"),
        (QUOTES, "no data"),
        (TRADES + "1,X,1,1,buy\n1,X,1,1,both\n", "line 3: aggressor is 'both'"),
        (TRADES + "1,X,1,,buy\n", "sz must be given"),
        (TRADES + "1,X,-1,1,buy\n", "px must be above 0"),
        ("ts_ns,symbol,side,px,sz\n1,X,B,2,3\n", "the header is"),
        (LEVELS + "1,X,B,1,2,3\n1,X,B,2,2.5,3\n", "line 3: px must be worse"),
        (LEVELS + "1,X,A,1,2,3\n1,X,A,2,2,3\n", "line 3: px must be worse"),
        (
            LEVELS + "1,X,A,1,2,1\n1,X,A,2,3,1\n1,X,A,2,3,1\n",
            "line 4: px must be worse than on the level before; several",
        ),
        (UPDATES + "1,X,7,B,1,3,1\n1,X,7,B,1,3,1\n", "line 3: px must be worse than on the level before"),
        (UPDATES + "1,X,,B,1,3,1\n", "line 2: update must be given"),
        (LEVELS + "1,X,A,,2,1\n", "line 2: level must be given"),
        (LEVELS + "1,X,A,1,2,0\n", "line 2: sz must be above 0"),
        (LEVELS + "1,X,C,1,2,1\n", "side is 'C', but must be one of B, A"),
        (SPLITS + "1,X,0,1\n", "line 2: split_to and split_of must be whole numbers"),
        (FUNDING + "1,X,1.01,100\n", "line 2: rate must be a share of the value from -1 to 1"),
        (FUNDING + "1,X,,100\n", "line 2: rate must be a share of the value from -1 to 1"),
        (FUNDING + "1,X,-0.0001,0\n", "line 2: mark_px must be above 0"),
        (DIVIDENDS + "1,X,0.3\n2,X,-0.1\n", "line 3: dividend must be above 0"),
        (DIVIDENDS + "1,X,\n", "line 2: dividend must be above 0"),
        (TRADING + "1,X,paused\n", "trading is 'paused', but must be one of halted, resumed"),
    ],
)
def test_a_broken_rule_is_named(tmp_path: Path, text: str, complaint: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(FeedError, match=r"file\.csv") as raised:
        read_file(path)
    assert complaint in str(raised.value)


def test_a_byte_order_mark_changes_nothing(tmp_path: Path) -> None:
    plain = written(tmp_path, QUOTES + "1,X,1,1,2,1\n", "a.csv")
    plain.with_name("b.csv").write_bytes(BOM + plain.read_bytes())
    told: list[str] = []
    assert len(read_folder(tmp_path, told.append)) == 2
    assert told == ["a.csv: read", "b.csv: read"]


def test_gzip_is_known_by_its_content(tmp_path: Path) -> None:
    packed = written(tmp_path, QUOTES + "1,X,1,1,2,1\n", "a.csv.gz")
    packed.rename(tmp_path / "a.csv")
    (tmp_path / "b.csv.gz").write_text(stamped(QUOTES + "2,X,1,1,2,1\n"))
    assert read_folder(tmp_path, lambda _: None).time.tolist() == [START + 1, START + 2]


@pytest.mark.parametrize("kept", [5, 40, -4], ids=["in the header", "in the rows", "in the checksum"])
def test_a_cut_off_gzip_is_named(tmp_path: Path, kept: int) -> None:
    path = written(tmp_path, QUOTES + "1,X,1,1,2,1\n", "cut.csv.gz")
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(FeedError, match=r"cut\.csv\.gz: the gzip data are damaged or cut off; fetch"):
        read_folder(tmp_path, lambda _: None)


def test_a_damaged_gzip_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, QUOTES + "1,X,1,1,2,1\n", "bad.csv.gz")
    path.write_bytes(path.read_bytes()[:12] + b"\xff" * 60)
    with pytest.raises(FeedError, match=r"bad\.csv\.gz: the gzip data are damaged"):
        read_folder(tmp_path, lambda _: None)


def test_other_encodings_are_named(tmp_path: Path) -> None:
    (tmp_path / "wide.csv").write_bytes(QUOTES.encode("utf-16"))
    with pytest.raises(FeedError, match=r"wide\.csv: the file is UTF-16; save it as UTF-8"):
        read_folder(tmp_path, lambda _: None)
    (tmp_path / "wide.csv").write_bytes(b"ts_ns,\xff\n1,2\n")
    with pytest.raises(FeedError, match="the header is"):
        read_file(tmp_path / "wide.csv")


def test_a_folder_in_place_of_a_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FeedError, match="can't be read: Is a directory"):
        read_file(tmp_path)


def test_blocks_of_a_file_are_the_whole_file(tmp_path: Path) -> None:
    """Each stamp has two lines of a book, and some stamps lie across the end of a block of text."""
    lines = [f"{START + n // 2},X,B,{n % 2 + 1},{100 - n % 2},1" for n in range(2 * (BLOCK_BYTES // 20))]
    path = written(tmp_path, LEVELS + "\n".join(lines) + "\n")
    blocks = list(read_blocks(path))
    assert len(blocks) > 2
    assert sum(map(len, blocks)) == len(read_file(path)) == len(lines) // 2
    assert all((block.bid_sz == 2).all() for block in blocks)
    path.write_text(path.read_text() + f"{START},X,B,1,1,1\n")
    with pytest.raises(FeedError, match=f"line {len(lines) + 2}: ts_ns steps back"):
        read_file(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FeedError, match=r"none\.csv: there is no such file"):
        read_file(tmp_path / "none.csv")


@pytest.mark.parametrize(
    "name",
    ["AIG_US_20131009.quotes", "EURUSD_OANDA_201405.quotes", "ETHUSDT_BINANCE_SPOT_20240808.quotes"],
)
def test_real_quotes_equal_their_decimal_text(market_data_folder: Path, name: str) -> None:
    path = market_data_folder / f"{name}.csv.gz"
    table = read_file(path)
    with gzip.open(path, "rt") as stream:
        for number, row in enumerate(islice(csv.DictReader(stream), ROWS)):
            assert int(row["ts_ns"]) == table.time[number]
            assert to_price(Decimal(row["bid_px"])) == table.bid_px[number]
            assert (to_price(Decimal(row["ask_sz"])) if row["ask_sz"] else -1) == table.ask_sz[number]


def test_every_recorded_file_is_market_data(market_data_folder: Path) -> None:
    assert all(is_market_file(path) for path in market_data_folder.glob("*.csv.gz"))
    assert not is_market_file(market_data_folder / "README.md")


def test_levels_of_one_stamp_are_one_book(tmp_path: Path) -> None:
    text = LEVELS + "1,X,A,1,11,5\n1,X,B,2,9,2\n1,X,B,1,10,1\n1,X,A,2,12,6\n2,X,B,1,10,4\n2,Y,A,1,3,1\n"
    table = MarketTable.merged([read_file(written(tmp_path, SPLITS + "1,X,7,1\n", "s.csv")), books(tmp_path, text)])
    assert bytes(table.kind) == b"SBBB"
    (record, other) = pack(table, 0, len(table))
    assert (record.book_bids, record.book_asks) == ([2, 1], [2, 0])
    assert [price // 10**9 for price in record.book_px] == [10, 9, 11, 12, 10]
    assert [size // 10**9 for size in record.book_sz] == [1, 2, 5, 6, 4]
    assert (other.symbol, other.book_asks, other.book_px) == ("Y", [1], [3 * 10**9])
    assert (record.split_to, record.split_of) == ([7], [1])
    check_market_data(record)


def test_fundings_and_dividends_are_read(tmp_path: Path) -> None:
    funding = read_file(written(tmp_path, FUNDING + "1,X,-0.00012345,60123.4\n2,X,0.0001,60000\n", "f.csv"))
    dividends = read_file(written(tmp_path, DIVIDENDS + "1,X,0.24\n", "d.csv"))
    (record,) = pack(MarketTable.merged([funding, dividends]), 0, 3)
    assert record.kinds == "FDF"
    assert (record.funding_rate, record.funding_px) == ([-123_450, 100_000], [60_123_400_000_000, 60_000 * 10**9])
    assert record.dividend == [240_000_000]
    check_market_data(record)


def test_settlements_are_read(tmp_path: Path) -> None:
    table = read_file(written(tmp_path, SETTLEMENTS + "1,X,60123.4\n", "s.csv"))
    (record,) = pack(table, 0, 1)
    assert (record.kinds, record.settlement_px) == ("E", [60_123_400_000_000])
    check_market_data(record)


@pytest.mark.parametrize("price", ["", "0", "-1"])
def test_a_settlement_needs_a_price(tmp_path: Path, price: str) -> None:
    with pytest.raises(FeedError, match="line 2: settlement_px must be above 0"):
        read_file(written(tmp_path, f"{SETTLEMENTS}1,X,{price}\n", "s.csv"))


def books(folder: Path, text: str) -> MarketTable:
    return read_file(written(folder, text, "levels.csv"))


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("B1 A1 B2 A2", ["B2A2"]),
        ("B1 B2 A1 A2 B1 B2 A1 A2", ["B2A2", "B2A2"]),
        ("A1 B1 A2 B2 A1 B1 A2 B2 A1 B1", ["B2A2", "B2A2", "B1A1"]),
        ("B1 B2 B1 B2 A1 A1", ["B2A0", "B2A1", "B0A1"]),
        ("B2 B1 A2 A1", ["B2A2"]),
        ("A1 A2 A1", ["B0A2", "B0A1"]),
    ],
)
def test_a_second_best_level_of_a_side_begins_the_next_book(tmp_path: Path, lines: str, expected: list[str]) -> None:
    """Exchanges send several full books within one nanosecond."""
    rows = [
        f"1,X,{line[0]},{line[1]},{(10 - int(line[1])) if line[0] == 'B' else 10 + int(line[1])},1"
        for line in lines.split()
    ]
    table = books(tmp_path, LEVELS + "\n".join(rows) + "\n2,X,B,1,1,1\n")
    made = [f"B{bids}A{asks}" for bids, asks in zip(table.bid_sz, table.ask_px, strict=True)]
    assert made == [*expected, "B1A0"]
    assert len(set(table.time.tolist())) == 2
    for record in pack(table, 0, len(table)):
        check_market_data(record)


def test_an_update_number_tells_books_apart(tmp_path: Path) -> None:
    """The second book has asks only, which nothing but the number says."""
    table = books(tmp_path, UPDATES + "1,X,7,B,1,9,1\n1,X,7,B,2,8,1\n1,X,8,A,1,10,1\n1,X,9,B,1,9,1\n1,X,9,A,1,10,1\n")
    assert list(zip(table.bid_sz.tolist(), table.ask_px.tolist(), strict=True)) == [(2, 0), (0, 1), (1, 1)]


def test_halts_and_resumptions(tmp_path: Path) -> None:
    table = read_file(written(tmp_path, TRADING + "1,X,halted\n2,X,resumed\n"))
    assert [record.kinds for record in pack(table, 0, 2)] == ["HR"]


def test_real_levels_equal_their_decimal_text(market_data_folder: Path) -> None:
    path = market_data_folder / "BTCUSDT_BINANCE_USDM_20240808.l2.csv.gz"
    table = read_file(path)
    told = [row for record in pack(table, 0, 100) for row in zip(record.book_px, record.book_sz, strict=True)]
    with gzip.open(path, "rt") as stream:
        for number, row in enumerate(islice(csv.DictReader(stream), len(told))):
            assert (to_price(Decimal(row["px"])), to_price(Decimal(row["sz"]))) == told[number]
    assert len(table) * 20 == len(table.level_px)
    for start in range(0, len(table), 1000):
        for record in pack(table, start, min(start + 1000, len(table))):
            check_market_data(record)


def test_merging_is_by_time_and_stable(tmp_path: Path) -> None:
    first = read_file(written(tmp_path, QUOTES + "1,X,1,1,2,1\n3,X,3,1,4,1\n", "a.csv"))
    second = read_file(written(tmp_path, TRADES + "1,X,9,1,\n2,Y,8,1,\n", "b.csv"))
    merged = MarketTable.merged([first, second])
    assert merged.time.tolist() == [START + 1, START + 1, START + 2, START + 3]
    assert merged.kind.tolist() == [QUOTE, TRADE, TRADE, QUOTE]
    assert [merged.symbols[code] for code in merged.symbol] == ["X", "X", "Y", "X"]
