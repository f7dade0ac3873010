"""Tests of what the view of the topics keeps."""

from __future__ import annotations

from typing import Any

import pytest

from infra.settings import Settings
from schemas.records.enums import ExecType, OrdStatus, ResultSource, Side
from schemas.records.messages import OrderResult
from streams.pipeline.clients.follow import FollowedRecord
from streams.serve.account_view import FORGET_EVERY, AccountView
from streams.serve.desk_view import DeskView
from streams.serve.position_value import PositionValues
from tests import builders

ACCOUNT = "A"
EMPTY: dict[str, Any] = dict.fromkeys(OrderResult._fields)
KEPT = 10


@pytest.fixture
def view() -> DeskView:
    nothing: Any = None
    return DeskView(Settings(_env_file=None), nothing, PositionValues(builders.config()))


def _result(order_id: str, status: OrdStatus, exec_type: ExecType, **changes: Any) -> OrderResult:
    known = {"source": ResultSource.UNKNOWN, "side": Side.BUY, "cum_qty": 0, "poss_resend": False}
    told = {"order_id": order_id, "account_id": ACCOUNT, "ord_status": status, "exec_type": exec_type}
    return OrderResult(**EMPTY | known | told | {"terminal": False, "order_ts": 1, "ts": 1} | changes)


def _take(view: DeskView, topic: str, message: Any) -> None:
    view._take(FollowedRecord(topic, message, 1, 0))


def _send(view: DeskView, order_id: str) -> None:
    _take(view, "orders", builders.new(order_id, account=ACCOUNT))


def _trade(view: DeskView, order_id: str, ends: bool = True) -> None:
    _send(view, order_id)
    _take(view, "order.results", _result(order_id, OrdStatus.NEW, ExecType.NEW))
    if ends:
        _take(view, "order.results", _result(order_id, OrdStatus.CANCELED, ExecType.CANCELED, terminal=True))


def _full(view: DeskView) -> AccountView:
    _trade(view, "working", ends=False)
    for number in range(KEPT + FORGET_EVERY):
        _trade(view, f"o-{number}")
    account = view.account(ACCOUNT)
    account.forget_old(KEPT)
    return account


def test_working_orders_and_the_newest_ended_ones_are_kept(view: DeskView) -> None:
    account = _full(view)
    newest = [f"o-{number}" for number in range(FORGET_EVERY, FORGET_EVERY + KEPT)]
    assert list(account.orders) == ["working", *newest]
    assert len(account.answers) == 2 * KEPT


def test_a_forgotten_order_that_is_sent_again_is_no_new_one(view: DeskView) -> None:
    account = _full(view)
    before = list(account.orders)
    _send(view, "o-1")
    _take(view, "order.results", _result("o-1", OrdStatus.NEW, ExecType.NEW, poss_resend=True))
    assert list(account.orders) == before
    _take(view, "order.results", _result("o-2", OrdStatus.NEW, ExecType.NEW, poss_resend=True))
    _send(view, "o-2")
    assert list(account.orders) == before
    assert list(account.forgotten) == ["o-1", "o-2"]


def test_an_order_that_is_known_and_sent_again_stays(view: DeskView) -> None:
    _trade(view, "mine", ends=False)
    _send(view, "mine")
    _take(view, "order.results", _result("mine", OrdStatus.NEW, ExecType.NEW, poss_resend=True))
    assert view.account(ACCOUNT).orders["mine"].status is OrdStatus.NEW
    assert not view.account(ACCOUNT).forgotten


def test_a_refused_cancel_makes_no_order(view: DeskView) -> None:
    _take(view, "order.results", _result("nobody", OrdStatus.REJECTED, ExecType.CANCEL_REJECT, request_id="r"))
    assert view.account(ACCOUNT).orders == {}
