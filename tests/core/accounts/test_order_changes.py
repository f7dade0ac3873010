"""Answers to cancels and replaces, their races with fills, and order ids."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from schemas.records.enums import Action, ExecType, Liquidity, OrdStatus, Side
from schemas.records.messages import ApprovedOrder, OrderRequest, OrderResult
from tests.builders import (
    cancel,
    config,
    new,
    opening,
    px,
    quote,
    replace,
)
from tests.core.desk import Desk, fills_of, last, of, ready, trail

BUY, SELL = Side.BUY, Side.SELL


def test_a_cancel_of_a_working_order() -> None:
    desk = ready()
    desk.send(new("o", BUY, "10", "9.00"), cancel("c", "o"))
    assert trail(desk.results, "o") == ["NEW/NEW", "CANCELED/CANCELED"]
    assert (last(desk).request_id, last(desk).reason_code, last(desk).terminal) == ("c", "CANCEL_REQUESTED", True)


def test_a_partly_filled_order_keeps_its_fills_when_cancelled() -> None:
    desk = ready()
    desk.send(new("o", BUY, "150", "10.02"), cancel("c", "o"))
    assert (last(desk).cum_qty, last(desk).leaves_qty, last(desk).avg_px) == (px("100"), 0, px("10.02"))
    assert desk.account().ledger.position_quantity("ABC") == px("100")


@pytest.mark.parametrize(
    ("target", "code"), [("done", "TOO_LATE_TO_CANCEL"), ("never", "UNKNOWN_ORDER"), (None, "FIELD_MISSING")]
)
@pytest.mark.parametrize("change", [cancel, replace])
def test_a_change_of_what_does_not_work_is_refused_by_the_risk_side(
    target: str | None, code: str, change: Callable[[str, str | None], OrderRequest]
) -> None:
    desk = ready()
    desk.send(new("done", BUY, "10"))
    (result,) = of(OrderResult, desk.send(change("c", target)))
    assert result.reason_code == code
    if target:
        assert (result.order_id, result.request_id, result.exec_type) == (target, "c", ExecType.CANCEL_REJECT)
        assert not result.terminal


def test_a_fill_that_overtakes_a_cancel() -> None:
    desk = ready(hold=True)
    desk.send(new("o", BUY, "10"), cancel("c", "o"))
    desk.deliver_to_venue()
    desk.deliver_all()
    assert trail(desk.results, "o") == ["NEW/NEW", "FILL/FILLED", "CANCEL_REJECT/UNKNOWN"]
    assert [result.terminal for result in desk.results] == [False, True, False]
    assert (last(desk).request_id, last(desk).reason_code) == ("c", "TOO_LATE_TO_CANCEL")


def test_two_cancels_on_their_way() -> None:
    desk = ready(hold=True)
    desk.send(new("o", BUY, "10", "9.00"), cancel("c1", "o"), cancel("c2", "o"))
    desk.deliver_all()
    assert trail(desk.results, "o") == ["NEW/NEW", "CANCELED/CANCELED", "CANCEL_REJECT/UNKNOWN"]
    assert last(desk).request_id == "c2"


@pytest.mark.parametrize(
    ("quantity", "price", "order_qty", "limit"),
    [("20", None, "20", "9.00"), (None, "9.10", "10", "9.10"), ("5", "9.10", "5", "9.10")],
)
def test_a_replace_changes_what_it_names(quantity: str | None, price: str | None, order_qty: str, limit: str) -> None:
    desk = ready()
    desk.send(new("o", BUY, "10", "9.00"), replace("r", "o", quantity, price))
    assert trail(desk.results, "o") == ["NEW/NEW", "REPLACED/NEW"]
    assert (last(desk).order_qty, last(desk).price, last(desk).request_id) == (px(order_qty), px(limit), "r")
    working = desk.account().ledger.working["o"]
    assert (working.quantity, working.price, working.replace_quantity) == (px(order_qty), px(limit), None)
    assert desk.account().ledger.working_leaves("ABC", BUY) == px(order_qty)


def test_an_order_keeps_its_first_id_for_life() -> None:
    desk = ready()
    desk.send(new("o", BUY, "10", "9.00"), replace("r1", "o", "20"), replace("r2", "o", "30"), cancel("c", "o"))
    assert trail(desk.results, "o") == ["NEW/NEW", "REPLACED/NEW", "REPLACED/NEW", "CANCELED/CANCELED"]
    (result,) = of(OrderResult, desk.send(cancel("c2", "r1")))
    assert result.reason_code == "TOO_LATE_TO_CANCEL"


def test_a_replace_to_a_marketable_price_trades_as_an_arriving_order() -> None:
    desk = ready()
    desk.send(new("o", BUY, "10", "9.00"), replace("r", "o", price="10.10"))
    assert trail(desk.results, "o") == ["NEW/NEW", "REPLACED/NEW", "FILL/FILLED"]
    assert fills_of(desk) == [(px("10"), px("10.02"), Liquidity.REMOVED)]


@pytest.mark.parametrize(
    ("change", "first"),
    [
        (replace("r", "o1", "5"), "o1"),
        (replace("r", "o1", "11"), "o2"),
        (replace("r", "o1", price="9.98"), "o2"),
        (replace("r", "o1"), "o1"),
    ],
    ids=["less", "more", "price", "nothing"],
)
def test_only_less_quantity_keeps_the_place_in_the_queue(change: ApprovedOrder, first: str) -> None:
    desk = ready()
    desk.send(new("o1", BUY, "10", "9.99"), new("o2", BUY, "10", "9.99"), change, quote("9.90", "9.95", ask_sz="3"))
    assert [fill.order_id for fill in desk.fills] == [first]


def test_a_second_replace_waits_for_the_first() -> None:
    desk = ready(hold=True)
    desk.send(new("o", BUY, "10", "9.00"), replace("r1", "o", "20"))
    (result,) = of(OrderResult, desk.send(replace("r2", "o", "30")))
    assert (result.reason_code, result.terminal) == ("PENDING_REPLACE", False)
    desk.deliver_all()
    desk.send(replace("r3", "o", "30"))
    desk.deliver_all()
    assert last(desk).order_qty == px("30")


def test_a_replace_below_what_has_executed_leaves_the_order_as_it_is() -> None:
    desk = ready()
    desk.send(new("o", BUY, "150", "10.02"), replace("r", "o", "100"))
    assert trail(desk.results, "o")[-1] == "CANCEL_REJECT/PARTIALLY_FILLED"
    result = last(desk)
    assert (result.request_id, result.reason_code, result.terminal) == ("r", "TOO_LATE_TO_CANCEL", False)
    assert (result.order_qty, result.price, result.cum_qty, result.leaves_qty) == (
        px("150"),
        px("10.02"),
        px("100"),
        px("50"),
    )
    working = desk.account().ledger.working["o"]
    assert (working.cum_quantity, working.status) == (px("100"), OrdStatus.PARTIALLY_FILLED)
    assert desk.account().ledger.working_leaves("ABC", BUY) == px("50")
    desk.send(replace("r2", "o", "101"))
    assert trail(desk.results, "o")[-1] == "REPLACED/PARTIALLY_FILLED"
    assert desk.account().ledger.working_leaves("ABC", BUY) == px("1")


def test_a_fill_that_overtakes_a_replace() -> None:
    desk = ready(hold=True)
    desk.send(new("o", BUY, "10", "10.02"), replace("r", "o", "20"))
    desk.deliver_to_venue()
    desk.deliver_all()
    assert trail(desk.results, "o") == ["NEW/NEW", "FILL/FILLED", "CANCEL_REJECT/UNKNOWN"]
    assert desk.account().ledger.working_leaves("ABC", BUY) == 0


def test_duplicate_ids_are_answered_and_never_traded() -> None:
    desk = ready()
    desk.send(new("o", BUY, "10", "9.00"), cancel("c", "x"))
    for request in (new("o", SELL, "5"), cancel("o", "o"), new("c", BUY, "5"), replace("c", "o", "7")):
        outputs = desk.send(request)
        assert not of(ApprovedOrder, outputs)
        (result,) = of(OrderResult, outputs)
        assert (result.reason_code, result.terminal) == ("DUPLICATE_ORDER_ID", False)
    assert list(desk.account().ledger.working) == ["o"]


def test_a_duplicate_of_a_finished_order_gets_no_second_terminal_result() -> None:
    desk = ready()
    desk.send(new("o", BUY, "10"), new("o", BUY, "10"), new("bad", BUY, "0.5"), new("bad", BUY, "0.5"))
    assert [result.order_id for result in desk.results if result.terminal] == ["o", "bad"]


def test_an_id_refused_before_the_session_opened_is_used() -> None:
    """One terminal result for each order id, whether the account was known then or not."""
    desk = Desk()
    desk.send(new("o", BUY, "10", "9.00"), new("o", BUY, "10", "9.00"))
    assert [(result.reason_code, result.terminal) for result in desk.results] == [
        ("UNKNOWN_ACCOUNT", True),
        ("DUPLICATE_ORDER_ID", False),
    ]
    desk.send(opening(), quote(), new("o", BUY, "10"))
    assert last(desk).reason_code == "DUPLICATE_ORDER_ID"
    assert [result.terminal for result in desk.results].count(True) == 1


def test_a_refused_new_order_is_described_by_its_own_fields() -> None:
    desk = ready()
    desk.send(new("w", BUY, "150", "10.02"))
    desk.send(new("o", SELL, "0.5", "12.00", symbol="XYZ", orig_order_id="w"))
    result = last(desk)
    assert (result.symbol, result.side, result.order_qty, result.cum_qty) == ("XYZ", SELL, px("0.5"), 0)


def test_ids_are_remembered_up_to_a_count_and_while_they_work() -> None:
    desk = ready(config(seen_order_ids_max=3))
    desk.send(new("w", BUY, "10", "9.00"), *[new(f"o{number}", BUY, "1") for number in range(4)])
    desk.send(new("o3", BUY, "2"), new("w", BUY, "1"))
    assert [result.reason_code for result in desk.results[-2:]] == ["DUPLICATE_ORDER_ID"] * 2
    desk.send(new("o0", BUY, "1"))
    assert last(desk, "o0").ord_status is OrdStatus.FILLED


def test_accounts_have_order_ids_of_their_own() -> None:
    desk = ready()
    desk.send(opening("B"), new("o", BUY, "10", "9.00"), new("o", BUY, "10", "9.00", account="B"))
    desk.send(cancel("c", "o", account="B"))
    assert list(desk.account("A").ledger.working) == ["o"]
    assert list(desk.account("B").ledger.working) == []


def test_an_unknown_action_is_refused() -> None:
    desk = ready()
    desk.send(new("o", BUY)._replace(action=Action.UNKNOWN))
    assert (last(desk).reason_code, last(desk).terminal) == ("UNSUPPORTED_ACTION", True)
