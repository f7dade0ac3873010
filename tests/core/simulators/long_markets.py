"""Seeded stories of a venue: long records with every kind of update, and requests that arrive within them.

A story is a function of its seed. Hypothesis draws the seed, so that a number reproduces a failure.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any, NamedTuple

from schemas.records.enums import Action, OffsetType, OrderType, Side, TimeInForce
from schemas.records.messages import ApprovedOrder, MarketData
from schemas.records.output import Message
from streams.core.core_config import CoreConfig
from tests.builders import MS, SECOND, START, cents, columns, config, heartbeat, joined, mock_config, px, top_of_book
from tests.core.simulators.rich_stories import CORES, FEES


class Traded(NamedTuple):
    """An instrument's symbol, tick and lot size (1e-9)."""

    symbol: str
    tick: int
    lot: int


ABC = Traded("ABC", px("0.01"), px(1))
DAY = 24 * 3600 * SECOND
VENUES: tuple[CoreConfig, ...] = (
    *CORES,
    config(instruments=FEES, simulators=(top_of_book(3, stale_after_ms=500, slippage={"model": "half-spread"}),)),
    mock_config(latency_ms_max=30, slippage_bps="20", failure_rate="0.1", instruments=FEES),
    config(instruments=(), mark_interval_ms=1_000),
)
STEPS = (0, 0, 1, 1, 3 * MS, 3 * MS, 3 * MS, 40 * MS, 40 * MS, 40 * MS, SECOND, SECOND, 70 * SECOND)


def story(seed: int, deep: bool, most: int = 120) -> list[Message]:
    """Returns requests and single updates of the symbol ABC by time; deep: with books of several levels."""
    draw = Random(seed)
    time_ns, middle, known = START, 1_000, list[str]()
    found: list[Message] = []
    busy = draw.choice((0.03, 0.15, 0.5))
    calm, shown = draw.choice((0.0, 0.0, 0.7)), dict[str, MarketData]()
    kinds = draw.choice(("Q", "QQQT", "QQQQQQTTHRSFD" + "B" * 4 * deep, "QQT" + "BBT" * deep))
    for number in range(draw.randrange(20, most)):
        time_ns += draw.choice(STEPS) if draw.random() < 0.99 else 2 * 3600 * SECOND
        middle += draw.choice((-1, 0, 0, 0, 1))
        if draw.random() < busy:
            sent_ns = time_ns + draw.choice((0, MS, 50 * MS, SECOND))
            found.append(request(draw, ABC, f"o{number}", known, cents(middle), sent_ns))
            known.append(f"o{number}")
        elif draw.random() < 0.03:
            found.append(heartbeat(time_ns + draw.choice((0, 5 * MS)), "ABC"))
        else:
            kind = draw.choice(kinds)
            again = shown.get(kind) if draw.random() < calm and kind in "QB" else None
            update = again or _update(draw, kind, middle, time_ns)
            shown[kind] = update
            found.append(update._replace(ts=time_ns, times=[time_ns]))
    return found


def batches(seed: int, updates: Sequence[Message]) -> list[Message]:
    """Returns the same story with consecutive updates joined into records, cut at random."""
    draw = Random(seed)
    found: list[Message] = []
    together: list[MarketData] = []
    share = draw.choice((0.0, 0.02, 0.3, 1.0))
    for message in updates:
        is_update = isinstance(message, MarketData) and bool(message.kinds)
        if together and (not is_update or draw.random() < share):
            found.append(joined(together))
            together = []
        if is_update:
            assert isinstance(message, MarketData)
            together.append(message)
        else:
            found.append(message)
    return [*found, joined(together)] if together else found


