"""The best limit price of working orders equals the best of all of them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from schemas.records.enums import Side
from streams.core.ledger.working_order import STALE_LIMITS_MAX, SideOrders, WorkingOrder
from tests.builders import new, px

PRICES = st.none() | st.integers(1, 5)
STEPS = st.lists(st.tuples(st.sampled_from(["add", "remove", "move"]), st.integers(0, 9), PRICES), max_size=200)


@given(st.sampled_from([Side.BUY, Side.SELL]), STEPS)
def test_it_is_the_best_of_those_that_work(side: Side, steps: list[tuple[str, int, int | None]]) -> None:
    orders = SideOrders()
    for kind, number, price in steps:
        name = f"o{number}"
        if kind == "add" and name not in orders.by_id:
            orders.by_id[name] = order = WorkingOrder(new(name, side), px(1), price)
            orders.note_limit(order)
        elif kind == "remove":
            orders.by_id.pop(name, None)
        elif kind == "move" and name in orders.by_id:
            orders.by_id[name].price = price
            orders.note_limit(orders.by_id[name])
        prices = [order.price for order in orders.by_id.values() if order.price is not None]
        best = max if side is Side.BUY else min
        assert orders.best_limit() == best(prices, default=None)


def test_prices_of_orders_that_have_gone_are_swept_out() -> None:
    orders = SideOrders()
    standing = WorkingOrder(new("standing"), px(1), px("10"))
    for number in range(10 * STALE_LIMITS_MAX):
        order = WorkingOrder(new(f"o{number}"), px(1), px("9"))
        orders.by_id = {"standing": standing, order.order_id: order}
        orders.note_limit(order)
    orders.note_limit(standing)
    assert len(orders._limits) <= STALE_LIMITS_MAX + 4
    assert orders.best_limit() == px("10")
