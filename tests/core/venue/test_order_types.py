"""Tests of order types and instructions: activation, fills and ends."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.records.enums import Action, ExecType, Liquidity, OffsetType, OrderType, Side, TimeInForce
from schemas.records.messages import OrderRequest
from streams.core.accounts.state.fix_reasons import UNSUPPORTED
from tests.builders import (
    MS,
    SECOND,
    START,
    book,
    cancel,
    config,
    fee,
    heartbeat,
    instrument,
    mock_config,
    new,
    nights,
    px,
    quote,
    quotes,
    replace,
    top_of_book,
    trade,
)
from tests.core.desk import Desk, fills_of, last, ready, trail

BUY, SELL = Side.BUY, Side.SELL
QUEUE = config(simulators=(top_of_book(fill={"model": "queue"}),))
DAY = 24 * 3600 * SECOND


def stop(side: Side, at: str, price: str | None = None, **more: Any) -> OrderRequest:
    kind = OrderType.STOP if price is None else OrderType.STOP_LIMIT
    return new("o", side, "10", price, order_type=kind, stop_price=px(at), **more)


def trailing(side: Side, offset: str, unit: OffsetType = OffsetType.PRICE, **more: Any) -> OrderRequest:
    fields: dict[str, Any] = {"trailing_offset": px(offset), "trailing_type": unit}
    return new("o", side, "10", order_type=OrderType.TRAILING_STOP, **(fields | more))


# Triggers


@pytest.mark.parametrize(
    ("side", "quiet", "reached", "filled_at"),
    [(BUY, ("10.03", "10.04"), ("10.04", "10.05"), "10.05"), (SELL, ("9.96", "9.98"), ("9.94", "9.96"), "9.94")],
)
def test_a_stop_trades_at_the_market_once_the_market_is_there(
    side: Side, quiet: tuple[str, str], reached: tuple[str, str], filled_at: str
) -> None:
    desk = ready()
    desk.send(stop(side, "10.05" if side is BUY else "9.95"), quote(*quiet))
    assert trail(desk.results, "o") == ["NEW/NEW"]
    desk.send(quote(*reached))
    assert trail(desk.results, "o") == ["NEW/NEW", "TRIGGERED/NEW", "FILL/FILLED"]
    assert fills_of(desk) == [(px("10"), px(filled_at), Liquidity.REMOVED)]


def test_a_stop_that_the_market_has_passed_already_is_triggered_at_once() -> None:
    desk = ready()
    desk.send(stop(BUY, "10.02"))
    assert trail(desk.results, "o") == ["NEW/NEW", "TRIGGERED/NEW", "FILL/FILLED"]


def test_a_stop_fills_behind_a_gap_at_the_new_price() -> None:
    desk = ready()
    desk.send(stop(SELL, "9.50"), quote("8.00", "8.02", at=START + 3 * DAY))
    assert fills_of(desk) == [(px("10"), px("8.00"), Liquidity.REMOVED)]


def test_a_stop_limit_rests_where_the_market_has_left_its_limit() -> None:
    desk = ready()
    desk.send(stop(BUY, "10.05", "10.06"), quote("10.08", "10.10"))
    assert trail(desk.results, "o") == ["NEW/NEW", "TRIGGERED/NEW"]
    desk.send(quote("10.04", "10.06"))
    assert fills_of(desk) == [(px("10"), px("10.06"), Liquidity.ADDED)]


def test_market_if_touched_waits_for_a_better_price() -> None:
    desk = ready()
    desk.send(new("o", BUY, "10", order_type=OrderType.MARKET_IF_TOUCHED, stop_price=px("9.90")))
    desk.send(quote("9.89", "9.91"))
    assert trail(desk.results, "o") == ["NEW/NEW"]
    desk.send(quote("9.88", "9.90"))
    assert fills_of(desk) == [(px("10"), px("9.90"), Liquidity.REMOVED)]


def test_a_trailing_stop_follows_the_market_and_never_goes_back() -> None:
    desk = ready()
    desk.send(trailing(SELL, "0.10"))
    for bid, ask in (("10.40", "10.42"), ("10.31", "10.33"), ("10.50", "10.52"), ("10.41", "10.43")):
        desk.send(quote(bid, ask))
    assert trail(desk.results, "o") == ["NEW/NEW"]
    desk.restart()
    desk.send(quote("10.40", "10.42"))
    assert trail(desk.results, "o") == ["NEW/NEW", "TRIGGERED/NEW", "FILL/FILLED"]
    assert desk.executions[-1].stop_price == px("10.40")


@pytest.mark.parametrize(
    ("side", "first", "stopped_at"), [(SELL, ("20.00", "20.02"), "19.60"), (BUY, ("19.98", "20.00"), "20.40")]
)
def test_a_trailing_stop_in_percent(side: Side, first: tuple[str, str], stopped_at: str) -> None:
    desk = ready(market=False)
    desk.send(quote(*first), trailing(side, "2", OffsetType.PERCENT))
    desk.send(quote(stopped_at, stopped_at))
    assert desk.executions[-1].stop_price == px(stopped_at)
    assert last(desk).ord_status == "FILLED"


def test_a_trailing_stop_begins_where_it_is_told() -> None:
    desk = ready()
    desk.send(trailing(SELL, "5.00", stop_price=px("9.99")), quote("9.99", "10.01"))
    assert last(desk).ord_status == "FILLED"


@pytest.mark.parametrize(
    ("change", "stopped_at"),
    [
        ({"quantity": px("5")}, "10.40"),
        ({"stop_price": px("10.30")}, "10.40"),
        ({"stop_price": px("10.43")}, "10.43"),
    ],
)
def test_a_replace_never_moves_a_trailing_stop_away_from_the_market(change: dict[str, Any], stopped_at: str) -> None:
    """The stop has trailed to 10.40, and the market has come back to 10.45 since."""
    desk = ready()
    desk.send(trailing(SELL, "0.10"), quote("10.50", "10.52"), quote("10.45", "10.47"))
    desk.send(replace("r", "o")._replace(**change))
    assert desk.executions[-1].stop_price == px(stopped_at)
    desk.send(quote(stopped_at, stopped_at))
    assert last(desk).ord_status == "FILLED"


# Times in force


def test_good_till_date_expires_at_its_time() -> None:
    desk = ready()
    desk.send(new("o", BUY, "10", "9.00", tif=TimeInForce.GTD, expire_ts=START + 5 * SECOND))
    desk.send(heartbeat(START + 5 * SECOND - 1))
    assert trail(desk.results, "o") == ["NEW/NEW"]
    desk.send(heartbeat(START + 9 * SECOND))
    assert trail(desk.results, "o") == ["NEW/NEW", "EXPIRED/EXPIRED"]
    assert (last(desk).reason_code, desk.executions[-1].ts) == ("EXPIRE_TIME", START + 5 * SECOND)


def test_an_order_whose_time_has_passed_on_the_way_is_rejected() -> None:
    desk = ready(config(simulators=(top_of_book(10),)))
    desk.send(new("o", BUY, "10", "9.00", tif=TimeInForce.GTD, expire_ts=START + 5 * MS), heartbeat(START + SECOND))
    assert (last(desk).ord_status, last(desk).reason_code) == ("REJECTED", "EXPIRE_TIME_PASSED")
    assert last(desk).fix_reason == UNSUPPORTED


@pytest.mark.parametrize(
    ("sent", "expires"),
    [
        ("2013-11-27 15:00", "2013-11-27 21:00"),
        ("2013-11-27 22:00", "2013-11-29 18:00"),
        ("2013-11-30 12:00", "2013-12-02 21:00"),
    ],
    ids=["on a day of trading", "Thanksgiving is none, the day after closes early", "on a weekend"],
)
def test_day_orders_keep_the_exchanges_calendar(sent: str, expires: str) -> None:
    """XNYS closes at 16:00 New York time, and at 13:00 on the day after Thanksgiving."""
    from datetime import UTC, datetime

    def at(text: str) -> int:
        return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND

    desk = ready(config(instruments=(instrument(calendar="XNYS", timezone="America/New_York"),)), market=False)
    start = at(sent)
    desk.send(quote(at=start), new("o", BUY, "10", "9.00", tif=TimeInForce.DAY, ts=start))
    desk.send(*nights(start, at(expires) - 1))
    assert last(desk).ord_status == "NEW"
    desk.send(heartbeat(at(expires)))
    assert last(desk).ord_status == "EXPIRED"


# Instructions


@pytest.mark.parametrize("price", ["10.02", "10.50"])
def test_post_only_is_refused_where_it_would_take(price: str) -> None:
    desk = ready()
    desk.send(new("o", BUY, "10", price, post_only=True))
    assert trail(desk.results, "o") == ["REJECTED/REJECTED"]
    assert (last(desk).reason_code, last(desk).fix_reason) == ("POST_ONLY_WOULD_TAKE", UNSUPPORTED)


def test_post_only_rests_and_adds() -> None:
    desk = ready()
    desk.send(new("o", BUY, "10", "10.01", post_only=True), quote("9.99", "10.01"))
    assert fills_of(desk) == [(px("10"), px("10.01"), Liquidity.ADDED)]


def test_post_only_that_came_before_the_market_is_judged_by_its_first_quote() -> None:
    desk = ready(market=False)
    desk.send(new("takes", BUY, "10", "10.02", post_only=True), new("rests", BUY, "10", "10.01", post_only=True))
    desk.send(quote())
    assert (last(desk, "takes").ord_status, last(desk, "takes").reason_code) == ("CANCELED", "POST_ONLY_WOULD_TAKE")
    desk.send(quote("9.99", "10.01"))
    assert fills_of(desk, "rests") == [(px("10"), px("10.01"), Liquidity.ADDED)]


def test_a_replace_never_lets_post_only_take() -> None:
    desk = ready()
    desk.send(new("o", BUY, "10", "10.00", post_only=True), replace("r", "o", price="10.02"))
    assert trail(desk.results, "o") == ["NEW/NEW", "CANCEL_REJECT/NEW"]
    assert last(desk).price == px("10.00")


def test_an_iceberg_shows_a_slice_and_queues_again_for_the_next() -> None:
    desk = ready(QUEUE)
    desk.send(quote(bid_sz="20"), new("o", BUY, "30", "10.00", display_quantity=px("10")))
    desk.send(trade("10.00", "25", aggressor="S"))
    assert [quantity for quantity, _, _ in fills_of(desk)] == [px("5")], "20 stood before it"
    desk.send(trade("10.00", "100", aggressor="S"))
    assert [quantity for quantity, _, _ in fills_of(desk)][1:] == [px("5")], "only the slice is shown"
    desk.send(trade("10.00", "29", aggressor="S"))
    assert [quantity for quantity, _, _ in fills_of(desk)][2:] == [px("9")], "the next stood behind 20 again"


def test_a_quote_that_comes_to_an_iceberg_takes_all_its_slices_at_once() -> None:
    """A trade gives one fill, not one per slice; the rest of the last slice stays displayed."""
    desk = ready(QUEUE)
    desk.send(new("o", BUY, "100000", "10.00", display_quantity=px("10")), quote("9.98", "9.99", ask_sz="60004"))
    assert fills_of(desk) == [(px("60004"), px("10.00"), Liquidity.ADDED)]
    desk.send(quote("9.99", "10.03"), trade("9.99", "500", aggressor="S"))
    assert [quantity for quantity, _, _ in fills_of(desk)][1:] == [px("6")]


# Orders that hang together


def bracket(quantity: str = "10") -> tuple[OrderRequest, ...]:
    return (
        new("entry", BUY, quantity, "10.00"),
        new("target", SELL, quantity, "10.20", parent_order_id="entry", oco_group="exit", reduce_only=True),
        new(
            "stop",
            SELL,
            quantity,
            order_type=OrderType.STOP,
            stop_price=px("9.80"),
            parent_order_id="entry",
            oco_group="exit",
            reduce_only=True,
        ),
    )


def test_a_bracket_waits_for_its_entry_and_one_exit_cancels_the_other() -> None:
    desk = ready()
    desk.send(*bracket(), quote("10.30", "10.32"))
    assert trail(desk.results, "target") == ["NEW/NEW"], "no entry, no exit"
    desk.send(quote("9.98", "10.00"), quote("10.20", "10.22"))
    assert trail(desk.results, "target") == ["NEW/NEW", "TRIGGERED/NEW", "FILL/FILLED"]
    assert trail(desk.results, "stop") == ["NEW/NEW", "TRIGGERED/NEW", "CANCELED/CANCELED"]
    assert last(desk, "stop").reason_code == "OCO"
    assert desk.account().ledger.position_quantity("ABC") == 0
    assert not desk.account().ledger.working


def test_exits_are_cut_to_what_the_entry_executed() -> None:
    desk = ready()
    desk.send(*bracket("10"), quote("9.98", "10.00", ask_sz="4"), cancel("c", "entry"))
    assert trail(desk.results, "target")[1:3] == ["RESTATED/NEW", "TRIGGERED/NEW"]
    assert (last(desk, "target").order_qty, last(desk, "stop").order_qty) == (px("4"), px("4"))
    desk.send(quote("9.70", "9.72"))
    assert desk.account().ledger.position_quantity("ABC") == 0


def test_exits_end_with_an_entry_that_never_executed() -> None:
    desk = ready()
    desk.send(*bracket(), cancel("c", "entry"))
    assert {last(desk, name).reason_code for name in ("target", "stop")} == {"PARENT_ENDED"}
    assert not desk.account().ledger.working


def test_an_exit_that_comes_after_the_entry_has_executed_is_active_at_once() -> None:
    entry, target, stop_ = bracket()
    desk = ready(hold=True)
    desk.send(entry._replace(price=px("10.02")), target, stop_)
    desk.deliver_all()
    assert trail(desk.results, "target") == ["NEW/NEW", "TRIGGERED/NEW"]
    desk.restart()
    desk.send(quote("10.20", "10.22"))
    desk.deliver_all()
    assert last(desk, "target").ord_status == "FILLED"
    assert last(desk, "stop").ord_status == "CANCELED"


def test_an_exit_that_fills_on_activation_cancels_the_other_before_it_wakes() -> None:
    """The market is beyond the target when the entry fills."""
    entry, target, stop_ = bracket()
    desk = ready()
    desk.send(entry._replace(price=px("10.30")), target._replace(price=px("9.90")), stop_)
    assert trail(desk.results, "target") == ["NEW/NEW", "TRIGGERED/NEW", "FILL/FILLED"]
    assert not desk.account().ledger.working
    held_back = ready()
    held_back.send(entry, target._replace(price=px("9.90")), stop_, quote("9.98", "10.00"))
    assert trail(held_back.results, "stop") == ["NEW/NEW", "CANCELED/CANCELED"]
    assert not held_back.account().ledger.working


def test_a_partial_fill_of_one_cuts_the_other() -> None:
    desk = ready()
    desk.send(quote("10.00", "10.02", bid_sz="100"), new("b", BUY, "50"), quote())
    desk.send(
        new("target", SELL, "50", "10.20", oco_group="g"),
        new("stop", SELL, "50", order_type=OrderType.STOP, stop_price=px("9.80"), oco_group="g"),
        quote("10.20", "10.22", bid_sz="20"),
    )
    assert (last(desk, "target").leaves_qty, last(desk, "stop").leaves_qty) == (px("30"), px("30"))
    assert trail(desk.results, "stop") == ["NEW/NEW", "RESTATED/NEW"]
    late = new("late", SELL, "50", "10.50", oco_group="g")
    desk.send(late)
    assert last(desk, "late").order_qty == px("30"), "who comes to the group later gets what is left"


def test_orders_of_a_group_count_once_for_the_limits() -> None:
    desk = ready()
    desk.send(new("a", SELL, "30", "10.20", oco_group="g"), new("b", SELL, "50", "10.30", oco_group="g"))
    assert desk.account().ledger.working_leaves("ABC", SELL) == px("50")
    desk.send(cancel("c", "b"))
    assert desk.account().ledger.working_leaves("ABC", SELL) == px("30")


# Reduce-only


def held(quantity: str = "10", core: Any = None) -> Desk:
    desk = ready(core)
    desk.send(new("held", BUY, quantity))
    desk.outputs.clear()
    return desk


@pytest.mark.parametrize(("quantity", "answer"), [("10", None), ("11", "REDUCE_ONLY")])
def test_reduce_only_takes_no_more_than_there_is(quantity: str, answer: str | None) -> None:
    desk = held()
    desk.send(new("o", SELL, quantity, "10.50", reduce_only=True))
    assert last(desk).reason_code == answer


def test_reduce_only_never_opens() -> None:
    desk = ready()
    desk.send(new("o", SELL, "1", reduce_only=True))
    assert last(desk).reason_code == "REDUCE_ONLY"


def test_while_reduce_only_works_nothing_else_can_turn_the_position() -> None:
    desk = held()
    desk.send(new("r", SELL, "10", "10.50", reduce_only=True), new("o", SELL, "1", "10.40"))
    assert last(desk).reason_code == "REDUCE_ONLY"
    desk.send(cancel("c", "r"), new("o2", SELL, "1", "10.40"))
    assert last(desk, "o2").ord_status == "NEW"
    desk.send(new("r2", SELL, "10", "10.50", reduce_only=True))
    assert last(desk, "r2").reason_code == "REDUCE_ONLY"
    desk.send(new("r3", SELL, "9", "10.50", reduce_only=True), replace("up", "r3", "10"))
    assert last(desk, "r3").exec_type == "CANCEL_REJECT"


# Changes


def test_less_quantity_keeps_the_place_in_the_queue_and_another_price_loses_it() -> None:
    desk = ready(QUEUE)
    desk.send(quote(bid_sz="10"), new("o", BUY, "30", "10.00"), quote(bid_sz="60"))
    desk.send(replace("less", "o", "20"), trade("10.00", "15", aggressor="S"))
    assert [quantity for quantity, _, _ in fills_of(desk)] == [px("5")]
    desk.send(replace("away", "o", price="9.99"), replace("back", "o", price="10.00"))
    desk.send(trade("10.00", "50", aggressor="S"))
    assert len(fills_of(desk)) == 1, "behind the 60 that the market shows"


def test_a_stop_is_moved() -> None:
    desk = ready()
    moved = replace("r", "o")._replace(stop_price=px("10.10"))
    desk.send(stop(BUY, "10.05"), moved, quote("10.06", "10.08"))
    assert trail(desk.results, "o") == ["NEW/NEW", "REPLACED/NEW"]
    desk.send(quote("10.08", "10.10"))
    assert last(desk).ord_status == "FILLED"


@pytest.mark.parametrize(
    ("symbol", "side", "gone"),
    [
        ("", Side.UNKNOWN, {"b", "s", "x"}),
        ("ABC", Side.UNKNOWN, {"b", "s"}),
        ("ABC", SELL, {"s"}),
        ("XYZ", BUY, {"x"}),
        ("NIX", BUY, set()),
    ],
)
def test_mass_cancel(symbol: str, side: Side, gone: set[str]) -> None:
    desk = ready()
    desk.send(quote(symbol="XYZ"), new("b", BUY, "1", "9.00"), new("s", SELL, "1", "11.00"))
    desk.send(new("x", BUY, "1", "9.00", symbol="XYZ"))
    request = cancel("m", None)._replace(action=Action.MASS_CANCEL, symbol=symbol, side=side)
    desk.send(request)
    ended = {result.order_id for result in desk.results if result.terminal}
    assert ended == gone
    report = next(result for result in desk.results if result.order_id == "m")
    assert (report.exec_type, report.observed_value) == (ExecType.MASS_CANCEL, str(len(gone)))


def test_a_cancel_can_lose_the_race() -> None:
    latency = {"new": {"model": "constant", "ms": 0}, "cancel": {"model": "constant", "ms": 50}}
    desk = ready(config(simulators=(top_of_book(latency=latency),)))
    desk.send(new("o", BUY, "10", "9.99"), cancel("c", "o", ts=START + MS))
    desk.send(quote("9.97", "9.99", at=START + 30 * MS), heartbeat(START + SECOND))
    assert trail(desk.results, "o") == ["NEW/NEW", "FILL/FILLED", "CANCEL_REJECT/UNKNOWN"]
    assert last(desk).fix_reason == 0


# The form of orders


@pytest.mark.parametrize(
    "request_",
    [
        new("o", order_type=OrderType.LIMIT),
        new("o", price="10", order_type=OrderType.MARKET),
        new("o", order_type=OrderType.STOP),
        new("o", price="10", order_type=OrderType.STOP, stop_price=px("10")),
        new("o", order_type=OrderType.STOP_LIMIT, stop_price=px("10")),
        new("o", order_type=OrderType.TRAILING_STOP),
        trailing(SELL, "0"),
        trailing(SELL, "100", OffsetType.PERCENT),
        trailing(SELL, "1", OffsetType.UNKNOWN),
        new("o", stop_price=px("10")),
        stop(BUY, "10", tif=TimeInForce.IOC),
        trailing(BUY, "1", tif=TimeInForce.FOK),
        new("o", price="10", tif=TimeInForce.GTD),
        new("o", price="10", expire_ts=START + DAY),
        new("o", post_only=True),
        new("o", price="10", post_only=True, tif=TimeInForce.IOC),
        new("o", display_quantity=px("1")),
        new("o", price="10", display_quantity=px("10")),
        new("o", price="10", display_quantity=px("0")),
        new("o", price="10", parent_order_id="o"),
        new("o", price="10", oco_group="g", tif=TimeInForce.FOK),
    ],
)
def test_a_form_that_no_table_allows_is_rejected_as_fix_says(request_: OrderRequest) -> None:
    desk = ready()
    desk.send(request_)
    assert (last(desk).reason_code, last(desk).fix_reason) == ("ORDER_FORM", UNSUPPORTED)
    assert "order o: " in (last(desk).text or "")


def test_a_parent_must_be_known_and_of_the_same_symbol() -> None:
    desk = ready()
    desk.send(new("o", SELL, "1", "11", parent_order_id="nobody"))
    assert last(desk).reason_code == "UNKNOWN_PARENT"
    desk.send(
        quote(symbol="XYZ"), new("p", BUY, "1", "9.00", symbol="XYZ"), new("c", SELL, "1", "11", parent_order_id="p")
    )
    assert last(desk, "c").reason_code == "ORDER_FORM"


# MockExecutor takes every type too


@pytest.mark.parametrize(
    "request_", [stop(BUY, "10.05"), trailing(BUY, "0.01"), new("o", BUY, "10", "10.05", post_only=False)]
)
def test_the_mock_knows_every_type(request_: OrderRequest) -> None:
    desk = ready(mock_config())
    desk.send(request_, quote("10.10", "10.12"), quote("10.03", "10.05"))
    assert last(desk).ord_status == "FILLED"


# A book of several levels


def test_an_order_takes_level_by_level_and_the_levels_are_used_once() -> None:
    desk = ready(config(instruments=(instrument(fee=fee(taker="0.001")),)), market=False)
    desk.send(book((("9.99", "10"),), (("10.01", "10"), ("10.02", "20"), ("10.05", "30"))))
    desk.send(new("a", BUY, "25", "10.02"), new("b", BUY, "20", "10.02"))
    assert fills_of(desk, "a") == [
        (px("10"), px("10.01"), Liquidity.REMOVED),
        (px("15"), px("10.02"), Liquidity.REMOVED),
    ]
    assert fills_of(desk, "b") == [(px("5"), px("10.02"), Liquidity.REMOVED)]


def test_levels_of_a_deep_book_do_not_depend_on_how_quotes_are_batched() -> None:
    """A quote far above removes the levels there, also if the next quote is in the same record."""
    rows = [("10.07", "10.09"), ("9.90", "9.92")]
    answers = []
    for batched in (True, False):
        desk = ready(market=False)
        desk.send(book((("9.99", "10"), ("9.89", "40")), (("10.01", "10"), ("10.02", "20"))))
        quoted = [(START + 1 + number, bid, "5", ask, "5") for number, (bid, ask) in enumerate(rows)]
        desk.send(*([quotes(*quoted)] if batched else [quotes(row) for row in quoted]))
        desk.send(new("o", BUY, "50", tif=TimeInForce.IOC), new("s", SELL, "50", tif=TimeInForce.IOC))
        answers.append([*fills_of(desk), *fills_of(desk, "s")])
    assert answers[0] == answers[1]


@pytest.mark.parametrize(("later", "filled"), [(60 * SECOND, ("15", "20")), (60 * SECOND + 1, ("15",))])
def test_levels_that_were_told_long_ago_are_not_believed(later: int, filled: tuple[str, ...]) -> None:
    """If only quotes continue, yesterday's levels are gone behind today's quote."""
    desk = ready(market=False)
    desk.send(book((("9.99", "10"),), (("10.01", "10"), ("10.02", "20"))))
    for seconds in range(10, 60, 10):
        desk.send(quote("9.99", "10.01", ask_sz="15", at=START + seconds * SECOND))
    desk.restart()
    desk.send(quote("9.98", "10.01", ask_sz="15", at=START + later))
    desk.send(new("o", BUY, "60", tif=TimeInForce.IOC, ts=START + later))
    assert tuple(fill.quantity for fill in desk.fills) == tuple(map(px, filled))


def test_a_quote_moves_the_touch_of_a_deep_book() -> None:
    desk = ready(market=False)
    desk.send(book((("9.99", "10"), ("9.98", "40")), (("10.01", "10"), ("10.02", "20"))))
    desk.send(
        quote("9.98", "10.02", bid_sz="40", ask_sz="15"), new("s", SELL, "60"), new("b", BUY, "60", tif=TimeInForce.IOC)
    )
    assert fills_of(desk, "s") == [(px("40"), px("9.98"), Liquidity.REMOVED)]
    assert fills_of(desk, "b") == [(px("15"), px("10.02"), Liquidity.REMOVED)]
