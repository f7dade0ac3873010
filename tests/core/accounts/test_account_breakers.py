"""Breakers in the account shard: the very next order, restarts, what is canceled and closed, and the whole desk."""

from __future__ import annotations

import json
from typing import Any

import pytest

from schemas.records.enums import BreakerState, ControlKind, OrderType, RiskEventKind, Side, TimeInForce, TradingState
from schemas.records.messages import ApprovedOrder, DeskReport, OrderRequest, RiskEvent
from schemas.records.output import Message, Output
from streams.core.accounts import account_breakers, desk_breakers
from streams.core.accounts.account_shard import AccountShard
from streams.core.core_config import CoreConfig
from streams.core.risk.breakers.breaker_config import DeskConfig
from streams.core.risk.breakers.stops import effective_state
from tests.builders import (
    SECOND,
    START,
    config,
    control,
    fee,
    heartbeat,
    instrument,
    limits,
    mock_config,
    new,
    opening,
    px,
    quote,
    state_of_trading,
)
from tests.core.desk import Desk, last, of, ready

BUY, SELL = Side.BUY, Side.SELL


def core(breaker: dict[str, Any], **changes: Any) -> CoreConfig:
    """A core whose accounts each have one breaker, named b."""
    return config(limits=limits(breakers={"b": breaker}), **changes)


def transitions(desk: Desk) -> list[RiskEvent]:
    return [item for item in of(RiskEvent, desk.outputs) if item.kind is RiskEventKind.BREAKER_TRANSITION]


def lossy(**fields: Any) -> Desk:
    """A desk whose account bought 100 at 10.02 and whose breaker opens at a loss of 20: at a middle of 9.82."""
    desk = ready(core({"kind": "loss", "amount": "20", **fields}))
    desk.send(new("o", BUY, "100"))
    assert desk.fills
    return desk


def falls(desk: Desk, bid: str = "9.81", ask: str = "9.83", at: int = START + SECOND) -> None:
    desk.send(quote(bid, ask, at=at))


def test_a_mark_opens_it_to_the_tick_and_the_very_next_order_is_refused() -> None:
    desk = lossy()
    falls(desk, "9.82", "9.83")
    assert not transitions(desk), "a middle of 9.825 is a loss of 19.5"
    falls(desk, at=START + 2 * SECOND)
    (event,) = transitions(desk)
    assert (event.breaker, event.breaker_state, event.limit_value, event.observed_value, event.window, event.cause) == (
        "b",
        BreakerState.OPEN,
        "20",
        "20",
        "day UTC",
        f"ABC@{START + 2 * SECOND}",
    )
    desk.send(new("next", BUY, "1"))
    result = last(desk, "next")
    assert (result.reason_code, result.breaker, result.breaker_event_id) == ("BREAKER_OPEN", "b", event.event_id)
    account = desk.account()
    assert effective_state(account.trading_state, account.breakers) is TradingState.HALTED
    falls(desk, "9.00", "9.02", at=START + 3 * SECOND)
    assert len(transitions(desk)) == 1, "each transition is told once"


def test_after_a_restart_the_next_order_is_still_refused() -> None:
    desk = lossy()
    falls(desk)
    desk.restart()
    desk.send(new("next", BUY, "1"))
    assert last(desk, "next").reason_code == "BREAKER_OPEN"


