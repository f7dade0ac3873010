"""Databento's files are read as its own decoder reads them, record by record."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from backports import zstd
from databento_dbn import (
    F_LAST,
    F_MAYBE_BAD_BOOK,
    UNDEF_PRICE,
    UNDEF_TIMESTAMP,
    Action,
    BidAskPair,
    DBNDecoder,
    MBP1Msg,
    MBP10Msg,
    Metadata,
    Schema,
    Side,
    SType,
    TradeMsg,
)

from streams.errors import FeedError
from streams.pipeline.feed.formats import databento
from streams.pipeline.feed.pack import pack
from streams.pipeline.feed.read_file import read_blocks, read_file
from streams.pipeline.feed.table import QUOTE, TRADE, MarketTable
from tests.pipeline.feed.formats.reference_books import books_of

DAY = 86_400 * 10**9
T = 1_700_006_400 * 10**9
"""2023-11-15 00:00 UTC."""
TICK = 250_000_000
UNIT = 10**9
MESSAGES = {"trades": TradeMsg, "mbp-1": MBP1Msg, "mbp-10": MBP10Msg}
LEVELS = {"trades": 0, "mbp-1": 1, "mbp-10": 10}
AGGRESSOR = {"B": "B", "A": "S", "N": "-"}


def mapping(name: str, symbol: str, start: date, end: date) -> SimpleNamespace:
    interval = SimpleNamespace(start_date=start, end_date=end, symbol=symbol)
    return SimpleNamespace(raw_symbol=name, intervals=[interval])


def metadata(schema: str, **changes: Any) -> bytes:
    """Returns metadata in which instrument 2 changes its symbol at the second day."""
    first, second, end = date(2023, 11, 15), date(2023, 11, 16), date(2023, 11, 17)
    mappings = [
        mapping("ESZ3", "1", first, end),
        mapping("NQZ3", "2", first, second),
        mapping("NQH4", "2", second, end),
    ]
    fields: dict[str, Any] = {
        "dataset": "GLBX.MDP3",
        "start": T,
        "stype_in": SType.RAW_SYMBOL,
        "stype_out": SType.INSTRUMENT_ID,
        "schema": Schema.from_str(schema),
        "symbols": ["ESZ3"],
        "mappings": mappings,
    }
    return bytes(Metadata(**fields | changes))


def record(schema: str, time_ns: int, **changes: Any) -> Any:
    levels = changes.pop("levels", [(100 * UNIT, 101 * UNIT, 1, 2)])
    pairs = [BidAskPair(bid_px=bid, ask_px=ask, bid_sz=b, ask_sz=a) for bid, ask, b, a in levels]
    pairs += [BidAskPair()] * (LEVELS[schema] - len(pairs))
    shown: dict[str, dict[str, Any]] = {
        "trades": {},
        "mbp-1": {"levels": pairs[0] if pairs else None},
        "mbp-10": {"levels": pairs},
    }
    fields = {
        "publisher_id": 1,
        "instrument_id": 1,
        "ts_event": time_ns - 500,
        "price": 100 * UNIT,
        "size": 3,
        "action": Action.ADD,
        "side": Side.BID,
        "depth": 0,
        "ts_recv": time_ns,
        "flags": F_LAST,
    } | changes
    return MESSAGES[schema](**fields, **shown[schema])


def drawn(schema: str, seed: int, count: int = 400) -> list[Any]:
    """Returns records of two instruments over two days, with empty levels and events of several records."""
    draw, found, time_ns = np.random.default_rng(seed), list[Any](), T
    for number in range(count):
        time_ns += int(draw.integers(0, 3)) * 1_000 + DAY * (number == count // 2)
        shown = []
        for level in range(LEVELS[schema]):
            bid, ask = 400 - level - draw.integers(0, 1), 402 + level
            px = [int(price) * TICK if draw.random() < 0.9 else UNDEF_PRICE for price in (bid, ask)]
            shown.append((*px, *(0 if one == UNDEF_PRICE else int(draw.integers(1, 9)) for one in px)))
        trade = schema == "trades" or draw.random() < 0.3
        found.append(
            record(
                schema,
                time_ns,
                instrument_id=int(draw.integers(1, 3)),
                price=int(draw.integers(1, 900)) * TICK,
                size=int(draw.integers(1, 99)),
                action=Action.TRADE if trade else [Action.ADD, Action.CANCEL, Action.MODIFY][draw.integers(3)],
                side=[Side.BID, Side.ASK, Side.NONE][draw.integers(3)],
                flags=F_LAST if draw.random() < 0.6 else 0,
                levels=shown,
            )
        )
    return found


def written(folder: Path, head: bytes, records: list[Any], name: str = "x.dbn.zst") -> Path:
    data = head + b"".join(map(bytes, records))
    path = folder / name
    path.write_bytes(zstd.compress(data) if name.endswith(".zst") else data)
    return path


def decoded(path: Path) -> list[Any]:
    """Returns the records of a file as Databento's decoder gives them."""
    decoder, data = DBNDecoder(), path.read_bytes()
    decoder.write(zstd.decompress(data) if path.suffix == ".zst" else data)
    return decoder.decode()[1:]


