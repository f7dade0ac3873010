"""The controls agree with the naive model on stories that bring windows, ratios and exposures to their limits."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.records.enums import Action, ControlKind, ResultSource, RiskEventKind, Side, TimeInForce
from schemas.records.messages import ApprovedOrder, OrderRequest, OrderResult, RiskEvent
from schemas.records.numbers import price_text
from tests.builders import (
    MS,
    PROPERTY,
    START,
    cancel,
    cents,
    config,
    control,
    instrument,
    limits,
    new,
    opening,
    quote,
    replace,
)
from tests.core.desk import Desk, of
from tests.core.risk.naive_controls import Naive, Sent, number

LIMITS: dict[str, dict[str, Any]] = {
    "message_rate": {"limit": 9, "window_ms": 50},
    "order_rate": {"limit": 6, "window_ms": 40},
    "order_rate_per_symbol": {"limit": 4, "window_ms": 40},
    "max_order_quantity": {"limit": "30"},
    "repeated_order": {"limit": 2, "window_ms": 60},
    "cancel_ratio": {"limit": "2", "window_ms": 200, "min_observations": 3, "observations_max": 6},
    "max_open_orders": {"limit": 6},
    "max_open_orders_per_symbol": {"limit": 4},
    "max_position": {"limit": "60"},
    "leverage": {"limit": "1.2"},
    "max_gross_exposure": {"limit": "1100"},
    "max_net_exposure": {"limit": "900"},
    "max_concentration": {"limit": "0.6"},
    "max_leverage": {"limit": "1"},
    "max_margin": {"limit": "0.4"},
}
LOOSE: dict[str, dict[str, Any]] = {
    name: {**values, "limit": type(values["limit"])(int(float(values["limit"]) * 1000) + 1)}
    for name, values in LIMITS.items()
}
MARGIN = {"ABC": Fraction(1, 4), "XYZ": Fraction(1, 2)}
INSTRUMENTS = (instrument("ABC", margin_rate="0.25"), instrument("XYZ", margin_rate="0.5"))
CASH = "1000"

STEPS = st.tuples(
    st.sampled_from(("new", "new", "new", "cancel", "replace", "replace", "quote", "quote", "restart")),
    st.sampled_from(("ABC", "ABC", "XYZ")),
    st.sampled_from((Side.BUY, Side.SELL)),
    st.sampled_from((1, 5, 5, 10, 24, 31)),
    st.none() | st.integers(-4, 4),
    st.sampled_from((0, 0, 0, 1, 7, 20, 45, 120)),
    st.integers(-20, 20),
    st.none() | st.tuples(st.integers(0, 7), st.booleans()),
)
"""What happens, where, which side, how many, at which distance, after how long, the market's drift, and the edge."""
EDGES = {
    "MAX_ORDER_QUANTITY": "max_order_quantity",
    "MAX_POSITION": "max_position",
    "BUYING_POWER": "leverage",
    "MAX_GROSS_EXPOSURE": "max_gross_exposure",
    "MAX_NET_EXPOSURE": "max_net_exposure",
    "MAX_CONCENTRATION": "max_concentration",
    "MAX_LEVERAGE": "max_leverage",
    "MAX_MARGIN": "max_margin",
}
"""Controls whose limit may be put to exactly what the next order will observe, or just below."""
TIGHT = st.sets(st.sampled_from(sorted(LIMITS)), max_size=5)


@given(st.lists(STEPS, min_size=8, max_size=45), TIGHT)
@settings(PROPERTY, max_examples=60)
def test_the_controls_say_what_the_naive_model_says(steps: list[Any], tight: set[str]) -> None:
    chosen = {name: LIMITS[name] if name in tight else LOOSE[name] for name in LIMITS}
    core = config(instruments=INSTRUMENTS, limits=limits(**({"max_order_notional": None} | chosen)))
    desk, naive = Desk(core), Naive({name: dict(values) for name, values in chosen.items()}, Fraction(CASH), MARGIN)
    desk.send(opening(cash=CASH))
    now = START
    middles = {"ABC": 1000, "XYZ": 1000}
    for symbol in middles:
        move(desk, naive, symbol, 1000, now)
    for step, (kind, symbol, side, quantity, offset, after_ms, drift, edge) in enumerate(steps):
        now += after_ms * MS
        price = None if offset is None else price_text(cents(middles[symbol] + offset))
        working = sorted(naive.orders())
        target = working[step % len(working)] if working else None
        if kind == "quote":
            middles[symbol] = max(middles[symbol] + drift, 500)
            move(desk, naive, symbol, middles[symbol], now)
        elif kind == "restart":
            desk.restart()
        elif kind == "new":
            tif = TimeInForce.IOC if price is None else TimeInForce.GTC
            request = new(f"o{step}", side, str(quantity), price, tif=tif, symbol=symbol, ts=now)
            ask_at_the_edge(desk, naive, request, None, edge, chosen)
        elif target is not None and kind == "replace" and not naive.orders()[target].pending:
            request = replace(f"r{step}", target, str(quantity), ts=now)
            ask_at_the_edge(desk, naive, request, target, edge, chosen)
        elif target is not None and kind == "cancel":
            ask(desk, naive, cancel(f"c{step}", target, ts=now), target)
        compare_worth(desk, naive)


