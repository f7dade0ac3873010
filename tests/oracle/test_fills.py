"""Fills compared with published numbers: book walks, volume share, queues, queue models, impact formulas.

Sources: freqtrade (book walk), zipline (volume share, fixed basis points), NautilusTrader (queue), hftbacktest (queue
models), Almgren et al. 2005.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from schemas.records.enums import Side
from schemas.records.numbers import price_to_decimal
from streams.core.reference.declarations import ModelConfig
from streams.core.simulators.model import ModelKind
from streams.core.simulators.model_catalog import make_model
from streams.core.simulators.slippage_models import Almgren, Beyond, SlippageModel, SquareRoot
from tests.builders import MS, START, book, config, instrument, new, px, quote, top_of_book, trade
from tests.core.desk import fills_of, last, ready

ASKS = (("25.566", "14.27"), ("25.567", "48.484"), ("25.568", "92.349"))
BIDS = (("25.563", "49.269"), ("25.562", "83"))
FINE = instrument(tick_size="0.001", lot_size="0.001", min_quantity="0.001")


@pytest.mark.parametrize(("side", "average"), [(Side.BUY, "25.5672"), (Side.SELL, "25.5625")])
def test_a_market_order_walks_the_book(side: Side, average: str) -> None:
    desk = ready(config(instruments=(FINE,)), market=False)
    desk.send(book(BIDS, ASKS), new("o", side, "100"))
    result = last(desk)
    assert (result.ord_status, result.cum_qty) == ("FILLED", px("100"))
    assert result.avg_px is not None
    assert price_to_decimal(result.avg_px).quantize(Decimal("0.0001")) == Decimal(average)


def slippage(name: str, **parameters: Any) -> SlippageModel:
    made: SlippageModel = make_model(ModelKind.SLIPPAGE, ModelConfig.model_validate({"model": name} | parameters))
    return made


def test_volume_share() -> None:
    """Price 3, volume 200, buy 100, limit 2.5 %, impact 0.1: 5 at 3.0001875."""
    impact = slippage("volume-share").beyond(Beyond(px("100"), px("3"), 0, px("200")))
    assert impact == (px("5"), px("0.0001875"))


def test_fixed_basis_points() -> None:
    """5 bp with a limit of 10 % of the volume: 20 at 3.0015."""
    impact = slippage("fixed-bps", bps="5", volume_limit="0.1").beyond(Beyond(px("100"), px("3"), 0, px("200")))
    assert impact == (px("20"), px("0.0015"))


def test_sales_of_the_market_consume_the_queue() -> None:
    """100 ahead of a buy limit of 50; sells of 80, 30, 50 trade at the level: fills 0, 10, 40."""
    desk = ready(config(simulators=(top_of_book(fill={"model": "queue"}),)))
    desk.send(quote(bid_sz="100"), new("o", quantity="50", price="10.00"))
    filled = []
    for number, size in enumerate(("80", "30", "50")):
        before = len(desk.fills)
        desk.send(trade("10.00", size, at=START + number * MS, aggressor="S"))
        filled.append(sum(fill.quantity for fill in desk.fills[before:]) // px(1))
    assert filled == [0, 10, 40]
    assert {price for _, price, _ in fills_of(desk)} == {px("10.00")}


@pytest.mark.parametrize(("model", "expected"), [("power", "0.927027"), ("log", "0.553835")])
def test_queue_models(model: str, expected: str) -> None:
    """Front 30, back 70: the probability that a decrease comes from behind."""
    share, total = make_model(ModelKind.QUEUE, ModelConfig(model=model)).from_behind(px("30"), px("70"))
    assert round(Fraction(share, total), 6) == Fraction(expected)


def test_almgren_2005() -> None:
    """The formulas with their published coefficients, computed here in floats."""
    sigma, volume, outstanding, days, size = 0.0157, 1.929e6, 56.45e6, 0.2, 192_900.0
    model = Almgren(
        daily_volatility=Decimal(str(sigma)),
        daily_volume=Decimal(str(volume)),
        shares_outstanding=Decimal(str(outstanding)),
        duration_days=Decimal(str(days)),
    )
    permanent = 0.314 * sigma * (size / volume) * (outstanding / volume) ** 0.25
    temporary = 0.142 * sigma * (size / (volume * days)) ** 0.6
    assert float(model.permanent(Decimal(size))) == pytest.approx(permanent, rel=1e-12)
    assert float(model.temporary(Decimal(size))) == pytest.approx(temporary, rel=1e-12)
    impact = model.beyond(Beyond(px("192900"), px("50"), 0, 0))
    assert impact.slippage / 1e9 == pytest.approx(50 * (permanent / 2 + temporary), abs=1e-9)


def test_square_root_law() -> None:
    model = SquareRoot(y=Decimal("0.7"), daily_volatility=Decimal("0.02"), daily_volume=Decimal(1_000_000))
    impact = model.beyond(Beyond(px("10000"), px("40"), 0, 0))
    assert impact.slippage / 1e9 == pytest.approx(40 * 0.7 * 0.02 * 0.1)


def test_half_spreads() -> None:
    assert slippage("half-spread", factor="1.5").beyond(Beyond(px("10"), px("40"), px("0.02"), 0)).slippage == px(
        "0.03"
    )
