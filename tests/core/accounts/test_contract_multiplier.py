"""Contracts of many units: vectors from the venues' documents, and the same trades in units as the model."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.records.enums import Side
from schemas.records.messages import AccountEquity, PositionReport
from streams.core.accounts.account_shard import AccountShard
from tests.builders import (
    PROPERTY,
    SECOND,
    START,
    config,
    fee,
    funding,
    instrument,
    limits,
    money,
    new,
    opening,
    px,
    quote,
)
from tests.core.desk import Desk, of

BUY, SELL = Side.BUY, Side.SELL
WIDE = limits(max_order_quantity=False, max_order_notional=False, max_position=False, leverage="100")
ES: dict[str, Any] = {"tick_size": "0.25", "contract_multiplier": "50", "margin_rate": "0.1"}


def trading(core_limits: Any = WIDE, **changes: Any) -> Desk:
    desk = Desk(config(instruments=(instrument(max_quantity="100000", **changes),), limits=core_limits))
    desk.send(opening())
    return desk


def at(price: str, seconds: int) -> Any:
    return quote(price, price, "100000", "100000", at=START + seconds * SECOND)


def test_a_future_gains_its_multiplier_for_each_point() -> None:
    """CME, "E-mini S&P 500 Futures": a contract is $50 times the index, a tick of 0.25 is $12.50."""
    desk = trading(**ES, fee=fee(per_unit="2.25"))
    desk.send(at("4500.25", 1), new("in", BUY, "2"), at("4500.5", 2), new("out", SELL, "2"))
    bought, sold = desk.fills
    assert (bought.notional, bought.contract_multiplier) == (money("450025"), px("50"))
    assert bought.position_avg_px == px("4500.25"), "a price of the market, not of a contract"
    assert sold.realised_pnl == money("25") - money("4.5"), "two ticks of 12.50, less the fee of two contracts"
    assert desk.account().ledger.cash == money("1000000") + money("25") - money("9")


def test_rates_of_fees_and_funding_are_shares_of_the_contracts_value() -> None:
    """OKX, "Perpetual futures": BTC-USDT-SWAP is 0.01 BTC; 300 contracts at 60000 are worth 180000 USDT."""
    desk = trading(contract_multiplier="0.01", tick_size="0.1", fee=fee(maker="0.0002", taker="0.0005"))
    desk.send(at("60000", 1), new("in", BUY, "300"))
    assert desk.fills[0].notional == money("180000")
    assert desk.fills[0].commission == money("90")
    desk.send(funding("0.0001", "60100", at=START + 2 * SECOND))
    assert desk.account().ledger.positions["ABC"].funding == money("-18.03")


def test_marks_exposure_and_buying_power_count_the_multiplier() -> None:
    desk = trading(limits(max_order_quantity=False, max_order_notional=False, max_position=False, leverage="4"), **ES)
    desk.send(at("4000", 1), new("in", BUY, "5"), at("4010", 2))
    desk.send(at("4010", 62))
    record = of(AccountEquity, desk.outputs)[-1]
    assert record.position_value == record.gross_exposure == money("1002500")
    assert record.unrealised_pnl == money("2500")
    assert record.buying_power == 4 * record.equity - record.gross_exposure
    desk.send(new("too-much", BUY, "16"))
    assert desk.results[-1].reason_code == "BUYING_POWER", "16 more are worth 3,208,000"
    desk.send(new("fits", BUY, "14"))
    assert desk.fills[-1].order_id == "fits"


@pytest.mark.parametrize(
    ("limit", "code"),
    [({"max_order_notional": "300000"}, "MAX_ORDER_NOTIONAL"), ({"max_margin": "0.03"}, "MAX_MARGIN")],
)
def test_limits_judge_the_value_of_contracts(limit: dict[str, Any], code: str) -> None:
    """Two contracts at 4000 are worth 400000, with a margin of 40000; one is within both limits."""
    desk = trading(limits(**({"max_order_notional": False, "max_order_quantity": False} | limit)), **ES)
    desk.send(at("4000", 1), new("two", BUY, "2"), new("one", BUY, "1"))
    assert desk.results[0].reason_code == code
    assert [item.order_id for item in desk.fills] == ["one"]


def test_slippage_of_a_fill_is_for_a_contract() -> None:
    desk = trading(**ES)
    desk.send(quote("4000", "4000.5", "100", "100", at=START), new("in", BUY, "1"))
    assert desk.fills[0].slippage_mid == px("12.5"), "quantity * slippage is in the currency, whatever the contract"


def test_a_position_and_its_multiplier_survive_a_restart() -> None:
    desk = trading(**ES)
    desk.send(at("4000", 1), new("in", SELL, "3"))
    before = desk.state()
    desk.restart()
    assert desk.state() == before
    assert AccountShard.from_state(desk.config, 0, desk.accounts.to_state()).to_state() == desk.accounts.to_state()
    desk.send(funding("0.0001", "4000", at=START + 2 * SECOND))
    assert of(PositionReport, desk.outputs)[-1].avg_px == px("4000")


def test_an_order_stays_within_the_bounds_of_money() -> None:
    with pytest.raises(ValidationError, match=r"max_quantity 1000000 \* contract_multiplier 1000 .*lower max_quantity"):
        instrument(contract_multiplier="1000")


TRADES = st.lists(
    st.tuples(st.sampled_from((BUY, SELL)), st.integers(1, 50), st.integers(90, 110)), min_size=1, max_size=8
)


@given(TRADES, st.sampled_from((2, 50, 100)))
@PROPERTY
def test_contracts_are_worth_as_many_units(trades: list[tuple[Side, int, int]], multiplier: int) -> None:
    """The same trades with so many times the quantity of a plain instrument: the same money in every record."""
    rates = fee(taker="0.0005")
    contracts = trading(contract_multiplier=str(multiplier), fee=rates)
    units = Desk(config(instruments=(instrument(fee=rates),), limits=WIDE))
    units.send(opening())
    for number, (side, quantity, price) in enumerate(trades, 1):
        contracts.send(at(str(price), number), new(f"o{number}", side, quantity))
        units.send(at(str(price), number), new(f"o{number}", side, quantity * multiplier))
    assert of(AccountEquity, contracts.outputs) == of(AccountEquity, units.outputs)
    assert [item.position_avg_px for item in contracts.fills] == [item.position_avg_px for item in units.fills]
