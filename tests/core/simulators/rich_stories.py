"""Hypothesis strategies of stories: every order type, deep books, trades of both sides, halts, cancels and replaces."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from schemas.records.enums import Action, OffsetType, OrderType, Side, TimeInForce
from schemas.records.messages import MarketData, OrderRequest
from schemas.records.numbers import price_text
from schemas.records.output import Message
from streams.core.core_config import CoreConfig
from streams.core.reference.declarations import SimulatorConfig
from tests.builders import (
    CENTS,
    LOTS,
    MS,
    SECOND,
    SIDES,
    START,
    book,
    cancel,
    cents,
    config,
    fee,
    instrument,
    new,
    opening,
    px,
    quote,
    replace,
    top_of_book,
    trade,
    trading,
)

FEES = (instrument(fee=fee(maker="0.0001", taker="0.00035", per_unit="0.0035")),)
LATENCY = {
    "new": {"model": "uniform", "max_ms": "30"},
    "cancel": {"model": "constant", "ms": "45"},
    "replace": {"model": "lognormal", "median_ms": "5", "sigma": "0.7"},
}
SIMULATORS: tuple[SimulatorConfig, ...] = (
    top_of_book(),
    top_of_book(fill={"model": "trade-through"}, latency=LATENCY),
    top_of_book(fill={"model": "queue"}),
    top_of_book(fill={"model": "queue"}, queue={"model": "power"}, latency=LATENCY),
    top_of_book(fill={"model": "queue"}, queue={"model": "log"}),
    top_of_book(slippage={"model": "fixed-bps"}),
    top_of_book(slippage={"model": "volume-share"}, latency=LATENCY),
)
TIERS = [{"from_notional": "0", "maker": "1", "taker": "2"}, {"from_notional": "500", "maker": "0.5", "taker": "1"}]
FEE_MODELS: tuple[dict[str, Any], ...] = (
    FEES[0].fee.model_dump(),
    {"model": "per-share", "amount": "0.0075", "minimum": "1"},
    {"model": "published", "schedule": "ibkr-us-fixed"},
    {"model": "basis-points", "maker": "1", "taker": "3", "minimum": "2"},
    {"model": "tiered", "tiers": TIERS},
    {"model": "fixed", "per_order": "1", "per_fill": "0.25"},
    {"model": "published", "schedule": "binance-spot"},
)
CORES: tuple[CoreConfig, ...] = tuple(
    config(instruments=(instrument(fee=fees),), simulators=(simulator,), minor_units={"USD": 2})
    for simulator, fees in zip(SIMULATORS, FEE_MODELS, strict=True)
)
LASTING = st.sampled_from((TimeInForce.DAY, TimeInForce.GTC))


@st.composite
def levels(draw: st.DrawFn, at: int) -> MarketData:
    bid = draw(CENTS)
    sides = []
    for first, sign in ((bid, -1), (bid + draw(st.integers(1, 4)), 1)):
        sizes = draw(st.lists(LOTS, min_size=0, max_size=4))
        sides.append([(price_text(cents(first + sign * depth)), str(size)) for depth, size in enumerate(sizes)])
    return book(*sides, at=at)


@st.composite
def market_updates(draw: st.DrawFn, at: int) -> MarketData:
    """Draws a record with one update."""
    kind = draw(st.sampled_from(("quote",) * 4 + ("book",) * 2 + ("trade",) * 4 + ("halt",)))
    price = draw(CENTS)
    if kind == "quote":
        ask = price + draw(st.integers(0, 4))
        sizes = (str(draw(LOTS)), str(draw(LOTS)))
        return quote(price_text(cents(price)), price_text(cents(ask)), *sizes, at=at)
    if kind == "book":
        return draw(levels(at))
    if kind == "trade":
        return trade(price_text(cents(price)), str(draw(LOTS)), at=at, aggressor=draw(st.sampled_from("BS-")))
    return trading(draw(st.sampled_from("HRRR")), at=at)


@st.composite
def orders(draw: st.DrawFn, order_id: str, known: list[str], ts: int) -> OrderRequest:
    """Draws a new order with a valid combination of fields."""
    kind = draw(st.sampled_from(list(OrderType)[1:]))
    side, quantity = draw(SIDES), draw(LOTS)
    price, stop_price = (cents(draw(CENTS)) for _ in range(2))
    more: dict[str, Any] = {}
    if kind is OrderType.LIMIT:
        more["price"] = price
        choice = draw(st.sampled_from(("plain", "plain", "post", "iceberg", "IOC", "FOK")))
        more["post_only"] = choice == "post"
        if choice == "iceberg" and quantity > 1:
            more["display_quantity"] = px(draw(st.integers(1, quantity - 1)))
        if choice in ("IOC", "FOK"):
            more["time_in_force"] = TimeInForce(choice)
    elif kind is OrderType.MARKET:
        more["time_in_force"] = draw(st.sampled_from((TimeInForce.DAY, TimeInForce.IOC, TimeInForce.FOK)))
    elif kind is OrderType.STOP_LIMIT:
        more |= {"price": price, "stop_price": stop_price}
    elif kind is OrderType.TRAILING_STOP:
        unit = draw(st.sampled_from((OffsetType.PRICE, OffsetType.PERCENT)))
        more |= {"trailing_offset": cents(draw(st.integers(1, 9))), "trailing_type": unit}
    else:
        more["stop_price"] = stop_price
    if "time_in_force" not in more and draw(st.integers(0, 3)) == 0:
        more |= {"time_in_force": TimeInForce.GTD, "expire_ts": ts + draw(st.sampled_from((1, 50 * MS, SECOND)))}
    if "time_in_force" not in more or more["time_in_force"] is TimeInForce.DAY:
        if draw(st.integers(0, 3)) == 0:
            more["oco_group"] = draw(st.sampled_from(("g", "h")))
        if known and draw(st.integers(0, 4)) == 0:
            more["parent_order_id"] = draw(st.sampled_from(known))
    more["reduce_only"] = draw(st.booleans()) and draw(st.booleans())
    return new(order_id, side, str(quantity), order_type=kind, ts=ts)._replace(**more)


@st.composite
def rich_stories(draw: st.DrawFn, most: int = 40) -> list[Message]:
    """Draws inputs that begin with the opening of a session; market time never falls."""
    time_ns = START
    story: list[Message] = [opening(), quote(at=START)]
    known: list[str] = []
    kinds = st.sampled_from(("market",) * 6 + ("new",) * 5 + ("cancel", "replace", "mass"))
    for number in range(draw(st.integers(5, most))):
        kind = draw(kinds)
        name = f"o{number}"
        target = draw(st.sampled_from(known)) if known else "o?"
        if kind == "market":
            time_ns += draw(st.sampled_from((0, 1, 3 * MS, 40 * MS, SECOND, 70 * SECOND)))
            story.append(draw(market_updates(time_ns)))
        elif kind == "new":
            story.append(draw(orders(name, known, time_ns)))
            known.append(name)
        elif kind == "cancel":
            story.append(cancel(name, target, ts=time_ns))
        elif kind == "replace":
            moved = replace(name, target, draw(st.none() | LOTS.map(str)), ts=time_ns)
            story.append(
                moved._replace(price=draw(st.none() | CENTS.map(cents)), stop_price=draw(st.none() | CENTS.map(cents)))
            )
        else:
            side = draw(st.sampled_from((Side.UNKNOWN, Side.BUY)))
            story.append(cancel(name, None, ts=time_ns)._replace(action=Action.MASS_CANCEL, side=side))
    return story
