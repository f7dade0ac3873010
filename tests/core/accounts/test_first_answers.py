"""A request that comes again: identical, it gets its first answer again; different, it is refused."""

from __future__ import annotations

import pytest

from schemas.records.enums import Action, ExecType, OrdStatus, Side
from schemas.records.messages import ApprovedOrder, OrderRequest, OrderResult, RiskEvent
from tests.builders import cancel, config, money, new, opening, px, replace
from tests.core.desk import Desk, of, ready

BUY, SELL = Side.BUY, Side.SELL
RESTING = new("o", BUY, "10", "9.00")


def again(desk: Desk, request: OrderRequest) -> list[OrderResult]:
    """Returns the answer to a request that was sent before; nothing else may happen."""
    outputs = desk.send(request)
    assert [output.topic for output in outputs] == ["order.results"] * len(outputs)
    return of(OrderResult, outputs)


FIRST = [
    pytest.param(RESTING, ExecType.NEW, None, id="approved"),
    pytest.param(new("o", BUY, "900000", "9.00"), ExecType.REJECTED, "MAX_ORDER_QUANTITY", id="refused"),
    pytest.param(new("o", BUY, "1", symbol="NIX"), ExecType.REJECTED, "UNKNOWN_INSTRUMENT", id="unknown instrument"),
    pytest.param(cancel("o", "w"), ExecType.CANCELED, "CANCEL_REQUESTED", id="cancel"),
    pytest.param(cancel("o", "nix"), ExecType.CANCEL_REJECT, "UNKNOWN_ORDER", id="cancel of nothing"),
    pytest.param(replace("o", "w", "20"), ExecType.REPLACED, None, id="replace"),
    pytest.param(cancel("o", None)._replace(action=Action.MASS_CANCEL), ExecType.MASS_CANCEL, None, id="mass cancel"),
    pytest.param(new("o", BUY, "1")._replace(action=Action.UNKNOWN), ExecType.REJECTED, "UNSUPPORTED_ACTION", id="odd"),
]


@pytest.mark.parametrize(("request_", "exec_type", "code"), FIRST)
def test_the_first_answer_comes_again(request_: OrderRequest, exec_type: ExecType, code: str | None) -> None:
    desk = ready()
    desk.send(new("w", BUY, "5", "8.00"))
    first = next(item for item in of(OrderResult, desk.send(request_)) if (item.request_id or item.order_id) == "o")
    assert (first.exec_type, first.reason_code, first.poss_resend) == (exec_type, code, False)
    for _ in range(2):
        (copy,) = again(desk, request_)
        assert copy == first._replace(result_id=copy.result_id, ts=copy.ts, poss_resend=True, terminal=False)
        assert copy.result_id != first.result_id
        desk.restart()


def test_later_results_do_not_change_the_first_answer() -> None:
    desk = ready()
    desk.send(RESTING, cancel("c", "o"))
    (copy,) = again(desk, RESTING)
    assert (copy.exec_type, copy.ord_status) == (ExecType.NEW, OrdStatus.NEW)


def test_what_is_on_its_way_gets_the_answer_that_is_to_come() -> None:
    desk = ready(hold=True)
    desk.send(RESTING)
    assert again(desk, RESTING) == []
    desk.restart()
    assert again(desk, RESTING) == []
    desk.deliver_all()
    assert [item.exec_type for item in desk.results] == [ExecType.NEW]
    assert [item.exec_type for item in again(desk, RESTING)] == [ExecType.NEW]
    assert list(desk.account().ledger.working) == ["o"]


@pytest.mark.parametrize(
    "change",
    [
        {"quantity": px("11")},
        {"price": px("9.01")},
        {"side": SELL},
        {"symbol": "XYZ"},
        {"strategy_id": "s2"},
        {"ts": 5},
        {"action": Action.CANCEL, "orig_order_id": "o"},
    ],
)
def test_another_request_under_the_id_is_refused(change: dict[str, object]) -> None:
    desk = ready()
    desk.send(RESTING)
    outputs = desk.send(RESTING._replace(**change))  # type: ignore[arg-type]
    (result,), (event,) = of(OrderResult, outputs), of(RiskEvent, outputs)
    assert (result.reason_code, result.terminal, result.poss_resend) == ("DUPLICATE_ORDER_ID", False, False)
    assert event.code == "DUPLICATE_ORDER_ID"
    assert not of(ApprovedOrder, outputs)
    (copy,) = again(desk, RESTING)
    assert copy.exec_type is ExecType.NEW, "the refused one is not remembered"


def test_answers_are_remembered_up_to_a_count_and_ids_for_longer() -> None:
    desk = ready(config(answers_max=2))
    orders = [new(f"o{number}", BUY, "10", "9.00") for number in range(3)]
    desk.send(*orders)
    desk.restart()
    assert [item.exec_type for item in again(desk, orders[1])] == [ExecType.NEW]
    (result,) = of(OrderResult, desk.send(orders[0]))
    assert result.reason_code == "DUPLICATE_ORDER_ID"
    desk.configure(config(answers_max=1))
    desk.send(new("o3", BUY, "10", "9.00"))
    assert len(desk.account().answers.to_state()) == 1


def test_each_account_has_answers_of_its_own() -> None:
    desk = ready()
    desk.send(opening("B"), RESTING)
    outputs = desk.send(RESTING._replace(account_id="B"))
    assert of(ApprovedOrder, outputs)
    (copy,) = again(desk, RESTING._replace(account_id="B"))
    assert copy.account_id == "B"


def test_a_repetition_moves_no_money() -> None:
    desk = ready()
    order = new("o", BUY, "10")
    desk.send(order)
    before = desk.account().ledger.cash
    (copy,) = again(desk, order)
    assert (copy.exec_type, copy.terminal) == (ExecType.NEW, False)
    assert desk.account().ledger.cash == before == money("1000000") - money("100.2")
