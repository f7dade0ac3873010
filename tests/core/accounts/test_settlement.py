"""Expiry and settlement of futures: vectors worked out by hand, and sums over all accounts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.records.enums import BreakerState, ControlKind, EquityTrigger, ExecType, OrdStatus, Side, TimeInForce
from schemas.records.messages import AccountEquity, ApprovedOrder, ExecutionReport, Fill, PositionReport, RiskEvent
from schemas.records.output import RecordRefused
from streams.core.core_config import CoreConfig
from streams.core.reference.declarations import ConversionConfig
from tests.builders import (
    PROPERTY,
    SECOND,
    START,
    config,
    control,
    funding,
    instrument,
    limits,
    money,
    new,
    opening,
    px,
    quote,
    settlement,
)
from tests.core.desk import Desk, of

BUY, SELL = Side.BUY, Side.SELL
EXPIRES_AT = "2023-11-14T22:15:00Z"
EXPIRY = START + 100 * SECOND
WIDE = limits(max_order_quantity=False, max_order_notional=False, max_position=False, leverage="100")
ES: dict[str, Any] = {"tick_size": "0.25", "contract_multiplier": "50", "max_quantity": "1000"}


def future(**changes: Any) -> Any:
    return instrument(**ES | {"expires_at": EXPIRES_AT} | changes)


def holding(*positions: tuple[str, Side, str], core: CoreConfig | None = None) -> Desk:
    """Returns a desk of accounts that each hold a position in ABC from 4500.25."""
    desk = Desk(core or config(instruments=(future(),), limits=WIDE))
    desk.send(*(opening(account) for account, _, _ in positions))
    desk.send(quote("4500.25", "4500.25", "1000", "1000"))
    for account, side, quantity in positions:
        desk.send(new(f"o-{account}", side, quantity, account=account))
    return desk


def test_positions_are_closed_at_the_settlement_price() -> None:
    """CME, "E-mini S&P 500 Futures": a contract is $50 times the index. 10.25 points of 2 contracts are $1025."""
    desk = holding(("L", BUY, "2"), ("S", SELL, "2"))
    outputs = desk.send(settlement("4510.50", at=EXPIRY))
    long, short = of(Fill, outputs)
    assert (long.side, long.quantity, long.price, long.realised_pnl) == (SELL, px("2"), px("4510.5"), money("1025"))
    assert (short.side, short.quantity, short.price, short.realised_pnl) == (BUY, px("2"), px("4510.5"), money("-1025"))
    assert {long.position_qty, short.position_qty, long.commission, short.commission} == {0}
    assert long.notional == money("451050"), "2 * 50 * 4510.5"
    assert long.exec_id == long.order_id == f"settlement-L-{of(ExecutionReport, outputs)[0].exec_id}"
    assert [(item.trigger, item.cash) for item in of(AccountEquity, outputs)] == [
        (EquityTrigger.FILL, money("1001025")),
        (EquityTrigger.FILL, money("998975")),
    ]
    assert [(item.account_id, item.quantity) for item in of(PositionReport, outputs)] == [("L", 0), ("S", 0)]


def test_a_second_settlement_meets_nothing() -> None:
    desk = holding(("L", BUY, "2"))
    desk.send(settlement("4510.50", at=EXPIRY))
    assert of(Fill, desk.send(settlement("4000", at=EXPIRY + SECOND))) == []


def test_orders_expire_with_their_instrument_whatever_their_time_in_force() -> None:
    desk = holding(("A", BUY, "2"))
    for order_id, kind in (("gtc", TimeInForce.GTC), ("day", TimeInForce.DAY)):
        desk.send(new(order_id, BUY, "1", "4400", tif=kind, account="A"))
    outputs = desk.send(quote("4500", "4500", at=EXPIRY))
    ended = {item.order_id: (item.ord_status, item.reason_code, item.ts) for item in of(ExecutionReport, outputs)}
    assert ended == dict.fromkeys(("gtc", "day"), (OrdStatus.EXPIRED, "INSTRUMENT_EXPIRED", EXPIRY))
    desk.send(quote("4399", "4399", at=EXPIRY + SECOND))
    assert desk.account("A").ledger.position_quantity("ABC") == px("2"), "expired orders trade no more"


def test_later_orders_are_refused_by_the_account_with_the_reason() -> None:
    desk = holding(("A", BUY, "2"))
    desk.send(quote("4500", "4500", at=EXPIRY), new("late", SELL, "2", account="A", ts=EXPIRY))
    assert desk.results[-1].reason_code == "INSTRUMENT_EXPIRED"
    assert "ABC has expired" in (desk.results[-1].text or "")


def test_an_order_on_its_way_is_refused_by_the_venue() -> None:
    desk = Desk(config(instruments=(future(),), limits=WIDE), hold=True)
    desk.send(opening(), quote("4500", "4500"))
    desk.deliver_all()
    desk.send(new("o", BUY, "1"))
    desk.send(quote("4500", "4500", at=EXPIRY))
    desk.deliver_all()
    reports = [item for item in of(ExecutionReport, desk.outputs) if item.order_id == "o"]
    assert [(item.exec_type, item.reason_code) for item in reports] == [(ExecType.REJECTED, "INSTRUMENT_EXPIRED")]


@pytest.mark.parametrize(
    ("changes", "message"),
    [({}, "expires at"), ({"expires_at": None}, "declare no expires_at")],
    ids=["too early", "no future"],
)
def test_a_settlement_before_the_expiry_is_refused(changes: dict[str, Any], message: str) -> None:
    desk = holding(("A", BUY, "2"), core=config(instruments=(future(**changes),), limits=WIDE))
    with pytest.raises(RecordRefused, match=message):
        desk.send(settlement("4510.50", at=EXPIRY - 1))
    assert desk.account("A").ledger.position_quantity("ABC") == px("2")


def test_by_record_time_the_brokers_clock_must_have_come_to_the_expiry_too() -> None:
    """Until then orders work, and a fill behind the settlement would open a position that nothing closes."""
    core = config(instruments=(future(),), limits=WIDE, time_source="record")
    desk = Desk(core)
    desk.send(opening(), quote("4500", "4500"), at=START)
    with pytest.raises(RecordRefused, match="expires at"):
        desk.send(settlement("4510.50", at=EXPIRY), at=EXPIRY - 1)
    desk.send(settlement("4510.50", at=EXPIRY), at=EXPIRY)


def test_a_settlement_is_converted_into_the_accounts_currency() -> None:
    """1 EUR = 1.25 USD: a gain of 1000 USD is 800 EUR."""
    pair = ConversionConfig(base="EUR", quote="USD", symbol="EURUSD")
    core = config(instruments=(future(), instrument("EURUSD")), conversions=(pair,), limits=WIDE)
    desk = Desk(core)
    desk.send(opening(currency="EUR"), quote("1.2499", "1.2501", symbol="EURUSD"))
    desk.send(quote("4500", "4500", "10", "10"), new("o", BUY, "2"), settlement("4510", at=EXPIRY))
    assert desk.account().ledger.cash == money("1000800")


def test_a_settlement_opens_a_breaker_and_survives_a_restart() -> None:
    breakers = limits(breakers={"loss": {"kind": "loss", "amount": "1000"}}).breakers
    core = config(instruments=(future(),), limits=WIDE.model_copy(update={"breakers": breakers}))
    desk = holding(("A", BUY, "2"), core=core)
    desk.restart()
    desk.send(settlement("4490.00", at=EXPIRY))
    assert desk.account("A").breakers.by_name["loss"].state is BreakerState.OPEN
    before = desk.state()
    desk.restart()
    assert desk.state() == before


def test_what_can_no_longer_be_traded_is_not_flattened_but_told() -> None:
    desk = holding(("A", BUY, "2"))
    desk.send(quote("4500", "4500", at=EXPIRY))
    outputs = desk.send(control(ControlKind.KILL, "A", flatten=True))
    event = of(RiskEvent, outputs)[-1]
    assert (event.code, of(ApprovedOrder, outputs)) == ("FLATTEN_INCOMPLETE", [])
    assert event.text.endswith("it has expired; send its settlement")
    desk.send(settlement("4510.50", at=EXPIRY + SECOND))
    assert desk.account("A").ledger.position_quantity("ABC") == 0


def test_a_settlement_out_of_range_leaves_that_position_and_settles_the_others() -> None:
    """900 million units bought at 1 and settled at 900 million are worth 8.1e17; 1e15 can be booked."""
    wide = future(contract_multiplier="1", tick_size="0.01", max_quantity="999999999")
    desk = Desk(config(instruments=(wide,), limits=WIDE))
    desk.send(opening("A", cash="1000000000"), opening("B"), quote("1.00", "1.00", "999999999", "999999999"))
    desk.send(new("a", BUY, "900000000", account="A"), new("b", BUY, "1", account="B"))
    outputs = desk.send(settlement("900000000", at=EXPIRY))
    assert [item.account_id for item in of(Fill, outputs)] == ["B"]
    (event,) = of(RiskEvent, outputs)
    assert (event.code, event.account_id, event.observed_value) == ("SETTLEMENT_OUT_OF_RANGE", "A", "900000000")
    assert desk.account("A").ledger.position_quantity("ABC") == px("900000000")


def test_funding_before_the_settlement_is_paid_and_after_it_is_not() -> None:
    desk = holding(("A", BUY, "2"))
    paid = [
        funding("0.0001", "4500", at=EXPIRY),
        settlement("4500.25", at=EXPIRY),
        funding("0.0001", "4500", at=EXPIRY),
    ]
    desk.send(*paid)
    assert desk.account("A").ledger.positions["ABC"].funding == money("-45"), "2 * 50 * 4500 * 0.0001, once"


def test_before_this_rule_a_settlement_was_no_market_data() -> None:
    desk = Desk(config(instruments=(future(),), futures_settle=False))
    with pytest.raises(RecordRefused, match=r"kinds holds letters other than B, D, F, H, Q, R, S, T$"):
        desk.send(settlement("4500", at=EXPIRY))


@pytest.mark.parametrize("price", ["0", "-1"])
def test_a_settlement_needs_a_price_above_0(price: str) -> None:
    with pytest.raises(RecordRefused, match="a settlement needs a price above 0"):
        holding(("A", BUY, "2")).send(settlement(price, at=EXPIRY))


@pytest.mark.parametrize("at", ["2026-12-18T14:30:00", "1969-01-01T00:00:00Z", "2026-12-18T14:30:00.5Z"])
def test_an_expiry_is_a_whole_second_with_a_time_zone(at: str) -> None:
    with pytest.raises(ValidationError, match=r"expires_at|timezone"):
        future(expires_at=at)


QUANTITIES = st.integers(1, 300).map(str)
PRICES = st.integers(1, 10**6).map(lambda ticks: f"{ticks / 4:.2f}")


@given(st.lists(st.tuples(st.sampled_from((BUY, SELL)), QUANTITIES), min_size=1, max_size=5), PRICES)
@PROPERTY
def test_a_settlement_sums_to_zero_over_all_accounts(trades: list[tuple[Side, str]], price: str) -> None:
    """One more account takes the other side of all: what they gain together from entry to settlement is 0."""
    rest = sum(int(quantity) * (1 if side is BUY else -1) for side, quantity in trades)
    positions = [(f"A{number}", side, quantity) for number, (side, quantity) in enumerate(trades)]
    if rest:
        positions.append(("R", SELL if rest > 0 else BUY, str(abs(rest))))
    roomy = config(instruments=(future(max_quantity="10000"),), limits=WIDE)
    desk = Desk(roomy)
    desk.send(*(opening(account, cash="1000000000") for account, _, _ in positions))
    desk.send(quote("4500.25", "4500.25", "10000", "10000"))
    for account, side, quantity in positions:
        desk.send(new(f"o-{account}", side, quantity, account=account))
    desk.send(settlement(price, at=EXPIRY))
    assert sum(item.ledger.cash for item in desk.accounts.accounts.values()) == money("1000000000") * len(positions)
    assert not any(item.ledger.has_exposure() for item in desk.accounts.accounts.values())