def symbol_of(message: Any) -> str:
    if message.instrument_id == 1:
        return "ESZ3"
    return "NQZ3" if message.ts_recv < T + DAY else "NQH4"


def completes(messages: list[Any], number: int) -> bool:
    """Returns whether a record ends an event, or is the last of its instrument at its time."""
    one = messages[number]
    later = (
        other
        for other in messages[number + 1 :]
        if (other.ts_recv, other.instrument_id) == (one.ts_recv, one.instrument_id)
    )
    return bool(int(one.flags) & F_LAST) or next(later, None) is None


def rows_of(table: MarketTable, kind: int) -> list[tuple[Any, ...]]:
    columns = (table.time, table.bid_px, table.bid_sz, table.ask_px, table.ask_sz)
    return [
        (table.symbols[table.symbol[row]], *(int(column[row]) for column in columns))
        for row in np.flatnonzero(table.kind == kind)
    ]


@pytest.mark.parametrize("name", ["x.dbn", "x.dbn.zst"])
@pytest.mark.parametrize("schema", MESSAGES)
def test_each_record_is_what_the_decoder_gives(
    schema: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(databento, "BLOCK_ROWS", 64)
    path = written(tmp_path, metadata(schema), drawn(schema, 7), name)
    assert len(list(read_blocks(path))) > 4
    table, messages = read_file(path), decoded(path)
    trades = [
        (symbol_of(one), one.ts_recv, one.price, one.size * UNIT, ord(AGGRESSOR[str(one.side)]), 0)
        for one in messages
        if str(one.action) == "T"
    ]
    assert rows_of(table, TRADE) == trades
    shown = [one for number, one in enumerate(messages) if LEVELS[schema] and completes(messages, number)]
    if schema == "mbp-1":
        assert rows_of(table, QUOTE) == [(symbol_of(one), one.ts_recv, *best(one)) for one in shown]
    if schema == "mbp-10":
        assert books_of(table) == [(symbol_of(one), one.ts_recv, *sides(one)) for one in shown]


def best(message: Any) -> tuple[int, ...]:
    (level,) = message.levels
    pairs = ((level.bid_px, level.bid_sz), (level.ask_px, level.ask_sz))
    return tuple(number for px, sz in pairs for number in ((0, 0) if px == UNDEF_PRICE else (px, sz * UNIT)))


def sides(message: Any) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    bids = [(level.bid_px, level.bid_sz * UNIT) for level in message.levels if level.bid_px != UNDEF_PRICE]
    asks = [(level.ask_px, level.ask_sz * UNIT) for level in message.levels if level.ask_px != UNDEF_PRICE]
    return bids, asks


@pytest.mark.parametrize("schema", ["mbp-1", "mbp-10"])
def test_a_cleared_book_is_a_quote_without_sides(schema: str, tmp_path: Path) -> None:
    cleared = record(schema, T + 1, action=Action.CLEAR, side=Side.NONE, price=UNDEF_PRICE, levels=[])
    table = read_file(written(tmp_path, metadata(schema), [record(schema, T), cleared]))
    assert rows_of(table, QUOTE)[-1] == ("ESZ3", T + 1, 0, 0, 0, 0)


def test_a_trade_comes_before_the_quote_that_it_leaves(tmp_path: Path) -> None:
    records = [record("mbp-1", T, action=Action.TRADE, flags=0), record("mbp-1", T, action=Action.CANCEL)]
    assert bytes(read_file(written(tmp_path, metadata("mbp-1"), records)).kind) == b"TQ"


def test_a_gap_of_the_channel_halts(tmp_path: Path) -> None:
    flags = [F_LAST, F_LAST | F_MAYBE_BAD_BOOK, F_LAST | F_MAYBE_BAD_BOOK, F_LAST, F_LAST]
    records = [record("mbp-1", T + number, flags=flag) for number, flag in enumerate(flags)]
    records.insert(2, record("mbp-1", T + 1, instrument_id=2))
    table = read_file(written(tmp_path, metadata("mbp-1"), records))
    assert bytes(table.kind) == b"QHQRQQ"
    assert [made.kinds for made in pack(table, 0, len(table))] == ["QHRQQ", "Q"]


def test_numbers_may_be_mapped_to_symbols_the_other_way(tmp_path: Path) -> None:
    by_number = {
        "stype_in": SType.INSTRUMENT_ID,
        "stype_out": SType.RAW_SYMBOL,
        "mappings": [mapping("1", "ESZ3", date(2023, 11, 15), date(2023, 11, 16))],
    }
    table = read_file(written(tmp_path, metadata("trades", **by_number), [record("trades", T, action=Action.TRADE)]))
    assert table.symbols == ("ESZ3",)


def test_records_with_the_time_of_sending(tmp_path: Path) -> None:
    records = [record("mbp-1", T + number, ts_out=T + 99) for number in range(3)]
    assert len(read_file(written(tmp_path, metadata("mbp-1", ts_out=True), records))) == 3


TRADED = {"action": Action.TRADE}


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: [record("trades", T, **TRADED), record("mbp-1", T)], "record 2: its type is 1"),
        (
            lambda: [record("trades", T, **TRADED, instrument_id=9)],
            "record 1: instrument 9 has no symbol on 2023-11-15",
        ),
        (lambda: [record("trades", T + 2 * DAY, **TRADED)], "record 1: instrument 1 has no symbol on 2023-11-17"),
        (lambda: [record("trades", T + 1, **TRADED), record("trades", T, **TRADED)], "ts_recv: ts_ns steps back"),
        (lambda: [record("trades", UNDEF_TIMESTAMP, **TRADED)], "record 1: ts_recv must be"),
        (lambda: [record("trades", T, **TRADED, price=UNDEF_PRICE)], "record 1: price: px must be above 0"),
        (lambda: [record("trades", T, **TRADED, price=-1)], "record 1: price: px must be above 0"),
        (lambda: [record("trades", T, **TRADED, size=4_000_000_000)], "record 1: size: sz must have at most 9 digits"),
        (list, "the file has no data"),
    ],
)
def test_a_broken_rule_is_named(make: Callable[[], list[Any]], complaint: str, tmp_path: Path) -> None:
    with pytest.raises(FeedError, match=r"x\.dbn\.zst") as raised:
        read_file(written(tmp_path, metadata("trades"), make()))
    assert complaint in str(raised.value)


