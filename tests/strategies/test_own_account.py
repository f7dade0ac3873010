"""A strategy's own account: what a result changes, and what it must not change."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from schemas.records.enums import Action, ExecType, Liquidity, OrderType, OrdStatus, ResultSource, Side, TimeInForce
from schemas.records.messages import OrderRequest, OrderResult
from streams.core.reference.instruments import Instrument
from streams.strategies.own_account import OwnAccount
from tests.builders import START, instrument, money, px


def request(order_id: str = "A-1") -> OrderRequest:
    terms = (Side.BUY, OrderType.LIMIT, TimeInForce.DAY, px("5"), px("10"), START)
    return OrderRequest(Action.NEW, order_id, None, "A", "s", "ABC", *terms)


def result(order_id: str = "A-1", **changes: Any) -> OrderResult:
    """A result of the order: the venue has it."""
    told: dict[str, Any] = {name: None for name in OrderResult._fields if name not in OrderResult._field_defaults}
    told |= {"result_id": "a0-1", "source": ResultSource.EXECUTION, "order_id": order_id, "account_id": "A"}
    told |= {"symbol": "ABC", "side": Side.BUY, "order_type": OrderType.LIMIT, "time_in_force": TimeInForce.DAY}
    told |= {"exec_type": ExecType.NEW, "ord_status": OrdStatus.NEW, "order_qty": px("5"), "price": px("10")}
    told |= {"cum_qty": 0, "leaves_qty": px("5"), "liquidity": Liquidity.UNKNOWN, "terminal": False}
    return OrderResult(**told | {"order_ts": START, "ts": START} | changes)


REFUSED: dict[str, Any] = {"exec_type": ExecType.REJECTED, "ord_status": OrdStatus.REJECTED, "text": "why"}


def test_a_refusal_ends_an_order() -> None:
    account = OwnAccount()
    account.sent([request()])
    order, _ = account.add(result(**REFUSED, terminal=True))
    assert order is not None
    assert (order.terminal, order.status, order.text) == (True, OrdStatus.REJECTED, "why")
    assert account.working == {}


def test_the_refusal_of_a_used_id_ends_an_order_without_a_result() -> None:
    account = OwnAccount()
    account.sent([request()])
    order, _ = account.add(result(**REFUSED, reason_code="DUPLICATE_ORDER_ID"))
    assert order is not None
    assert order.terminal
    assert account.working == {}


def test_the_refusal_of_a_used_id_leaves_the_order_that_has_it() -> None:
    account = OwnAccount()
    account.sent([request()])
    account.add(result())
    order, _ = account.add(result(**REFUSED, reason_code="DUPLICATE_ORDER_ID"))
    assert order is not None
    assert (order.terminal, order.code) == (False, "DUPLICATE_ORDER_ID")
    assert account.working["A-1"].status is OrdStatus.NEW


def test_an_order_that_another_sent_is_adopted_until_it_ends() -> None:
    account = OwnAccount()
    account.add(result("hand-7"))
    assert account.working["hand-7"].quantity == 5
    filled: dict[str, Any] = {
        "exec_type": ExecType.FILL,
        "ord_status": OrdStatus.FILLED,
        "terminal": True,
        "cum_qty": px("5"),
    }
    _, fill = account.add(result("hand-7", **filled, last_qty=px("5"), last_px=px("10"), commission=0))
    assert fill is not None
    assert (account.working, account.position("ABC")) == ({}, Decimal(5))


def test_an_answer_given_again_changes_nothing() -> None:
    account = OwnAccount(0)
    filled: dict[str, Any] = {"exec_type": ExecType.FILL, "ord_status": OrdStatus.FILLED, "cum_qty": px("5")}
    again = result(**filled, last_qty=px("5"), last_px=px("10"), commission=0, poss_resend=True)
    assert account.add(again) == (None, None)
    assert (account.working, account.positions, account.cash) == ({}, {}, 0)


def test_cash_counts_the_units_of_a_contract() -> None:
    contract = replace(Instrument.from_config(instrument("ABC")), contract_multiplier=px("50"))
    account = OwnAccount(money("1000"), {"ABC": contract})
    filled: dict[str, Any] = {
        "exec_type": ExecType.FILL,
        "ord_status": OrdStatus.FILLED,
        "terminal": True,
        "cum_qty": px("5"),
    }
    account.add(result(**filled, last_qty=px("1"), last_px=px("10"), commission=money("2")))
    assert account.cash == money(str(1000 - 50 * 10 - 2))
