"""A working order goes through JSON with every field in its place."""

from __future__ import annotations

import json

from schemas.records.enums import OrdStatus
from streams.core.ledger.working_order import WorkingOrder
from tests.builders import new


def test_a_working_order_comes_back_from_json() -> None:
    order = WorkingOrder(new("o1"), 7, 6, 5, 4, OrdStatus.PARTIALLY_FILLED, 8, waiting=True, triggered=False)
    back = WorkingOrder.from_state(json.loads(json.dumps(order.to_state())))
    assert back.request == order.request
    assert back.status is OrdStatus.PARTIALLY_FILLED
    assert (back.quantity, back.price, back.stop_price, back.cum_quantity) == (7, 6, 5, 4)
    assert (back.replace_quantity, back.waiting, back.triggered) == (8, True, False)