def test_a_restart_between_any_two_records_changes_nothing() -> None:
    story: list[Message] = [
        new("o1", BUY, "100"),
        quote("9.90", "9.92", at=START + SECOND),
        new("o2", SELL, "150", ts=START + SECOND),
        quote("10.10", "10.12", at=START + 2 * SECOND),
        new("o3", BUY, "60", ts=START + 2 * SECOND),
        heartbeat(START + 70 * SECOND),
        new("o4", BUY, "1", ts=START + 70 * SECOND),
        new("o5", BUY, "0", ts=START + 70 * SECOND),
        quote("10.20", "10.22", at=START + 71 * SECOND),
        new("o6", SELL, "5", ts=START + 72 * SECOND),
    ]
    breakers = {
        "loss": {"kind": "loss", "amount": "12", "when_open": "REDUCING", "cancel_orders": True},
        "window": {"kind": "loss", "amount": "9", "window_ms": 1_500, "by_symbol": True, "flatten": True},
        "fall": {"kind": "drawdown", "amount": "5"},
        "errors": {"kind": "error_rate", "window_count": 4, "min_observations": 2, "percent": "20", "wait_ms": 1_000},
        "rate": {"kind": "frequency", "limit": 2, "window_ms": 500},
        "gap": {"kind": "market_data_gap", "gap_ms": 30_000, "wait_ms": 1_000},
        "losers": {"kind": "consecutive_losses", "limit": 2},
        "slip": {"kind": "slippage", "limit_bps": "1", "window_count": 3, "min_observations": 2},
        "again": {"kind": "repeated_execution", "limit": 2, "window_ms": 60_000},
    }
    for name in breakers:
        chosen = config(limits=limits(breakers={name: breakers[name]}))
        whole, torn = ready(chosen), ready(chosen)
        whole.send(*story)
        for message in story:
            torn.restart()
            torn.send(message)
        assert torn.outputs == whole.outputs, name
        assert torn.state() == whole.state(), name
        assert transitions(whole) or name in ("losers",), name


@pytest.mark.parametrize("cancels", [True, False])
def test_working_orders_are_canceled_by_setting(cancels: bool) -> None:
    desk = lossy(cancel_orders=cancels)
    desk.send(new("w", BUY, "10", "9.00"))
    falls(desk)
    (event,) = transitions(desk)
    assert ("w" in desk.account().ledger.working) is not cancels
    asked = [item.order_id for item in of(ApprovedOrder, desk.outputs) if item.orig_order_id == "w"]
    assert asked == ([f"{event.event_id}:w"] if cancels else [])


def test_positions_are_closed_by_setting_while_the_account_is_halted() -> None:
    desk = lossy(flatten=True)
    desk.send(state_of_trading(TradingState.HALTED), new("w", SELL, "40", "11.00"))
    falls(desk)
    (event,) = transitions(desk)
    account = desk.account()
    assert (account.ledger.position_quantity("ABC"), dict(account.ledger.working), account.flattening) == (0, {}, {})
    assert last(desk, f"flatten-{event.event_id}-ABC").cum_qty == px("100")


def test_closing_waits_for_cancels_and_for_the_market() -> None:
    desk = ready(core({"kind": "loss", "amount": "20", "flatten": True}))
    desk.send(new("o", BUY, "100"), new("w", SELL, "60", "11.00"))
    desk.hold = True
    desk.send(quote("9.81", "9.83", bid_sz="30", at=START + SECOND))
    while desk.to_accounts:
        desk.deliver_to_accounts()
    (event,) = transitions(desk)
    first = f"flatten-{event.event_id}-ABC"
    sent = [item for item in of(ApprovedOrder, desk.outputs) if item.reduce_only]
    assert [(item.order_id, item.quantity) for item in sent] == [(first, px("40"))], "60 may still be sold by w"
    desk.hold = False
    desk.deliver_all()
    assert desk.account().ledger.position_quantity("ABC") == px("70"), "30 were bid; the rest waits for a quote"
    for second in (2, 3, 4):
        desk.send(quote("9.81", "9.83", bid_sz=str(30 - second), at=START + second * SECOND))
    sent = [item for item in of(ApprovedOrder, desk.outputs) if item.reduce_only]
    assert [item.order_id for item in sent] == [first, f"{first}-2", f"{first}-3", f"{first}-4"]
    assert (desk.account().ledger.position_quantity("ABC"), desk.account().flattening) == (0, {})


def test_closing_gives_up_after_so_many_orders_and_says_so() -> None:
    desk = lossy(flatten=True)
    for second in range(1, 30):
        desk.send(quote("9.81", "9.83", bid_sz=str(1 + second % 2), at=START + second * SECOND))
    warned = [item for item in of(RiskEvent, desk.outputs) if item.code == "FLATTEN_INCOMPLETE"]
    assert [item.observed_value for item in warned] == ["70"]
    assert not desk.account().flattening