def compare_worth(desk: Desk, naive: Naive) -> None:
    """Compares the account's valuation, kept from change to change, with the model's sum over all outputs."""
    worth = desk.accounts._state.valuation(desk.account())
    positions, exposures = naive.worth()
    assert Fraction(worth.equity, 10**18) == naive.equity()
    assert Fraction(worth.position_value, 10**18) == sum(positions)
    assert Fraction(worth.gross_exposure, 10**18) == sum(map(abs, positions))
    assert Fraction(worth.worst_exposure, 10**18) == sum(exposures)


def ask_at_the_edge(
    desk: Desk,
    naive: Naive,
    request: OrderRequest,
    target: str | None,
    edge: tuple[int, bool] | None,
    chosen: dict[str, dict[str, Any]],
) -> None:
    """Sends a request while one limit stands at an edge, and restores the limit."""
    moved = None if edge is None else to_the_edge(desk, naive, request, target, *edge)
    ask(desk, naive, request, target)
    if moved is not None:
        change(desk, naive, moved, chosen[moved]["limit"])


def to_the_edge(
    desk: Desk, naive: Naive, request: OrderRequest, target: str | None, number_of: int, above: bool
) -> str | None:
    """Sets a limit to the number that the request will observe, or a billionth below. Returns its name.

    Below, it prefers a limit that the request can't raise: the request must pass there all the same.
    """
    symbol = naive.orders()[target].symbol if target else request.symbol
    naive.sent.append(Sent(naive.clock(request.ts), request, symbol))
    judged = {item.code: item for item in naive.judged(request, target) if item.code in EDGES}
    naive.sent.pop()
    unraised = [code for code, item in judged.items() if not item.raises]
    codes = unraised if above and unraised else list(EDGES)
    code = codes[number_of % len(codes)]
    observed = judged[code].observed if code in judged else Fraction(0)
    billionths = int(observed * 10**9) - above
    if billionths <= 0:
        return None
    change(desk, naive, EDGES[code], price_text(billionths))
    return EDGES[code]


def change(desk: Desk, naive: Naive, name: str, limit: str) -> None:
    """An operator changes a limit."""
    naive.limits[name]["limit"] = limit
    desk.send(control(ControlKind.LIMITS, limits=json.dumps({name: {"limit": limit}})))


def move(desk: Desk, naive: Naive, symbol: str, middle: int, at: int) -> None:
    """Returns a quote two cents wide."""
    bid, ask_ = price_text(cents(middle - 1)), price_text(cents(middle + 1))
    outputs = desk.send(quote(bid, ask_, "20", "20", at=at, symbol=symbol))
    naive.market_ns = max(naive.market_ns, at)
    naive.quotes[symbol] = Fraction(middle, 100)
    naive.hear(outputs)


def ask(desk: Desk, naive: Naive, request: OrderRequest, target: str | None) -> None:
    """Sends a request and compares its refusal, or its warnings, with the model's."""
    symbol = naive.orders()[target].symbol if target else request.symbol
    naive.sent.append(Sent(naive.clock(request.ts), request, symbol))
    judged = [] if request.action is Action.CANCEL else list(naive.judged(request, target))
    refusal = next((item for item in judged if item.observed > item.limit and item.raises), None)
    outputs = desk.send(request)
    refused = [item for item in of(OrderResult, outputs) if item.source is ResultSource.RISK]
    assert [item.reason_code for item in refused] == ([refusal.code] if refusal else [])
    assert bool(of(ApprovedOrder, outputs)) is (refusal is None)
    if refusal is not None:
        limit, observed = refusal.shown or (refusal.limit, refusal.observed)
        assert number(refused[0].limit_value) == limit
        assert abs(number(refused[0].observed_value) - observed) < Fraction(2, 10**9)
    warned = [item.code for item in of(RiskEvent, outputs) if item.kind is RiskEventKind.LIMIT_WARNING]
    assert warned == ([] if refusal else naive.warnings(judged, symbol))
    naive.hear(outputs)
