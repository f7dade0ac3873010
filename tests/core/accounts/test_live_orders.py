"""Live orders: what the gate must have said before one passes, under which limits, and how that ends."""

from __future__ import annotations

import json
from typing import Any

import pytest

from schemas.records.enums import (
    Action,
    BreakerState,
    ControlKind,
    DeskReportKind,
    MarkKind,
    RiskEventKind,
    Side,
    TradingMode,
)
from schemas.records.messages import ApprovedOrder, Control, DeskReport, Mark, OrderRequest, OrderResult, RiskEvent
from streams.core.accounts.account_shard import AccountShard
from streams.core.accounts.authorise import revoke
from streams.core.risk.breakers.breaker_config import DeskConfig
from tests.authorisations import HOUR, JUDGED, approval, approved, decision, revocation
from tests.builders import MS, SECOND, START, cancel, config, control, limits, new, opening, quote, replace
from tests.core.desk import Desk, last, of

LIVE, PAPER = TradingMode.LIVE, TradingMode.PAPER
D1, D2, PAPER_DECISION = decision(), decision(name="d2", decided=START), decision("PAPER_ONLY")
APPROVED = (D1, approval(D1))


def live(order_id: str = "o", **fields: Any) -> OrderRequest:
    return new(order_id, **({"price": "10.00", "mode": LIVE} | fields))


def desk(*controls: Control, strategy: str | None = "s1") -> Desk:
    """A session of a strategy, a market, and commands of the gate."""
    made = Desk()
    made.send(opening(**{**JUDGED, "strategy_id": strategy}), quote(), *controls)
    made.outputs.clear()
    return made


def held(made: Desk) -> dict[str, Any]:
    """Returns what the shard holds for strategy s1."""
    found: dict[str, Any] = made.accounts.to_state()["authorisations"]["s1"]
    return found


@pytest.mark.parametrize(
    ("said", "strategy", "request_", "code"),
    [
        ([], None, live(), "LIVE_NO_STRATEGY"),
        (APPROVED, "s1", live(strategy_id="s2"), "LIVE_WRONG_STRATEGY"),
        ([], "s1", live(), "LIVE_NO_DECISION"),
        ([D1, approval(D1, strategy_id="s2")], "s1", live(), "LIVE_NOT_APPROVED"),
        ([PAPER_DECISION, approval(PAPER_DECISION)], "s1", live(), "LIVE_PAPER_ONLY"),
        ([D1], "s1", live(), "LIVE_NOT_APPROVED"),
        ([*APPROVED, D2], "s1", live(), "LIVE_NOT_APPROVED"),
        ([*APPROVED, D2, approval(D1)], "s1", live(), "LIVE_NOT_APPROVED"),
        (approved(expires=START), "s1", live(), "LIVE_EXPIRED"),
        ([*APPROVED, revocation()], "s1", live(), "LIVE_REVOKED"),
        ([*APPROVED, revocation(), approval(D1)], "s1", live(), "LIVE_REVOKED"),
        ([*APPROVED, revocation(), *APPROVED], "s1", live(), "LIVE_REVOKED"),
        (APPROVED, "s1", live(mode=TradingMode.UNKNOWN), "UNSUPPORTED_MODE"),
        (APPROVED, "s1", live(), None),
        ([*APPROVED, D1], "s1", live(), None),
        (approved(level="LIMITED_LIVE"), "s1", live(strategy_id=None), None),
        ([], None, live(mode=PAPER), None),
    ],
)
def test_a_live_order_is_told_what_it_lacks(
    said: list[Control], strategy: str | None, request_: OrderRequest, code: str | None
) -> None:
    made = desk(*said, strategy=strategy)
    outputs = made.send(request_)
    approved = [(item.topic, item.key) for item in outputs if isinstance(item.message, ApprovedOrder)]
    if code is not None:
        assert (last(made).reason_code, last(made).terminal, approved) == (code, True, [])
    else:
        topic = "orders.live" if request_.mode is LIVE else "orders.approved"
        assert approved == [(topic, "ABC")]


def test_the_brokers_time_ends_an_authorisation() -> None:
    made = desk(*APPROVED)
    for at, expected in ((START + HOUR - 1, 1), (START + HOUR, 0)):
        made.written_ns = at
        assert len(of(ApprovedOrder, made.send(live(f"o-{at}")))) == expected
    assert last(made, f"o-{START + HOUR}").reason_code == "LIVE_EXPIRED"


@pytest.mark.parametrize("ts", [0, START, START + HOUR - 1, START + HOUR, START + HOUR + 12 * HOUR])
def test_no_orders_own_time_ends_or_prolongs_an_authorisation(ts: int) -> None:
    made = desk(*APPROVED)
    made.send(live("of any time", ts=ts))
    assert len(of(ApprovedOrder, made.send(live("in time", ts=START)))) == 1
    made.written_ns = START + HOUR
    made.send(quote(at=START + HOUR), live("late", ts=ts if ts <= START + HOUR else 0))
    assert last(made, "late").reason_code == "LIVE_EXPIRED"