def test_in_reducing_only_what_reduces_passes() -> None:
    desk = lossy(when_open="REDUCING")
    falls(desk)
    desk.send(new("more", BUY, "1"), new("less", SELL, "60", tif=TimeInForce.IOC), new("turn", SELL, "50"))
    assert [last(desk, name).reason_code for name in ("more", "turn")] == ["BREAKER_OPEN"] * 2
    assert last(desk, "less").cum_qty == px("60")


def test_a_frequency_breaker_stops_the_order_that_opened_it() -> None:
    desk = ready(core({"kind": "frequency", "limit": 3, "window_ms": 1_000, "wait_ms": 5_000, "trial_orders": 1}))
    desk.send(*(new(f"o{number}", BUY, "1", "9.00") for number in range(3)))
    (event,) = transitions(desk)
    assert event.cause == "o2"
    result = last(desk, "o2")
    assert (result.reason_code, result.breaker_event_id) == ("BREAKER_OPEN", event.event_id)
    later = START + 5 * SECOND
    desk.send(quote(at=later - 1), new("soon", BUY, "1", "9.00", ts=later - 1))
    desk.send(quote(at=later), new("trial", BUY, "1", "9.00", ts=later))
    assert last(desk, "soon").reason_code == "BREAKER_OPEN"
    assert last(desk, "trial").reason_code is None
    assert [item.breaker_state for item in transitions(desk)] == ["OPEN", "HALF_OPEN", "CLOSED"]


def test_half_open_lets_no_more_than_the_trials_pass() -> None:
    desk = ready(core({"kind": "frequency", "limit": 3, "window_ms": 1_000, "wait_ms": 1_000, "trial_orders": 1}))
    desk.send(*(new(f"o{number}", BUY, "1", "9.00") for number in range(3)))
    desk.send(heartbeat(START + SECOND))
    desk.hold = True
    desk.send(new("t1", BUY, "1", "9.00"), new("t2", BUY, "1", "9.00"))
    assert last(desk, "t2").reason_code == "BREAKER_HALF_OPEN"
    assert "t1" in desk.account().ledger.working


def test_venue_failures_open_a_technical_error_rate() -> None:
    breaker = {"kind": "error_rate", "window_count": 2, "min_observations": 2, "percent": "100"}
    for counted, opens in (("technical", True), ("business", False)):
        chosen = mock_config(failure_rate="1", limits=limits(breakers={"b": breaker | {"failures": counted}}))
        desk = ready(chosen)
        desk.send(new("o1", BUY, "1"), new("o2", BUY, "1"))
        assert bool(transitions(desk)) is opens


def test_what_a_breaker_refuses_is_no_failure() -> None:
    desk = ready(core({"kind": "error_rate", "window_count": 4, "min_observations": 2, "percent": "50"}))
    desk.send(state_of_trading(TradingState.HALTED), *(new(f"h{number}", BUY, "1") for number in range(5)))
    assert not transitions(desk)
    desk.send(state_of_trading(TradingState.ACTIVE), new("bad", BUY, "0"), new("worse", BUY, "0"))
    assert [item.cause for item in transitions(desk)] == ["worse"]


def test_round_trips_that_lose_in_a_row() -> None:
    core_ = core({"kind": "consecutive_losses", "limit": 2}, instruments=(instrument(fee=fee(taker="0.0001")),))
    desk = ready(core_)
    desk.send(new("b1", BUY, "10"), new("s1", SELL, "4"), new("s2", SELL, "6"))
    assert not transitions(desk), "one trip, though sold in two"
    desk.send(new("b2", BUY, "10"), new("turn", SELL, "20"))
    (event,) = transitions(desk)
    assert event.observed_value == "2"


def test_stop_outs() -> None:
    desk = ready(core({"kind": "stop_outs", "limit": 1, "window_ms": 1_000}))
    desk.send(new("b", BUY, "10"), new("stop", SELL, "10", order_type=OrderType.STOP, stop_price=px("9.90")))
    assert not transitions(desk)
    desk.send(quote("9.90", "9.92", at=START + SECOND))
    assert len(transitions(desk)) == 1


