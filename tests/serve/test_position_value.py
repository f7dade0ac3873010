"""Tests of the values of positions."""

from __future__ import annotations

from decimal import Decimal

import pytest

from schemas.records.enums import MarkKind
from schemas.records.messages import Mark, PositionReport
from streams.core.reference.declarations import ConversionConfig
from streams.serve.account_view import AccountView
from streams.serve.alpaca.account_json import account_json, position_json
from streams.serve.position_value import PositionValues
from tests import builders


def _mark(symbol: str, bid: str, ask: str) -> Mark:
    return Mark(symbol, MarkKind.QUOTE, builders.px(bid), None, builders.px(ask), None, builders.START)


def _position(symbol: str, quantity: str, cost: str) -> PositionReport:
    held, paid = builders.px(quantity), builders.money(cost)
    return PositionReport("A", symbol, None, held, builders.px("2"), paid, 0, 0, "USD", None, builders.START)


@pytest.fixture
def values() -> PositionValues:
    future = builders.instrument("FUT", contract_multiplier=Decimal(50))
    abroad = builders.instrument("EUR", currency="EUR")
    rates = [ConversionConfig(base="EUR", quote="USD", symbol="EURUSD")]
    instruments = (future, abroad, builders.instrument("EURUSD"))
    return PositionValues(builders.config(instruments=instruments, conversions=tuple(rates)))


def test_a_contract_is_worth_its_multiplier(values: PositionValues) -> None:
    values.take(_mark("FUT", "3", "5"))
    value = values.of(_position("FUT", "-2", "-200"))
    assert value == (builders.px("4"), builders.money("-400"), builders.money("-200"))


def test_a_position_is_worth_money_of_the_account(values: PositionValues) -> None:
    position = _position("EUR", "10", "20")
    values.take(_mark("EUR", "3", "3"))
    assert values.of(position) == (builders.px("3"), None, None)
    values.take(_mark("EURUSD", "1.5", "1.5"))
    assert values.of(position) == (builders.px("3"), builders.money("45"), builders.money("25"))


def test_a_split_ends_the_quotes_before_it(values: PositionValues) -> None:
    values.take(_mark("FUT", "3", "5"))
    values.take(_mark("FUT", "3", "5")._replace(kind=MarkKind.SPLIT, split_to=2, split_of=1))
    assert values.of(_position("FUT", "1", "100")) == (None, None, None)


def test_alpaca_shows_longs_and_shorts_at_their_value(values: PositionValues) -> None:
    values.take(_mark("FUT", "3", "5"))
    account = AccountView("A")
    for position in (_position("FUT", "-2", "-200"), _position("EUR", "10", "20")):
        account.positions[position.symbol] = position
    shown = account_json(account, values)
    assert (shown["long_market_value"], shown["short_market_value"]) == ("20", "-400")
    short = position_json(account.positions["FUT"], values.of(account.positions["FUT"]), account)
    amounts = [short[name] for name in ("market_value", "cost_basis", "unrealized_pl", "unrealized_plpc")]
    assert amounts == ["-400", "-200", "-200", "-1.0"]