def test_without_a_time_of_the_broker_no_authorisation_is_known_to_last() -> None:
    made = Desk(config())
    made.written_ns = 0
    made.send(opening(**JUDGED), quote(), *APPROVED, live())
    assert last(made).reason_code == "LIVE_NO_TIME"
    made.written_ns = START
    assert len(of(ApprovedOrder, made.send(live("o2")))) == 1


def test_changes_follow_their_order_to_the_adapter_and_cancels_pass_without_authorisation() -> None:
    made = desk(*APPROVED)
    made.send(live("o"), live("p"))
    outputs = made.send(replace("r", "o", "5"))
    assert [(item.topic, item.message.mode) for item in outputs if isinstance(item.message, ApprovedOrder)] == [
        ("orders.live", LIVE)
    ]
    made.send(revocation())
    made.outputs.clear()
    refused = made.send(replace("r2", "p", "5"))
    assert of(ApprovedOrder, refused) == []
    assert last(made, "p").reason_code == "LIVE_REVOKED"
    everything = new("m", symbol="", side=Side.UNKNOWN, quantity=None)._replace(action=Action.MASS_CANCEL)
    for request in (cancel("c", "o"), everything, control(ControlKind.SESSION_CLOSE)):
        outputs = made.send(request)
        sent = {(item.topic, item.message.mode) for item in outputs if isinstance(item.message, ApprovedOrder)}
        assert sent == {("orders.live", LIVE)}, request


def test_linked_orders_have_one_mode() -> None:
    made = desk(*APPROVED)
    made.send(live("parent"), live("one", oco_group="g"))
    for request in (
        new("child", Side.SELL, price="11.00", parent_order_id="parent"),
        new("other", price="9.00", oco_group="g"),
    ):
        made.send(request)
        assert last(made, request.order_id).reason_code == "ORDER_FORM"
        assert len(of(ApprovedOrder, made.send(request._replace(order_id=f"{request.order_id}-2", mode=LIVE)))) == 1


@pytest.mark.parametrize(
    ("own", "level", "quantity", "code"),
    [
        ("1000", "20", "20", None),
        ("1000", "20", "21", "MAX_ORDER_QUANTITY"),
        ("10", "20", "11", "MAX_ORDER_QUANTITY"),
        ("10", "20", "10", None),
    ],
)
def test_the_smaller_of_the_accounts_limit_and_the_levels_counts(
    own: str, level: str, quantity: str, code: str | None
) -> None:
    made = desk(*approved(level="LIMITED_LIVE", limits={"max_order_quantity": level}))
    made.send(control(ControlKind.LIMITS, limits=json.dumps({"max_order_quantity": own})))
    made.send(live(quantity=quantity))
    assert [result.reason_code for result in made.results] == ([] if code is None else [code])


def test_the_levels_limits_hold_for_changes_and_not_for_paper() -> None:
    made = desk(*approved(level="LIMITED_LIVE", limits={"max_order_quantity": "20"}))
    made.send(quote(symbol="XYZ"))
    assert len(of(ApprovedOrder, made.send(new("paper", price="9.00", quantity="21", symbol="XYZ")))) == 1
    made.send(live("o", quantity="20"))
    made.send(replace("r", "o", "21"))
    assert last(made).reason_code == "MAX_ORDER_QUANTITY"
    made.send(D2, approval(D2))
    assert len(of(ApprovedOrder, made.send(replace("r2", "o", "21")))) == 1


def test_the_gates_words_are_answered_with_who_and_why() -> None:
    made = desk()
    (event,) = of(RiskEvent, made.send(decision()))
    assert (event.kind, event.code, event.strategy_id) == (RiskEventKind.AUTHORISATION_CHANGED, "DECISION", "s1")
    assert (event.actor, event.reason, event.control_id) == ("ann", "because", "DECISION-d1")
    assert (event.account_id, "FULL_LIVE" in event.text) == ("", True)


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (control(ControlKind.AUTHORISATION, None), "authorisation"),
        (control(ControlKind.AUTHORISATION, None, authorisation='{"kind": "PRAISE"}'), "authorisation.kind"),
        (decision(limits={"max_fun": "1"}), "max_fun"),
        (decision(limits={"max_order_quantity": "few"}), "no number"),
        (decision(limits={"max_order_quantity": "NaN"}), "no number"),
        (decision(limits={"min_order_notional": "1"}), "min_order_notional"),
        (decision(limits={"price_collar": "1"}), "price_collar"),
        (decision(limits={"order_rate": "1"}), "order_rate"),
        (decision(limits={"max_order_quantity": "-1"}), "max_order_quantity"),
        (approval(D1), "not the newest"),
    ],
)
def test_what_the_gate_cannot_have_meant_changes_nothing(record: Control, why: str) -> None:
    made = desk()
    before = made.accounts.to_state()["authorisations"]
    (event,) = of(RiskEvent, made.send(record))
    assert event.kind is RiskEventKind.CONTROL_REJECTED
    assert why in event.text
    assert made.accounts.to_state()["authorisations"] == before


