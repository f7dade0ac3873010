"""Fees compared with published schedules and other projects' vectors, for single fills and whole orders.

Sources: zipline and the brokers' price lists, as in the project's reference vectors.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from infra.settings import REPOSITORY
from schemas.records.numbers import MONEY_SCALE
from streams.core.reference.declarations import ModelConfig
from streams.core.simulators.fee_models import SCHEDULES, Executed, FeeModel
from streams.core.simulators.model import ModelError, ModelKind
from streams.core.simulators.model_catalog import make_model
from streams.pipeline.reference.load_config import load_instruments
from tests.builders import config, instrument, money, new, px, quote
from tests.core.desk import ready

REFERENCE = REPOSITORY / "infra" / "reference" / "instruments.toml"


def model(name: str, **parameters: Any) -> FeeModel:
    made: FeeModel = make_model(ModelKind.FEE, ModelConfig.model_validate({"model": name} | parameters))
    return made


def executed(quantity: str, price: str, *, added: bool = False, fills: int = 1, before: str = "0") -> Executed:
    units, notional = px(quantity), px(quantity) * px(price)
    sides = (units, notional, 0, 0) if added else (0, 0, units, notional)
    return Executed(*sides, fills=fills, before=money(before))


def paid(fee: int) -> Fraction:
    return Fraction(fee, MONEY_SCALE)


@pytest.mark.parametrize("added", [True, False])
@pytest.mark.parametrize(
    ("name", "quantity", "price", "expected"),
    [
        ("ibkr-us-fixed", "100", "25", "1.00"),
        ("ibkr-us-fixed", "1000", "25", "5.00"),
        ("ibkr-us-fixed", "1000", "0.25", "2.50"),
        ("ibkr-us-fixed", "1", "25", "0.25"),
        ("ibkr-fx", "1000000", "1.25", "25"),
        ("ibkr-fx", "80000", "1.25", "2"),
        ("ibkr-fx", "1000", "1.25", "2"),
        ("binance-spot", "0.5", "60000", "30"),
        ("binance-spot", "0.00001", "0.01", "0.0000000001"),
    ],
)
def test_published_schedules(name: str, quantity: str, price: str, expected: str, added: bool) -> None:
    fee = model("published", schedule=name).order_fee(executed(quantity, price, added=added))
    assert paid(fee) == Fraction(expected)


@pytest.mark.parametrize(("added", "expected"), [(True, "6"), (False, "15")])
def test_a_perpetual_is_charged_by_its_own_schedule(added: bool, expected: str) -> None:
    """30,000 USDT traded: 0.02 % as a maker, 0.05 % as a taker."""
    (perpetual,) = (item for item in load_instruments(REFERENCE) if item.symbol == "BTCUSDT.BINANCE_USDM")
    fee: FeeModel = make_model(ModelKind.FEE, perpetual.fee)
    assert paid(fee.order_fee(executed("0.5", "60000", added=added))) == Fraction(expected)


def test_schedules_are_dated_and_name_their_source() -> None:
    for name, versions in SCHEDULES.items():
        assert [item.effective for item in versions] == sorted({item.effective for item in versions}), name
        assert all(item.source for item in versions)
    assert model("published", schedule="ibkr-fx", as_of="2026-01-01").order_fee(executed("1000", "1.25")) == money("2")
    with pytest.raises(ModelError, match="known from"):
        model("published", schedule="ibkr-fx", as_of="1990-01-01")
    with pytest.raises(ModelError, match="none of ibkr-us-fixed"):
        model("published", schedule="somebody's")


@pytest.mark.parametrize(
    ("minimum", "expected"),
    [
        ("0", ("1.725", "3", "3.75")),
        ("1", ("1.725", "3", "3.75")),
        ("2.5", ("2.5", "3", "3.75")),
        ("5.5", ("5.5",) * 3),
    ],
)
def test_per_share_over_partial_fills(minimum: str, expected: tuple[str, ...]) -> None:
    """0.0075 a share, fills of 230, 170, 100 (zipline): the order's total fee after each."""
    fee = {"model": "per-share", "amount": "0.0075", "minimum": minimum}
    desk = ready(config(instruments=(instrument(fee=fee),)))
    desk.send(quote(ask_sz="230"), new("o", quantity="500", price="10.02"))
    desk.send(quote(ask_sz="170"), quote(ask_sz="100"))
    assert [fill.quantity for fill in desk.fills] == [px("230"), px("170"), px("100")]
    so_far = [paid(sum(fill.commission for fill in desk.fills[:count])) for count in (1, 2, 3)]
    assert so_far == list(map(Fraction, expected))


