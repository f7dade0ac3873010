"""Funding and dividends: vectors worked out by hand, and an independent model of an account's cash."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.records.enums import BreakerState, ControlKind, EquityTrigger, ExecType, Side
from schemas.records.messages import AccountEquity, ExecutionReport, MarketData, PositionReport, RiskEvent
from schemas.records.numbers import MONEY_SCALE, PRICE_SCALE
from schemas.records.output import RecordRefused
from streams.core.accounts.payments import payment
from streams.core.core_config import CoreConfig
from streams.core.reference.declarations import ConversionConfig
from streams.core.venue.notices import payment_notice
from tests.builders import (
    PROPERTY,
    SECOND,
    START,
    config,
    control,
    dividend,
    fee,
    funding,
    instrument,
    limits,
    money,
    new,
    opening,
    px,
    quote,
    split,
)
from tests.core.desk import Desk, of

BUY, SELL = Side.BUY, Side.SELL
PERPETUAL = instrument(lot_size="0.001", min_quantity="0.001", tick_size="0.1", max_quantity="1000")
LARGE = limits(max_order_quantity=False, max_order_notional=False, max_position=False, leverage="100")


def held(*positions: tuple[str, Side, str], core: CoreConfig | None = None) -> Desk:
    """Returns a desk of accounts that each hold a position in ABC, bought or sold at 60000."""
    desk = Desk(core or config(instruments=(PERPETUAL,), limits=LARGE))
    desk.send(*(opening(account) for account, _, _ in positions))
    desk.send(quote("60000", "60000", "1000", "1000"))
    for account, side, quantity in positions:
        desk.send(new(f"o-{account}", side, quantity, account=account))
    return desk


def received(desk: Desk, account: str) -> int:
    return desk.accounts.accounts[account].ledger.positions["ABC"].funding


@pytest.mark.parametrize(
    ("rate", "expected"),
    [("0.0001", "-9.018525"), ("-0.00012345", "11.13336911250"), ("0", "0"), ("1", "-90185.25")],
)
def test_longs_pay_the_rate_of_the_marks_value_to_shorts(rate: str, expected: str) -> None:
    """1.5 at a mark of 60123.5 are worth 90185.25, whatever the market quotes."""
    desk = held(("L", BUY, "1.5"), ("S", SELL, "1.5"))
    cash = {name: account.ledger.cash for name, account in desk.accounts.accounts.items()}
    outputs = desk.send(funding(rate, "60123.5", at=START + SECOND))
    assert (received(desk, "L"), received(desk, "S")) == (money(expected), -money(expected))
    for name, account in desk.accounts.accounts.items():
        assert account.ledger.cash - cash[name] == received(desk, name)
    equities = of(AccountEquity, outputs)
    assert [(item.trigger, item.funding, item.dividends) for item in equities] == [
        (EquityTrigger.FUNDING, money(expected), 0),
        (EquityTrigger.FUNDING, -money(expected), 0),
    ]
    for item in equities:
        assert item.equity == money("1000000") + item.realised_pnl + item.unrealised_pnl + item.funding
    reports = of(PositionReport, outputs)
    assert [(item.account_id, item.funding, item.realised_pnl) for item in reports] == [
        ("L", money(expected), 0),
        ("S", -money(expected), 0),
    ]
    assert reports[0].exec_id == of(ExecutionReport, outputs)[0].exec_id


def test_a_dividend_is_received_on_longs_and_paid_on_shorts() -> None:
    """0.24 a share (Apple, 2023): 300 shares receive 72, a short of 50 pays 12."""
    desk = held(("L", BUY, "300"), ("S", SELL, "50"), core=config(limits=LARGE))
    outputs = desk.send(dividend("0.24", at=START + SECOND))
    found = [(item.trigger, item.dividends, item.funding) for item in of(AccountEquity, outputs)]
    assert found == [(EquityTrigger.DIVIDEND, money("72"), 0), (EquityTrigger.DIVIDEND, money("-12"), 0)]


def test_only_positions_at_the_notice_are_paid() -> None:
    """An account that was flat, or that trades another symbol, has no record of it."""
    desk = held(("A", BUY, "1"), ("B", BUY, "1"))
    desk.send(new("out", SELL, "1", account="B"))
    outputs = desk.send(funding("0.0001", "60000", at=START + SECOND), funding("0.0001", "1", symbol="XYZ"))
    assert [item.account_id for item in of(AccountEquity, outputs)] == ["A"]
    assert received(desk, "B") == 0


def test_a_fill_behind_the_notice_is_not_paid() -> None:
    """The order arrives after the funding, so its report stands behind the notice."""
    desk = Desk(config(instruments=(PERPETUAL,), limits=LARGE), hold=True)
    desk.send(opening(), quote("60000", "60000", "1000", "1000"))
    desk.deliver_all()
    desk.send(new("o", BUY, "1"))
    desk.send(funding("0.0001", "60000"))
    desk.deliver_all()
    assert desk.account().ledger.positions["ABC"].quantity == px("1")
    assert desk.account().ledger.positions["ABC"].funding == 0


def test_payments_are_converted_into_the_accounts_currency() -> None:
    """1 EUR = 1.25 USD: funding of -6 USD costs 4.80 EUR."""
    pair = ConversionConfig(base="EUR", quote="USD", symbol="EURUSD")
    desk = Desk(config(instruments=(PERPETUAL, instrument("EURUSD")), conversions=(pair,), limits=LARGE))
    desk.send(opening(currency="EUR"), quote("1.2499", "1.2501", symbol="EURUSD"))
    desk.send(quote("60000", "60000", "1000", "1000"), new("o", BUY, "1"))
    desk.send(funding("0.0001", "60000", at=START + SECOND))
    assert received(desk, "A") == money("-4.8")


def test_sums_survive_a_restart_and_begin_anew_with_a_session() -> None:
    desk = held(("A", BUY, "1"))
    before = desk.state()
    desk.restart()
    assert desk.state() == before
    desk.send(funding("0.0001", "60000", at=START + SECOND), dividend("2", at=START + SECOND))
    desk.restart()
    newest = desk.account().ledger.positions["ABC"]
    assert (newest.funding, newest.dividends) == (money("-6"), money("2"))
    assert newest.settled_pnl == money("-4")
    desk.send(new("out", SELL, "1"), control(ControlKind.SESSION_CLOSE), opening(session="session-2"))
    assert of(AccountEquity, desk.outputs)[-1].funding == 0


def test_funding_opens_a_breaker() -> None:
    breakers = {"loss": {"kind": "loss", "amount": "5"}}
    core = config(
        instruments=(PERPETUAL,), limits=LARGE.model_copy(update={"breakers": limits(breakers=breakers).breakers})
    )
    desk = held(("A", BUY, "1"), core=core)
    desk.send(funding("0.00008", "60000", at=START + SECOND))
    assert desk.account().breakers.by_name["loss"].state is BreakerState.CLOSED
    outputs = desk.send(funding("0.00004", "60000", at=START + 2 * SECOND))
    assert desk.account().breakers.by_name["loss"].state is BreakerState.OPEN
    (event,) = (item for item in of(RiskEvent, outputs) if item.breaker == "loss")
    assert event.cause == of(ExecutionReport, outputs)[0].exec_id, "by the payment, not by the next mark"


STEPS = st.integers(1, 10**6).map(lambda lots: lots * PRICE_SCALE // 1000)
RATES = st.integers(-10_000_000, 10_000_000).map(lambda rate: rate * 10)
MARKS = st.integers(1, 10**7).map(lambda ticks: ticks * PRICE_SCALE // 10)


@given(st.lists(STEPS, min_size=1, max_size=6), st.lists(STEPS, max_size=6), RATES, MARKS)
@PROPERTY
def test_a_funding_sums_to_zero_over_all_accounts(bought: list[int], sold: list[int], rate: int, mark: int) -> None:
    """Lots of 0.001, ticks of 0.1, rates of 1e-8: one more account takes the other side of all."""
    rest = sum(bought) - sum(sold)
    notice = payment_notice("ABC", ExecType.FUNDING, rate, mark, "x-1", START)
    paid = [payment(quantity, notice) for quantity in (*bought, *(-quantity for quantity in sold), -rest)]
    assert sum(paid) == 0


@given(st.integers(-(10**18), 10**18), st.integers(-PRICE_SCALE, PRICE_SCALE), st.integers(1, 10**18 - 1))
@PROPERTY
def test_opposite_positions_pay_each_other_whatever_is_rounded(quantity: int, rate: int, mark: int) -> None:
    notice = payment_notice("ABC", ExecType.FUNDING, rate, mark, "x-1", START)
    paid = payment(quantity, notice)
    assert paid + payment(-quantity, notice) == 0
    exact = -Fraction(quantity * rate * mark, PRICE_SCALE)
    assert abs(paid - exact) <= Fraction(1, 2)


def test_before_this_rule_a_funding_was_no_market_data() -> None:
    """The dead letter of an old journal keeps its words."""
    desk = Desk(config(instruments=(PERPETUAL,), positions_bring_payments=False))
    with pytest.raises(RecordRefused, match=r"kinds holds letters other than B, H, Q, R, S, T$"):
        desk.send(funding("0.0001", "60000"))


EVENTS = st.one_of(
    st.tuples(st.sampled_from((BUY, SELL)), st.integers(1, 300), st.integers(900, 1100)),
    st.tuples(st.just("funding"), st.integers(-300, 300), st.integers(900, 1100)),
    st.tuples(st.just("dividend"), st.integers(1, 300), st.just(0)),
    st.tuples(st.just("split"), st.integers(1, 4), st.integers(1, 4)),
)


@given(st.lists(EVENTS, max_size=12))
@PROPERTY
def test_cash_is_that_of_an_independent_model(events: list[tuple[object, int, int]]) -> None:
    """The model is fractions: fills at the quote with a fee of 0.01 a unit, payments, and splits that leave cash."""
    shares = instrument(fee=fee(per_unit="0.01"), max_quantity="1000000")
    desk = Desk(config(instruments=(shares,), limits=LARGE))
    desk.send(opening())
    cash, quantity, funded, shared = Fraction(1_000_000), Fraction(0), Fraction(0), Fraction(0)
    for number, (kind, first, second) in enumerate(events, 1):
        at = START + number * SECOND
        if isinstance(kind, Side):
            price = Fraction(second, 100)
            text = f"{second / 100:.2f}"
            desk.send(quote(text, text, "1000000", "1000000", at=at), new(f"o{number}", kind, str(first)))
            signed = first if kind is BUY else -first
            if desk.fills and desk.fills[-1].order_id == f"o{number}":
                cash -= signed * price + Fraction(first, 100)
                quantity += signed
        else:
            desk.send(_event(str(kind), first, second, at))
            if kind == "funding":
                paid = -quantity * Fraction(first, 10_000) * Fraction(second, 100)
                funded, cash = funded + paid, cash + paid
            elif kind == "dividend":
                paid = quantity * Fraction(first, 100)
                shared, cash = shared + paid, cash + paid
            else:
                quantity = Fraction(round(quantity * PRICE_SCALE * first / second), PRICE_SCALE)
    account = desk.account()
    assert abs(Fraction(account.ledger.cash, MONEY_SCALE) - cash) <= Fraction(len(events), MONEY_SCALE)
    position = account.ledger.positions.get("ABC")
    if position is not None:
        assert Fraction(position.quantity, PRICE_SCALE) == quantity
        assert abs(Fraction(position.funding, MONEY_SCALE) - funded) <= Fraction(len(events), MONEY_SCALE)
        assert Fraction(position.dividends, MONEY_SCALE) == shared


def _event(kind: str, first: int, second: int, at: int) -> MarketData:
    if kind == "funding":
        return funding(f"{first / 10_000:.4f}", f"{second / 100:.2f}", at=at)
    return dividend(f"{first / 100:.2f}", at=at) if kind == "dividend" else split(first, second, at=at)