def test_other_schemas_and_damaged_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(FeedError, match="the schema is ohlcv-1s; it must be one of trades, mbp-1, mbp-10"):
        read_file(written(tmp_path, metadata("ohlcv-1s"), []))
    path = written(tmp_path, metadata("mbp-1"), drawn("mbp-1", 1), "x.dbn")
    whole = path.read_bytes()
    head = len(metadata("mbp-1"))
    for part, complaint in (
        (whole[:-3], "the file ends within record 400; fetch it again"),
        (whole[: head - 9], "the metadata can't be read"),
        (whole[:4] + b"\xff" * 4 + whole[8:], "the metadata have 4,294,967,295 bytes"),
        (whole[:12] + b"\xff" * 90 + whole[102:], "x.dbn: "),
    ):
        path.write_bytes(part)
        with pytest.raises(FeedError, match=complaint):
            read_file(path)
    path.write_bytes(zstd.compress(whole)[:-30])
    with pytest.raises(FeedError, match="the zstd data are damaged or cut off"):
        read_file(path)


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, metadata("trades"), drawn("trades", 1))
    monkeypatch.setitem(sys.modules, "databento_dbn", None)
    with pytest.raises(
        FeedError, match=r"need the package databento-dbn: pip install 'paper-trading-streams\[files\]'"
    ):
        read_file(path)
