"""Splits: positions, working orders and averages follow the record. Without it a price jump is a price jump."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from schemas.records.enums import OrderType, Side
from schemas.records.messages import AccountEquity, Mark, OrderRequest
from streams.pipeline.feed.pack import pack
from streams.pipeline.feed.read_file import read_file
from streams.pipeline.feed.table import MarketTable
from tests.builders import (
    SECOND,
    START,
    config,
    instrument,
    money,
    new,
    opening,
    px,
    quote,
    replace,
    split,
    top_of_book,
    trade,
)
from tests.core.desk import Desk, last, of, ready, trail

BUY, SELL = Side.BUY, Side.SELL


def split_desk() -> Desk:
    """Buys 100 at 10.02, works a bid of 30 at 7.03 and a stop at 8.05, then splits 7 for 1."""
    desk = ready()
    desk.send(new("held", BUY, "100"), new("bid", BUY, "30", "7.03"))
    desk.send(new("stop", SELL, "100", order_type=OrderType.STOP, stop_price=px("8.05")), split(7, 1))
    return desk


def test_positions_and_averages_adjust_and_nothing_is_won_or_lost() -> None:
    desk = split_desk()
    position = desk.account().ledger.positions["ABC"]
    assert (position.quantity, position.cost, position.gross_realised) == (px("700"), money("1002"), 0)
    desk.send(quote("1.43", "1.44", at=START + 61 * SECOND))
    equities = of(AccountEquity, desk.outputs)
    assert equities[-1].position_value == 700 * px("1.435") * px("1")
    assert desk.account().ledger.cash == money("1000000") - money("1002")


@pytest.mark.parametrize(("more", "leaves"), [((), "210"), ((replace("more", "bid", quantity="40"),), "280")])
def test_an_order_that_a_split_meets_on_its_way_is_restated_on_both_sides(
    more: tuple[OrderRequest, ...], leaves: str
) -> None:
    """Its first report already has the quantity of after the split."""
    desk = ready(config(simulators=(top_of_book(latency_ms=500),)))
    desk.send(new("bid", BUY, "30", "7.03"), *more, split(7, 1, at=START + SECOND // 10))
    desk.send(quote("1.43", "1.44", at=START + SECOND))
    bid = desk.account().ledger.working["bid"]
    assert (bid.leaves, bid.price) == (px(leaves), px("1"))
    desk.send(quote("0.98", "0.99", at=START + 2 * SECOND, ask_sz="100"))
    assert last(desk, "bid").leaves_qty == desk.account().ledger.working_leaves("ABC", BUY) == px(leaves) - px("100")


def test_orders_are_restated_and_wait_for_the_market_of_after_the_split() -> None:
    desk = split_desk()
    assert trail(desk.results, "bid") == ["NEW/NEW", "RESTATED/NEW"]
    assert (last(desk, "bid").order_qty, last(desk, "bid").price) == (px("210"), px("1"))
    assert (last(desk, "stop").order_qty, last(desk, "stop").stop_price) == (px("700"), px("1.15"))
    assert desk.account().ledger.working["bid"].leaves == px("210")
    desk.send(quote("1.43", "1.44"))
    assert trail(desk.results, "stop") == ["NEW/NEW", "RESTATED/NEW"], "no stop is hit by the split itself"
    desk.send(quote("1.14", "1.16", bid_sz="700"))
    assert last(desk, "stop").ord_status == "FILLED"
    assert desk.account().ledger.position_quantity("ABC") == 0


def test_after_a_reverse_split_an_iceberg_still_shows_a_lot() -> None:
    desk = ready()
    desk.send(new("o", BUY, "100", "10.00", display_quantity=px("5")), split(1, 10), quote("100.00", "100.20"))
    desk.send(trade("100.00", "50", aggressor="S"), trade("100.00", "50", aggressor="S"))
    assert [fill.quantity for fill in desk.fills] == [px("1"), px("1")]


def test_what_is_on_its_way_is_restated_too() -> None:
    desk = ready(config(simulators=(top_of_book(10),)))
    desk.send(new("o", BUY, "30", "7.00"), split(7, 1), quote("1.43", "1.44", at=START + SECOND))
    assert (last(desk).order_qty, last(desk).price) == (px("210"), px("1"))


def test_a_reverse_split_leaves_whole_lots_and_exact_money() -> None:
    desk = ready()
    desk.send(new("held", BUY, "100"), new("bid", BUY, "30", "9.00"), new("small", BUY, "5", "9.00"), split(1, 7))
    position = desk.account().ledger.positions["ABC"]
    assert (position.quantity, position.cost) == (14_285_714_286, money("1002"))
    assert (last(desk, "bid").order_qty, last(desk, "bid").price) == (px("4"), px("63"))
    assert (last(desk, "small").ord_status, last(desk, "small").reason_code) == ("CANCELED", "SPLIT")


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_value_is_the_same_in_whichever_order_the_notices_come(order: tuple[int, ...]) -> None:
    """The split reaches positions on one topic and prices on another; between them nothing may jump."""
    desk = ready()
    desk.send(new("held", BUY, "100"))
    desk.hold = True
    desk.send(split(7, 1))
    waiting = [*desk.to_accounts]
    desk.to_accounts.clear()
    notice = next(item for item in waiting if not isinstance(item, Mark))
    marks = [item for item in waiting if isinstance(item, Mark)]
    mark = Mark("ABC", marks[0].kind.QUOTE, px("1.43"), None, px("1.43"), None, START + 1)
    steps = [notice, marks[0], mark]
    shuffled = [steps[number] for number in order]
    if shuffled.index(mark) < shuffled.index(marks[0]):
        pytest.skip("marks keep their order among themselves")
    for step in shuffled:
        desk.send(step)
        value = desk.accounts._state.valuation(desk.account()).position_value
        assert money("1000") <= value <= money("1002")
        desk.restart()


def test_a_refused_replace_on_its_way_does_not_break_the_open_quantity() -> None:
    desk = ready(hold=True)
    desk.send(new("o", BUY, "30", "9.00"))
    desk.deliver_all()
    desk.send(replace("r", "o", "40"), split(7, 1))
    desk.deliver_all()
    assert desk.account().ledger.working["o"].leaves == px("40"), "asked for after the split was known to the venue"
    assert desk.account().ledger.working_leaves("ABC", BUY) == px("40")


@pytest.mark.parametrize("told", [True, False])
def test_apples_split_of_2014(market_data_folder: Path, tmp_path: Path, told: bool) -> None:
    """645 falls to 92: with the record the value stays, without it the price fell."""
    quotes = read_file(market_data_folder / "AAPL_US_1m_20140605_09.quotes.csv.gz")
    monday = 1_402_272_000 * SECOND
    path = tmp_path / "splits.csv"
    path.write_text(f"ts_ns,symbol,split_to,split_of\n{monday},AAPL.US,7,1\n")
    table = MarketTable.merged([quotes, read_file(path)] if told else [quotes])
    desk = Desk(config(instruments=(instrument("AAPL.US", max_quantity="1000000"),)))
    desk.send(opening())
    records = list(pack(table, 0, len(table)))
    assert len(records) == 1
    first = int(table.time[0])
    for start in range(0, len(table), 100):
        for record in pack(table, start, min(start + 100, len(table))):
            desk.send(record)
            if start == 0:
                desk.send(new("o", BUY, "100", symbol="AAPL.US", ts=first))
    equity = of(AccountEquity, desk.outputs)[-1]
    assert desk.account().ledger.position_quantity("AAPL.US") == px("700" if told else "100")
    lost = money("1000000") - equity.equity
    assert (lost < money("2000")) is told
    assert (lost > money("50000")) is not told
