"""Binance's dumps are read with and without a header line, packed and unpacked, in milliseconds and microseconds."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from schemas.records.numbers import to_price
from streams.errors import FeedError
from streams.pipeline.feed.read_file import is_market_file, read_file

MILLIS = 1_723_161_255_308
MICROS = 1_735_689_600_010_866
SPOT = f"51,17.80180000,5.69000000,101.29224200,{MICROS},True,True\n52,17.9,0.00000001,0.1,{MICROS + 5},False,True\n"
FUTURES = f"7,61800.30,0.006,370.8,{MILLIS},true\n8,61800.20,0.199,12298.2,{MILLIS + 1},false\n"
FUTURES_HEADER = "id,price,qty,quote_qty,time,is_buyer_maker\n"
GROUPED = f"0,0.20000000,50.00000000,0,0,{MICROS},False,True\n"
FUTURES_GROUPED = f"0,0.2,50,0,3,{MILLIS},true\n"
GROUPED_HEADER = "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker\n"
TICKER = f"5123,61800.20,2.507,61800.30,2.510,{MILLIS},{MILLIS + 1}\n"
TICKER_HEADER = "update_id,best_bid_price,best_bid_qty,best_ask_price,best_ask_qty,transaction_time,event_time\n"


def zipped(folder: Path, text: str, name: str) -> Path:
    path = folder / name.replace(".csv", ".zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, text)
    return path


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        (
            "BNBUSDT-trades-2025-01-01.csv",
            SPOT,
            [(MICROS * 1_000, "17.8018", "5.69", "S"), (MICROS * 1_000 + 5_000, "17.9", "0.00000001", "B")],
        ),
        (
            "BTCUSDT-trades-2024-08-08.csv",
            FUTURES_HEADER + FUTURES,
            [(MILLIS * 10**6, "61800.3", "0.006", "S"), (MILLIS * 10**6 + 10**6, "61800.2", "0.199", "B")],
        ),
        ("BTCUSDT-aggTrades-2025-01-01.csv", GROUPED, [(MICROS * 1_000, "0.2", "50", "B")]),
        ("BTCUSDT-aggTrades-2022-01.csv", FUTURES_GROUPED, [(MILLIS * 10**6, "0.2", "50", "S")]),
        ("BTCUSDT-aggTrades-2024-01.csv", GROUPED_HEADER + FUTURES_GROUPED, [(MILLIS * 10**6, "0.2", "50", "S")]),
    ],
)
def test_trades(name: str, text: str, expected: list[tuple[int, str, str, str]], tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    for path in (tmp_path / name, zipped(tmp_path, text, name)):
        table = read_file(path)
        assert table.symbols == (name.partition("-")[0],)
        rows = zip(
            table.time.tolist(), table.bid_px.tolist(), table.bid_sz.tolist(), table.ask_px.tolist(), strict=True
        )
        assert [*rows] == [(time, to_price(px), to_price(sz), ord(side)) for time, px, sz, side in expected]


@pytest.mark.parametrize("header", ["", TICKER_HEADER])
def test_best_quotes(header: str, tmp_path: Path) -> None:
    table = read_file(zipped(tmp_path, header + TICKER, "BTCUSDT-bookTicker-2024-03-01.csv"))
    numbers = [int(column[0]) for column in (table.bid_px, table.bid_sz, table.ask_px, table.ask_sz)]
    assert numbers == [to_price(number) for number in ("61800.2", "2.507", "61800.3", "2.51")]
    assert table.time.tolist() == [MILLIS * 10**6]


def test_a_name_without_a_symbol_needs_one(tmp_path: Path) -> None:
    path = tmp_path / "trades.csv"
    path.write_text(SPOT)
    with pytest.raises(
        FeedError, match=r"trades\.csv: neither the rows nor the file's name say the symbol; .*--symbol"
    ):
        read_file(path)
    assert read_file(path, "BNBUSDT.BINANCE_SPOT").symbols == ("BNBUSDT.BINANCE_SPOT",)
    partition = tmp_path / "symbol=BNB.Y"
    partition.mkdir()
    assert read_file(path.rename(partition / "trades.csv")).symbols == ("BNB.Y",)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (FUTURES_HEADER + FUTURES.replace("61800.20", "0"), "line 3: price: px must be above 0"),
        (FUTURES.replace("61800.20", "x"), "line 2: price: "),
        (FUTURES.replace(f"{MILLIS + 1}", f"{MILLIS - 1}"), "line 2: ts_ns steps back"),
        (FUTURES.replace(f"{MILLIS + 1}", ""), "line 2: time must be milliseconds or microseconds"),
        (FUTURES.replace("false", "2"), "line 2: is_buyer_maker: "),
        (FUTURES_HEADER, "the file has no data"),
    ],
)
def test_a_broken_rule_is_named(text: str, complaint: str, tmp_path: Path) -> None:
    for path in (zipped(tmp_path, text, "X-trades.csv"), tmp_path / "X-trades.csv"):
        if path.suffix == ".csv":
            path.write_text(text)
        with pytest.raises(FeedError, match="X-trades") as raised:
            read_file(path)
        assert complaint in str(raised.value)


def test_a_damaged_zip_is_named(tmp_path: Path) -> None:
    path = zipped(tmp_path, SPOT * 500, "X-trades.csv")
    whole = path.read_bytes()
    for part in (whole[: len(whole) // 2], whole[:80] + b"\xff" * 40 + whole[120:]):
        path.write_bytes(part)
        with pytest.raises(FeedError, match=r"X-trades\.zip: the zip data are damaged or cut off; fetch"):
            read_file(path)


def test_a_zip_with_several_files_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path, SPOT, "X-trades.csv")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("Y-trades.csv", SPOT)
    with pytest.raises(FeedError, match="the zip file has 2 files; it must have one, so unpack it"):
        read_file(path)


@pytest.mark.parametrize(
    "text",
    ["timestamp,percentage,depth,notional\n2024-01-01 00:00:09,-5,1,2\n", "1,2,3,4,5,6,7\n", f"{MILLIS},1,2,3,4\n"],
)
def test_other_dumps_are_unknown(text: str, tmp_path: Path) -> None:
    assert not is_market_file(zipped(tmp_path, text, "BTCUSDT-bookDepth-2024-01-01.csv"))
