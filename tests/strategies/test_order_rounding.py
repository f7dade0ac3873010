"""Rounding never makes an order larger, dearer or sooner; bars hold what came before they are told."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.records.enums import OffsetType, OrderType, Side
from schemas.records.numbers import to_price
from streams.core.reference.instruments import Instrument
from streams.errors import InputError
from streams.strategies.market_bars import BarBuilder, BarKind, BarSource, BarSpec, MarketBar
from streams.strategies.market_view import TradeUpdate
from streams.strategies.order_rounding import offset_on_tick, price_on_tick, quantity_in_lots, stop_on_tick
from streams.strategies.strategy import Tick
from tests.builders import PROPERTY, SECOND, instrument, px

ABC = Instrument.from_config(instrument("ABC"))
PRICES = st.decimals("0.02", "1000", places=4)


@settings(PROPERTY)
@given(price=PRICES)
def test_a_rounded_price_is_never_worse_and_less_than_a_tick_away(price: Decimal) -> None:
    buy, sell = (price_on_tick(price, side, ABC) for side in (Side.BUY, Side.SELL))
    assert buy <= to_price(price) <= sell
    assert max(to_price(price) - buy, sell - to_price(price)) < ABC.tick_size
    assert buy % ABC.tick_size == sell % ABC.tick_size == 0


@settings(PROPERTY)
@given(price=PRICES)
def test_a_rounded_stop_is_never_reached_sooner(price: Decimal) -> None:
    exact = to_price(price)
    assert (
        stop_on_tick(price, Side.BUY, OrderType.STOP, ABC)
        >= exact
        >= stop_on_tick(price, Side.SELL, OrderType.STOP, ABC)
    )
    touched = OrderType.MARKET_IF_TOUCHED
    assert stop_on_tick(price, Side.BUY, touched, ABC) <= exact <= stop_on_tick(price, Side.SELL, touched, ABC)
    assert offset_on_tick(price, OffsetType.PRICE, ABC) >= exact == offset_on_tick(price, OffsetType.PERCENT, ABC)


def test_a_float_means_its_shortest_text() -> None:
    assert price_on_tick(0.29, Side.BUY, ABC) == price_on_tick("0.29", Side.BUY, ABC) == px("0.29")


@pytest.mark.parametrize("quantity", ["0.9", "0", "-3", "1e30", "nan", "many", None])
def test_a_quantity_out_of_bounds_is_an_error(quantity: Any) -> None:
    with pytest.raises(InputError):
        quantity_in_lots(quantity, ABC)


def test_a_quantity_is_rounded_down_to_the_lot() -> None:
    assert quantity_in_lots("7.9", ABC) == px(7)


def bars(kind: BarKind, size: int, source: BarSource, updates: list[Any]) -> list[tuple[Any, ...]]:
    """Returns open, high, low, close, volume and number of updates of each bar."""
    builder = BarBuilder(BarSpec("ABC", kind, size, source))
    found: list[MarketBar | None] = []
    for update in updates:
        found += [builder.close_before(update.ts), builder.add(update)]
    return [tuple(int(number) for number in bar[1:7]) for bar in found if bar is not None]


def test_a_time_bar_ends_with_the_first_update_behind_it() -> None:
    times = [SECOND, SECOND + 1, 2 * SECOND - 1, 2 * SECOND, 5 * SECOND]
    quotes = [Tick(px(mid - 1), 1, px(mid + 1), 1, ts) for mid, ts in zip((5, 9, 7, 4, 3), times, strict=True)]
    assert bars(BarKind.TIME, SECOND, BarSource.QUOTES, quotes) == [(5, 9, 5, 7, 0, 3), (4, 4, 4, 4, 0, 1)]
    assert bars(BarKind.TIME, SECOND, BarSource.QUOTES, quotes[:3]) == [], "not before"


def test_bars_of_updates_and_of_volume_end_with_the_update_that_completes_them() -> None:
    trades = [TradeUpdate(px(price), px(size), "-", ts) for ts, (price, size) in enumerate(((5, 2), (6, 9), (4, 1)), 1)]
    assert bars(BarKind.TICK, 2, BarSource.TRADES, trades) == [(5, 6, 5, 6, 11, 2)]
    assert bars(BarKind.VOLUME, px(10), BarSource.TRADES, trades) == [(5, 6, 5, 6, 11, 2)]
    assert bars(BarKind.TICK, 1, BarSource.QUOTES, trades) == [], "trades are no quotes"