def _update(draw: Random, kind: str, middle: int, at: int) -> MarketData:
    plain = columns("ABC", [])._replace(ts=at, kinds=kind, times=[at])
    if kind == "Q":
        bid = middle - draw.choice((0, 1, 1, 1, 2))
        prices = (cents(bid), _size(draw), cents(bid + draw.choice((-1, 0, 1, 1, 1, 2, 9))), _size(draw))
        return columns("ABC", [("Q", at, prices)])
    if kind == "T":
        price = cents(middle + draw.choice((-2, -1, 0, 1, 2)))
        trade = columns("ABC", [("T", at, (price, px(draw.choice((1, 5, 40)))))])
        return trade._replace(aggressors=draw.choice("BS-"))
    if kind == "B":
        bids, asks = draw.randrange(4), draw.randrange(4)
        steps = [*(-depth for depth in range(bids)), *(1 + depth for depth in range(asks))]
        levels = [cents(middle + step) for step in steps]
        sizes = [px(draw.choice((1, 2, 30))) for _ in steps]
        return plain._replace(book_bids=[bids], book_asks=[asks], book_px=levels, book_sz=sizes)
    if kind == "S":
        to, of = draw.choice(((2, 1), (1, 2), (1, 1), (7, 3)))
        return plain._replace(split_to=[to], split_of=[of])
    if kind == "F":
        return plain._replace(funding_rate=[draw.choice((-30_000, 0, 10_000))], funding_px=[cents(middle)])
    return plain._replace(dividend=[px("0.24")]) if kind == "D" else plain


def _size(draw: Random) -> int:
    return draw.choice((px(1), px(3), px(3), px(3), px(20), px(20), px("2.5"), 0, -1))


def request(draw: Random, traded: Traded, name: str, known: Sequence[str], middle: int, at: int) -> ApprovedOrder:
    """Returns an order of any type near a price (1e-9), or a cancel or replace of a known order."""
    side = draw.choice((Side.BUY, Side.SELL))
    plain = ApprovedOrder(
        Action.NEW, name, None, draw.choice("AB"), None, traded.symbol, side, OrderType.LIMIT, TimeInForce.GTC,
        traded.lot * draw.choice((1, 2, 5, 30)), None, f"a-{name}", "s", at, at,
    )  # fmt: skip
    price, stop = (middle + traded.tick * draw.choice((-3, -1, -1, 0, 1, 1, 3)) for _ in range(2))
    if known and draw.random() < 0.25:
        target = plain._replace(orig_order_id=draw.choice(known[-8:]), account_id=draw.choice("AB"))
        if draw.random() < 0.5:
            return target._replace(action=Action.CANCEL)
        return target._replace(action=Action.REPLACE, price=price, stop_price=draw.choice((None, stop)))
    kind = draw.choice((OrderType.LIMIT,) * 6 + tuple(OrderType)[1:])
    return plain._replace(order_type=kind, **_form(draw, traded, kind, known, (price, stop), at))


def _form(
    draw: Random, traded: Traded, kind: OrderType, known: Sequence[str], prices: tuple[int, int], at: int
) -> dict[str, Any]:
    more: dict[str, Any] = {"time_in_force": draw.choice((TimeInForce.GTC, TimeInForce.DAY, TimeInForce.GTD))}
    if more["time_in_force"] is TimeInForce.GTD:
        more["expire_ts"] = at + draw.choice((MS, SECOND, 100 * SECOND, DAY))
    if draw.random() < 0.2:
        more["oco_group"] = draw.choice("gh")
    if known and draw.random() < 0.15:
        more["parent_order_id"] = draw.choice(known[-5:])
    if kind in (OrderType.LIMIT, OrderType.STOP_LIMIT):
        more["price"] = prices[0]
    if kind in (OrderType.STOP, OrderType.STOP_LIMIT, OrderType.MARKET_IF_TOUCHED):
        more["stop_price"] = prices[1]
    if kind is OrderType.TRAILING_STOP:
        by_price = (OffsetType.PRICE, traded.tick * draw.choice((13, 20)) // 10)
        kind_of_offset, offset = draw.choice((by_price, (OffsetType.PERCENT, px("0.2"))))
        more |= {"trailing_type": kind_of_offset, "trailing_offset": offset}
        more["stop_price"] = draw.choice((None, prices[1]))
    if kind is OrderType.LIMIT:
        more["post_only"] = draw.random() < 0.2
        more["display_quantity"] = traded.lot if draw.random() < 0.15 else None
    if kind in (OrderType.LIMIT, OrderType.MARKET) and draw.random() < 0.2:
        more = {"price": more.get("price"), "time_in_force": draw.choice((TimeInForce.IOC, TimeInForce.FOK))}
    return more