def test_a_gap_of_a_held_symbol_is_seen_when_other_marks_come() -> None:
    desk = ready(core({"kind": "market_data_gap", "gap_ms": 2_000, "wait_ms": 1_000, "trial_orders": 1}))
    desk.send(new("b", BUY, "10"))
    desk.send(quote(symbol="XYZ", at=START + 2 * SECOND - 1))
    assert not transitions(desk)
    desk.send(quote(symbol="XYZ", at=START + 2 * SECOND))
    assert [item.breaker_state for item in transitions(desk)] == ["OPEN"]
    desk.send(quote(symbol="XYZ", at=START + 9 * SECOND))
    assert len(transitions(desk)) == 1, "no trial while the gap lasts"
    desk.send(quote(at=START + 9 * SECOND + 1), quote(symbol="XYZ", at=START + 10 * SECOND))
    assert [item.breaker_state for item in transitions(desk)] == ["OPEN", "HALF_OPEN"]


def test_borrow_fees_lose_money_too() -> None:
    chosen = core({"kind": "loss", "amount": "1"}, instruments=(instrument(borrow_rate="0.9"),))
    desk = ready(chosen)
    desk.send(new("s", SELL, "100"))
    desk.send(quote("9.99", "10.01", at=START + 24 * 3600 * SECOND))
    assert len(transitions(desk)) == 1


def test_limits_on_controls_change_breakers_but_close_none() -> None:
    desk = lossy()
    falls(desk)
    patch = json.dumps({"breakers": {"b": None, "c": {"kind": "frequency", "limit": 1, "window_ms": 1}}})
    desk.send(control(ControlKind.LIMITS, limits=patch))
    assert list(desk.account().breakers.by_name) == ["c", "b"]
    desk.send(new("next", BUY, "1"))
    assert last(desk, "next").breaker == "c", "the first of two that halt"
    desk.send(control(ControlKind.LIMITS, control_id="c2", limits='{"breakers": {"c": {"kind": "nonsense"}}}'))
    assert of(RiskEvent, desk.outputs)[-1].kind is RiskEventKind.CONTROL_REJECTED


def test_an_open_breaker_outlives_its_session() -> None:
    desk = lossy(flatten=True)
    falls(desk)
    desk.send(control(ControlKind.SESSION_CLOSE), opening(session="session-2"), new("next", BUY, "1"))
    assert last(desk, "next").reason_code == "BREAKER_OPEN"


def test_only_accounts_that_hold_a_symbol_are_judged_by_its_marks() -> None:
    desk = lossy()
    desk.send(opening("B"), new("x", BUY, "100", account="B", symbol="XYZ", tif=TimeInForce.IOC))
    falls(desk)
    assert [item.account_id for item in transitions(desk)] == ["A"]


def desk_core(**breaker: Any) -> CoreConfig:
    desk = DeskConfig.model_validate({"interval_ms": 1_000, "breakers": {"all": breaker}})
    return config(account_partitions=2, desk=desk)


class TwoShards:
    """Two account shards and the topic desk between them; fills come from an execution shard of the first."""

    def __init__(self, chosen: CoreConfig) -> None:
        self.desks = [Desk(chosen), Desk(chosen)]
        self.desks[1].accounts = AccountShard(chosen, 1)
        self.outputs: list[Output] = []

    def send(self, number: int, *inputs: Message) -> None:
        outputs = self.desks[number].send(*inputs)
        while outputs:
            self.outputs += outputs
            told = [item for item in outputs if item.topic == "desk"]
            outputs = []
            for item in told:
                assert item.partition is not None
                outputs += self.desks[item.partition].send(item.message)

    def refused(self, number: int, request: OrderRequest) -> str | None:
        self.send(number, request)
        return last(self.desks[number], request.order_id).breaker


