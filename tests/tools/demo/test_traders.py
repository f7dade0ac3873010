"""Plans of the demonstration's traders: orders and limits fit every market, with and without sizes."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from schemas.records.numbers import PRICE_SCALE, to_price
from streams.core.market.order_book import SIZE_UNKNOWN
from streams.core.risk.limits import RiskLimits
from streams.pipeline.feed.infer_instruments import infer_instruments
from streams.pipeline.feed.table import QUOTE, MarketTable
from streams.tools.demo.traders import Trader, limits_of, plan_traders

ROWS = 20
START = 1_700_000_000_000_000_000


def planned(price: str, size: int) -> list[Trader]:
    """Plans traders of a market with one price. size: 1e-9 units."""
    prices, sizes = np.full(ROWS, to_price(Decimal(price))), np.full(ROWS, size)
    times = START + np.arange(ROWS)
    kinds = np.full(ROWS, QUOTE, np.uint8)
    table = MarketTable(("XAUUSD",), np.zeros(ROWS, np.int32), kinds, times, prices, sizes, prices, sizes)
    return plan_traders(table, {item.symbol: item for item in infer_instruments(table)})


@pytest.mark.parametrize(
    ("price", "size"),
    [
        pytest.param("2031.55", SIZE_UNKNOWN, id="gold without sizes"),
        pytest.param("1.38671", SIZE_UNKNOWN, id="currency without sizes"),
        pytest.param("38000", 1_000 * PRICE_SCALE, id="a large contract"),
        pytest.param("0.00000002", 900_000_000 * PRICE_SCALE, id="a small coin"),
        pytest.param("90000000", SIZE_UNKNOWN, id="a price above the value of an order"),
    ],
)
def test_an_example_keeps_its_own_limits(price: str, size: int) -> None:
    for trader in planned(price, size):
        limits = RiskLimits.model_validate(limits_of(trader))
        assert limits.max_order_quantity is not None
        assert limits.max_order_notional is not None
        assert 0 < trader.quantity <= to_price(limits.max_order_quantity.limit)
        assert trader.quantity * trader.price <= to_price(limits.max_order_notional.limit) * PRICE_SCALE
        assert trader.quantity <= to_price(trader.instrument.max_quantity)


def test_without_sizes_an_order_is_worth_ten_thousand() -> None:
    assert {trader.quantity for trader in planned("2000", SIZE_UNKNOWN)} == {5 * PRICE_SCALE}