def test_a_restart_keeps_authorisations_and_an_older_state_has_none() -> None:
    made = desk(*approved(level="LIMITED_LIVE", limits={"max_order_quantity": "20"}))
    made.restart()
    assert len(of(ApprovedOrder, made.send(live("o", quantity="20")))) == 1
    made.send(live("p", quantity="21"))
    assert last(made, "p").reason_code == "MAX_ORDER_QUANTITY"
    old = made.accounts.to_state()
    del old["authorisations"]
    shard = AccountShard.from_state(made.config, 0, old)
    (result,) = of(OrderResult, shard.apply(live("q"), None))
    assert result.reason_code == "LIVE_NO_DECISION"


def test_a_shard_that_revokes_tells_every_other() -> None:
    core = config(account_partitions=3)
    shards = [AccountShard(core, partition) for partition in range(3)]
    for number, shard in enumerate(shards):
        for message in (opening(f"A{number}", **JUDGED), *APPROVED):
            shard.apply(message, None)
    book = shards[1]._state
    revoke(book, "s1", "breaker drawdown is open")
    revoke(book, "s1", "again")
    outputs = book.take_outputs()
    reports = of(DeskReport, outputs)
    assert [(item.topic, item.partition) for item in outputs if item.topic == "desk"] == [("desk", 0), ("desk", 2)]
    (told,) = of(RiskEvent, outputs)
    assert (told.code, "breaker drawdown is open" in told.text) == ("REVOCATION", True)
    for number, report in zip((0, 2), reports, strict=True):
        assert report.kind is DeskReportKind.REVOCATION
        (event,) = of(RiskEvent, shards[number].apply(report, None))
        assert (event.strategy_id, "accounts-1" in event.text) == ("s1", True)
    for number, shard in enumerate(shards):
        (result,) = of(OrderResult, shard.apply(live("o", account=f"A{number}"), None))
        assert result.reason_code == "LIVE_REVOKED"


@pytest.mark.parametrize(("breaker", "revoked"), [({"kind": "loss", "amount": "20"}, True), (None, False)])
def test_a_latched_breaker_takes_the_authorisation_away(breaker: dict[str, str] | None, revoked: bool) -> None:
    made = Desk(config(limits=limits(breakers={"b": breaker} if breaker else {})))
    made.send(opening(**JUDGED), quote(), quote(symbol="XYZ"), *APPROVED, new("held", quantity="100"))
    made.send(quote("9.81", "9.83", at=START + SECOND))
    if revoked:
        made.send(control(ControlKind.BREAKER_RESET, breaker="b"))
    (approved, code) = (of(ApprovedOrder, made.send(live("o", quantity="1", symbol="XYZ"))), "LIVE_REVOKED")
    assert (len(approved), last(made).reason_code if revoked else code) == (int(not revoked), code)


def test_a_breaker_that_heals_itself_takes_no_authorisation_away() -> None:
    healing = {"kind": "frequency", "limit": 1, "window_ms": 1_000, "wait_ms": 1_000, "trial_orders": 1}
    made = Desk(config(limits=limits(breakers={"b": healing})))
    made.send(opening(**JUDGED), quote(), *APPROVED, live("o"), live("p"))
    assert last(made, "p").reason_code == "BREAKER_OPEN"
    assert held(made)["revoked"] is None


def test_an_open_breaker_of_the_desk_takes_every_authorisation_away() -> None:
    desk_config = DeskConfig.model_validate(
        {"interval_ms": 1_000, "breakers": {"all": {"kind": "loss", "amount": "30"}}}
    )
    shard = AccountShard(config(account_partitions=2, desk=desk_config), 1)
    for message in (opening(**JUDGED), *APPROVED):
        shard.apply(message, None)
    told = DeskReport(
        DeskReportKind.BREAKER,
        "accounts-0",
        None,
        None,
        None,
        None,
        0,
        0,
        0,
        0,
        "all",
        BreakerState.OPEN,
        "e",
        "loss",
        START,
    )
    (event,) = of(RiskEvent, shard.apply(told, None))
    assert (event.code, event.strategy_id, "breaker all of the desk" in event.text) == ("REVOCATION", "s1", True)


def test_strategies_without_a_decision_have_nothing_to_revoke() -> None:
    made = desk()
    for strategy in ("s1", None):
        revoke(made.accounts._state, strategy, "why")
    assert made.accounts._state.take_outputs() == []
    assert made.send(Mark("ABC", MarkKind.HEARTBEAT, None, None, None, None, START + MS)) == []