def test_the_desk_is_judged_over_all_shards_and_stops_all() -> None:
    shards = TwoShards(desk_core(kind="loss", amount="30", cancel_orders=True))
    for number, name in enumerate(("A", "B")):
        shards.send(number, opening(name), quote(), new("o", BUY, "100", account=name))
        shards.send(number, new("w", BUY, "1", "9.00", account=name))
    for number in (0, 1):
        shards.send(number, quote("9.85", "9.87", at=START + SECOND))
    (event,) = [item for item in of(RiskEvent, shards.outputs) if item.kind is RiskEventKind.BREAKER_TRANSITION]
    assert (event.breaker, event.observed_value, event.limit_value) == ("all", "32", "30")
    assert [len(item.account(name).ledger.working) for item, name in zip(shards.desks, "AB", strict=True)] == [0, 0]
    for desk in shards.desks:
        desk.restart()
    shards.desks[1].accounts = AccountShard.from_state(shards.desks[1].config, 1, shards.desks[1].accounts.to_state())
    assert [shards.refused(number, new("n", BUY, "1", account=name)) for number, name in enumerate("AB")] == ["all"] * 2
    assert "until a person resets it: paper risk breakers reset all --reason R" in str(last(shards.desks[1], "n").text)
    shared = [item for item in of(DeskReport, shards.outputs) if item.kind == "SHARE"]
    assert {item.shard for item in shared} == {"accounts-0", "accounts-1"}


def test_requests_of_all_shards_count_together() -> None:
    shards = TwoShards(desk_core(kind="frequency", limit=4, window_ms=60_000))
    for number, name in enumerate(("A", "B")):
        shards.send(number, opening(name), quote(), *(new(f"o{i}", BUY, "1", "9.00", account=name) for i in (1, 2)))
    assert shards.refused(0, new("n1", BUY, "1", "9.00")) is None
    for number in (0, 1):
        shards.send(number, heartbeat(START + SECOND))
    assert shards.refused(1, new("n2", BUY, "1", "9.00", account="B")) == "all"


def test_a_session_that_opens_is_no_profit_of_the_desk() -> None:
    shards = TwoShards(desk_core(kind="drawdown", amount="100"))
    shards.send(0, opening("A", cash="1000"), quote())
    shards.send(0, opening("C", cash="5000"), heartbeat(START + SECOND))
    shards.send(0, control(ControlKind.SESSION_CLOSE, "C"), opening("C", cash="10", session="session-2"))
    shards.send(0, heartbeat(START + 2 * SECOND))
    assert not [item for item in of(RiskEvent, shards.outputs) if item.kind is RiskEventKind.BREAKER_TRANSITION]


def test_a_person_resets_a_breaker_of_an_account_and_losses_count_from_there() -> None:
    desk = lossy()
    falls(desk)
    book = desk.accounts._state
    command = control(ControlKind.BREAKER_RESET, control_id="r1", breaker="b")
    event_id = account_breakers.reset(book, desk.account(), "b", command)
    (output,) = book.take_outputs()
    event = output.message
    assert isinstance(event, RiskEvent)
    assert (event.event_id, event.breaker_state, event.control_id, event.actor, event.reason, event.cause) == (
        event_id,
        BreakerState.CLOSED,
        "r1",
        "operator",
        "test",
        "r1",
    )
    falls(desk, "9.62", "9.63", at=START + 2 * SECOND)
    desk.send(new("next", BUY, "1"))
    assert last(desk, "next").reason_code is None
    falls(desk, "9.61", "9.62", at=START + 3 * SECOND)
    assert transitions(desk)[-1].observed_value == "20.515", "of the position of 101"
    with pytest.raises(ValueError, match="no breaker x"):
        account_breakers.reset(book, desk.account(), "x", command)


def test_a_person_resets_a_breaker_of_the_desk_for_all_shards() -> None:
    shards = TwoShards(desk_core(kind="frequency", limit=1, window_ms=1_000))
    shards.send(1, opening("B"), quote(), new("o", BUY, "1", "9.00", account="B"), heartbeat(START + SECOND))
    assert shards.refused(1, new("n", BUY, "1", "9.00", account="B")) == "all"
    command = control(ControlKind.BREAKER_RESET, None, breaker="all")
    assert desk_breakers.reset_desk(shards.desks[1].accounts._state, "all", command) is None
    judge = shards.desks[0].accounts._state
    desk_breakers.reset_desk(judge, "all", command)
    for item in judge.take_outputs():
        if item.topic == "desk":
            assert item.partition is not None
            shards.send(item.partition, item.message)
    assert shards.refused(1, new("again", BUY, "1", "9.00", account="B")) is None