def test_rates_go_by_liquidity() -> None:
    rates = model("rates", maker_rate="0.0002", taker_rate="0.0005", per_unit="0.01")
    assert paid(rates.order_fee(executed("3", "7", added=True))) == Fraction("0.0342")
    assert paid(rates.order_fee(executed("3", "7"))) == Fraction("0.0405")


def test_a_maker_may_be_paid_and_a_minimum_holds() -> None:
    points = model("basis-points", maker="-0.5", taker="3")
    assert paid(points.order_fee(executed("100", "10", added=True))) == Fraction("-0.05")
    assert paid(points.order_fee(executed("100", "10"))) == Fraction("0.3")
    assert paid(model("basis-points", maker="1", taker="1", minimum="4").order_fee(executed("1", "1"))) == 4


def test_tiers_go_by_what_was_traded_before_the_order() -> None:
    tiers = [
        {"from_notional": "0", "maker": "10", "taker": "10"},
        {"from_notional": "1000000", "maker": "8", "taker": "9"},
    ]
    tiered = model("tiered", tiers=tiers)
    assert paid(tiered.order_fee(executed("100", "10", before="999999.99"))) == 1
    assert paid(tiered.order_fee(executed("100", "10", before="1000000"))) == Fraction("0.9")
    assert paid(tiered.order_fee(executed("100", "10", added=True, before="5000000"))) == Fraction("0.8")
    with pytest.raises(ModelError, match="begin with 0 and rise"):
        model("tiered", tiers=tiers[::-1])


def test_an_accounts_volume_of_the_month_reaches_the_tier() -> None:
    tiers = [
        {"from_notional": "0", "maker": "10", "taker": "10"},
        {"from_notional": "1002", "maker": "5", "taker": "5"},
    ]
    desk = ready(config(instruments=(instrument(fee={"model": "tiered", "tiers": tiers}),)))
    desk.send(new("first", quantity="100"), quote(ask_sz="99"), new("second", quantity="100"))
    rates = [Decimal(fill.commission) / Decimal(fill.notional) for fill in desk.fills]
    assert rates == [Decimal("0.001"), Decimal("0.0005")]
    desk.restart()
    desk.send(quote(ask_sz="98"))
    assert Fraction(desk.fills[-1].commission, desk.fills[-1].notional) == Fraction("0.0005")


def test_fixed_fees() -> None:
    fixed = model("fixed", per_order="1.5", per_fill="0.25")
    assert [paid(fixed.order_fee(executed("1", "1", fills=count))) for count in (0, 1, 3)] == [
        0,
        Fraction("1.75"),
        Fraction("2.25"),
    ]


def test_an_orders_fee_is_rounded_to_the_minor_unit_as_a_whole() -> None:
    """0.0075 a share: 1, 2 and 3 shares cost 0.0075, 0.015, 0.0225: 0.01, 0.02 (half to even), 0.02."""
    fee = {"model": "per-share", "amount": "0.0075"}
    desk = ready(config(instruments=(instrument(fee=fee),), minor_units={"USD": 2}))
    desk.send(quote(ask_sz="1"), new("o", quantity="3", price="10.02"), quote(ask_sz="2"))
    desk.send(quote(ask_sz="1"))
    assert [paid(fill.commission) for fill in desk.fills][:1] == [Fraction("0.01")]
    assert paid(sum(fill.commission for fill in desk.fills)) == Fraction("0.02")
