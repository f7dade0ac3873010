"""A live market halts where nobody vouches for it, and nothing impossible passes."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.core.market.market_data import check_market_data
from streams.core.market.order_book import LEVELS_KEPT_NS
from streams.pipeline.live.live_batch import NUMBERS_MAX, ROWS_MAX, records_of
from streams.pipeline.live.live_market import LiveMarket
from streams.pipeline.live.live_rows import LiveRow
from streams.pipeline.live.live_times import LiveTimes
from streams.pipeline.live.source import LiveHalt, LiveResume
from streams.pipeline.live.update_queue import Overflow, Queued
from tests.builders import MS, PROPERTY, SECOND, START, px
from tests.pipeline.live.scripted_source import OTHER, SYMBOL, book, quote, trade


class Desk:
    """A market of SYMBOL and OTHER, and what it has said."""

    def __init__(self, begun: bool = True, books: Mapping[str, int] = MappingProxyType({})) -> None:
        self.said: list[str] = []
        self.times = LiveTimes({})
        self.market = LiveMarket((SYMBOL, OTHER), self.times, books, self.said.append)
        if begun:
            self.market.begin(START - SECOND)

    def kinds(self, *updates: Queued) -> str:
        return "".join(row.kind for row in self.market.take(updates))


def test_it_begins_halted_and_trades_behind_the_first_quote() -> None:
    desk = Desk(begun=False)
    assert [(row.symbol, row.kind) for row in desk.market.begin(START)] == [(SYMBOL, "H"), (OTHER, "H")]
    assert desk.kinds(trade(), quote(), quote()) == "TQRQ", "a print alone does not say where the market is"
    assert (desk.market.halted, desk.market.gaps) == ([OTHER], 0)


def test_a_source_that_cant_vouch_halts_the_symbol_until_fresh_data_come() -> None:
    desk = Desk()
    desk.kinds(quote())
    halt = LiveHalt(SYMBOL, START + MS, "sequence 7 is missing")
    assert desk.kinds(halt, halt, quote(), trade(), LiveResume(SYMBOL, START + 2 * MS), trade(), quote()) == "HTTQR"
    assert (desk.market.gaps, desk.market.withheld) == (1, 1)
    assert any("sequence 7 is missing" in text for text in desk.said)


def test_a_resumption_out_of_the_blue_is_a_gap() -> None:
    desk = Desk()
    assert desk.kinds(quote(), LiveResume(SYMBOL, START + MS), quote()) == "QRHQR"


def test_missed_updates_halt_all_symbols() -> None:
    desk = Desk()
    desk.kinds(quote(), quote(symbol=OTHER))
    rows = desk.market.take([Overflow(START + MS), quote()])
    assert [(row.symbol, row.kind) for row in rows] == [(SYMBOL, "H"), (OTHER, "H"), (SYMBOL, "Q"), (SYMBOL, "R")]
    assert (desk.market.gaps, desk.market.halted) == (2, [OTHER])


def test_a_symbol_with_a_book_waits_for_a_fresh_book_while_the_old_levels_count() -> None:
    desk = Desk()
    assert desk.kinds(book(), Overflow(START + MS), quote(at=START + 2 * MS), book(at=START + 3 * MS)) == "BRHQBR"
    late = START + 3 * MS + LEVELS_KEPT_NS + SECOND
    assert desk.kinds(Overflow(late), quote(at=late)) == "HQR"


def test_a_book_from_before_the_feed_counts_too() -> None:
    desk = Desk(books={SYMBOL: START - SECOND})
    assert desk.kinds(quote(), book()) == "QBR"


def test_another_symbol_is_refused() -> None:
    desk = Desk()
    assert desk.kinds(quote(symbol="EVE")) == ""
    assert (desk.market.refused, "EVE" in desk.said[0]) == (1, True)


def test_a_flood_of_refusals_is_not_a_flood_of_words() -> None:
    desk = Desk()
    desk.kinds(*(quote("51.00", symbol=symbol) for symbol in (SYMBOL, "EVE") for _ in range(150)))
    assert [text.rpartition("number ")[2] for text in desk.said] == [
        f"{count} of this kind" for count in (1, 10, 100)
    ] * 2
    assert desk.market.refused == 300


IMPOSSIBLE_QUOTES = (
    {"bid": Decimal("50.03")},
    {"bid": Decimal("NaN")},
    {"bid": Decimal("sNaN")},
    {"ask_size": Decimal("sNaN")},
    {"ask": Decimal("Infinity")},
    {"bid": Decimal(-1)},
    {"ask": Decimal(0)},
    {"ask_size": Decimal(-2)},
    {"bid_size": Decimal(0)},
    {"ask": Decimal("1e10")},
    {"ask": Decimal("50.0200000001")},
    {"ask": Decimal("1E+999999999")},
    {"bid": Decimal(0), "bid_size": Decimal(0), "ask": Decimal(0), "ask_size": Decimal(0)},
)


@pytest.mark.parametrize("changes", IMPOSSIBLE_QUOTES, ids=str)
def test_an_impossible_quote_halts_its_symbol(changes: dict[str, Any]) -> None:
    desk = Desk()
    assert desk.kinds(quote(), quote(symbol=OTHER), quote(**changes), quote(symbol=OTHER), quote()) == "QRQRHQQR"
    assert (desk.market.refused, desk.market.gaps) == (1, 1)
    assert SYMBOL in desk.said[-2]


@pytest.mark.parametrize(
    "broken",
    [
        book(("50.00", "50.01")),
        book(("50.00", "50.00")),
        book(("50.03",)),
        book((), ()),
        book()._replace(asks=((Decimal("50.02"), Decimal(0)),)),
        book([str(Decimal(50_000 - number) / 1_000) for number in range(5_001)]),
    ],
)
def test_an_impossible_book_halts_its_symbol(broken: Any) -> None:
    desk = Desk()
    assert desk.kinds(book(), broken, book()) == "BRHBR"


@pytest.mark.parametrize("changes", [{"price": Decimal(0)}, {"size": Decimal(0)}, {"aggressor": "X"}])
def test_an_impossible_trade_is_left_out(changes: dict[str, Any]) -> None:
    desk = Desk()
    assert (desk.kinds(quote(), trade(**changes), trade()), desk.market.refused) == ("QRT", 1)


def test_an_empty_side_and_a_locked_market_are_possible() -> None:
    desk = Desk()
    nothing = Decimal(0)
    assert desk.kinds(quote(bid_size=nothing, bid=nothing), quote("50", "50"), book(())) == "QRQB"


UPDATES = st.lists(
    st.one_of(
        st.builds(
            lambda at, bid, symbol: quote(str(bid), "50", at=at, symbol=symbol),
            st.none() | st.integers(START - SECOND, START + SECOND),
            st.integers(0, 60),
            st.sampled_from([SYMBOL, OTHER]),
        ),
        st.builds(lambda at: trade(at=at), st.none() | st.integers(START - SECOND, START + SECOND)),
        st.builds(lambda at: book(at=at), st.none() | st.integers(START - SECOND, START + SECOND)),
        st.sampled_from([LiveHalt(SYMBOL, START, "x"), LiveResume(SYMBOL, START), Overflow(START)]),
    ),
    max_size=60,
)


@PROPERTY
@given(UPDATES)
def test_its_records_are_taken_by_the_venue(updates: list[Queued]) -> None:
    desk = Desk()
    rows = desk.market.take(updates)
    for symbol in (SYMBOL, OTHER):
        own = [row for row in rows if row.symbol == symbol]
        assert all(first.time_ns < second.time_ns for first, second in pairwise(own))
        marks = ["H", *(row.kind for row in own if row.kind in "HR")]
        assert all(first != second for first, second in pairwise(marks)), "halts and resumptions take turns"
    for record in records_of(rows, "live:test"):
        assert check_market_data(record).source == "live:test"


def test_records_hold_the_numbers() -> None:
    desk = Desk()
    (record,) = records_of(desk.market.take([quote(), book(), trade()]), "live:test")
    assert (record.kinds, record.symbol, record.ts) == ("QRBT", SYMBOL, record.times[-1])
    assert (record.bid_px, record.ask_sz) == ([px("50.00")], [px(100)])
    assert (record.book_bids, record.book_asks) == ([2], [1])
    assert (record.book_px, record.book_sz) == ([px("50.00"), px("49.99"), px("50.02")], [px(7)] * 3)
    assert (record.trade_px, record.trade_sz, record.aggressors) == ([px("50.01")], [px(1)], "B")


def test_a_large_batch_becomes_several_records() -> None:
    rows = [LiveRow(SYMBOL, "T", START + number, (px(1), px(1), ord("B"))) for number in range(ROWS_MAX + 1)]
    assert [len(record.kinds) for record in records_of(rows, "")] == [ROWS_MAX, 1]
    deep = tuple(number for level in range(NUMBERS_MAX // 4 + 1) for number in (level + 1, 1))
    books = [LiveRow(SYMBOL, "B", START + number, deep) for number in range(3)]
    assert [record.kinds for record in records_of(books, "")] == ["B", "B", "B"]
