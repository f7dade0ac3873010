"""A breaker under a new name knows what the day has lost: what counts is what it measures."""

from __future__ import annotations

import json
from typing import Any

import pytest

from schemas.records.enums import BreakerState, ControlKind, RiskEventKind, Side
from schemas.records.messages import Control, DeskReport, RiskEvent
from schemas.records.numbers import NANOS_PER_DAY
from schemas.records.output import Message
from streams.core.core_config import CoreConfig
from streams.core.risk.breakers.breaker_config import DeskConfig
from streams.core.risk.breakers.breaker_set import ASIDE_MAX
from tests.builders import SECOND, START, config, control, limits, new, opening, quote
from tests.core.desk import Desk, last, of

BUY, SELL = Side.BUY, Side.SELL
CASH = "2000"
closing = control(ControlKind.SESSION_CLOSE, control_id="close-1")
LOSS = {"kind": "loss", "amount": "50"}
FLOOR = {"kind": "drawdown", "since": "account", "amount": "50"}
RUN = {"kind": "consecutive_losses", "limit": 2}
MEASURES = [
    pytest.param(LOSS, LOSS, 20, id="loss of the day"),
    pytest.param(LOSS, LOSS | {"amount": "40", "flatten": True}, 10, id="loss of the day, tighter"),
    pytest.param(LOSS, {"kind": "loss", "percent": "4", "percent_of": "initial"}, 50, id="loss of the day, in percent"),
    pytest.param(LOSS, LOSS | {"timezone": "Europe/Prague"}, 50, id="another day measures afresh"),
    pytest.param(FLOOR, FLOOR, 20, id="trailing floor"),
    pytest.param(LOSS | {"window_ms": 3_600_000}, LOSS | {"window_ms": 3_600_000}, 20, id="loss of a window"),
    pytest.param(LOSS | {"by_symbol": True}, LOSS | {"by_symbol": True}, 20, id="loss of an instrument"),
]


def after_a_loss_of_30(breaker: dict[str, Any], **changes: Any) -> Desk:
    """An account of 2000 that has bought 100 at 10.02 and sold them at 9.72."""
    desk = Desk(config(limits=limits(breakers={"old": breaker}, leverage="10"), **changes))
    desk.send(opening(cash=CASH), quote(), new("b1", BUY, "100"))
    desk.send(quote("9.72", "9.74", at=START + SECOND), new("s1", SELL, "100"))
    return desk


def opened(desk: Desk) -> list[str | None]:
    return [item.breaker for item in of(RiskEvent, desk.outputs) if item.breaker_state is BreakerState.OPEN]


def lose(desk: Desk, *cents: int) -> int | None:
    """Buys 100 at 10.02 and lets the market fall by these cents; returns those at which a breaker opened."""
    start = START + 10 * SECOND
    desk.restart()
    desk.send(quote("10.02", "10.02", at=start), new("b2", BUY, "100"))
    for step, fall in enumerate(cents, 1):
        price = f"{(1002 - fall) / 100:.2f}"
        desk.send(quote(price, price, at=start + step * SECOND))
        if opened(desk):
            return fall
    return None


def breakers(**found: dict[str, Any] | None) -> str:
    return json.dumps({"breakers": found})


def changed(patch: str, control_id: str = "c1") -> Control:
    return control(ControlKind.LIMITS, control_id=control_id, limits=patch)


@pytest.mark.parametrize(("before", "after", "opens_at"), MEASURES)
def test_a_new_name_in_the_session_keeps_what_was_measured(
    before: dict[str, Any], after: dict[str, Any], opens_at: int
) -> None:
    desk = after_a_loss_of_30(before)
    desk.send(closing, opening(session="session-2", cash="90000"), changed(breakers(old=None, new=after)))
    assert list(desk.account().breakers.by_name) == ["new"]
    assert lose(desk, 9, 10, 19, 20, 49, 50) == opens_at


@pytest.mark.parametrize(("before", "after", "opens_at"), MEASURES)
def test_a_new_name_in_the_next_session_keeps_what_was_measured(
    before: dict[str, Any], after: dict[str, Any], opens_at: int
) -> None:
    desk = after_a_loss_of_30(before)
    desk.send(closing, opening(session="session-2", cash="90000", limits=breakers(old=None, new=after)))
    assert lose(desk, 9, 10, 19, 20, 49, 50) == opens_at


def test_a_name_that_comes_before_the_old_one_goes_keeps_it_too() -> None:
    desk = after_a_loss_of_30(LOSS)
    desk.send(closing, opening(session="session-2", cash="90000"))
    desk.send(changed(breakers(new=LOSS)), changed(breakers(old=None), "c2"))
    assert lose(desk, 19, 20) == 20


@pytest.mark.parametrize("changes", [{}, {"measures_outlive_names": False}], ids=["today", "before"])
@pytest.mark.parametrize("breaker", [LOSS, FLOOR, LOSS | {"by_symbol": True}, LOSS | {"window_ms": 3_600_000}])
def test_a_breaker_that_was_away_for_a_session_knows_what_was_lost_meanwhile(
    breaker: dict[str, Any], changes: dict[str, Any]
) -> None:
    desk = Desk(config(limits=limits(breakers={"b": breaker}, leverage="10"), **changes))
    desk.send(opening(cash=CASH), closing, opening(session="session-2", cash="500", limits=breakers(b=None)))
    desk.restart()
    desk.send(quote(), new("b1", BUY, "100"))
    desk.send(quote("9.72", "9.74", at=START + SECOND), new("s1", SELL, "100"), closing._replace(control_id="close-2"))
    desk.restart()
    desk.send(opening(session="session-3", cash="90000"))
    assert lose(desk, 19, 20, 49, 50) == (50 if changes else 20)


def test_a_breaker_that_was_removed_opens_no_more_and_knows_the_loss_when_it_comes_back() -> None:
    desk = after_a_loss_of_30(LOSS)
    desk.send(closing, opening(session="session-2", cash="90000"), changed(breakers(old=None)))
    assert lose(desk, 49, 50) is None
    desk.send(changed(breakers(again=LOSS), "c2"))
    assert opened(desk) == ["again"]


def test_a_fixed_number_of_removed_breakers_measures_on() -> None:
    desk = after_a_loss_of_30(LOSS)
    desk.send(closing, opening(session="session-2", cash="90000"))
    for number in range(20):
        away = breakers(old=None, **{"b": LOSS | {"window_ms": 1_000 + number}})
        desk.send(changed(away, f"c{number}"), changed(breakers(b=None), f"d{number}"))
        desk.restart()
    assert len(desk.account().breakers.to_state()) == ASIDE_MAX


def test_names_that_are_exchanged_keep_their_measurements() -> None:
    day = {"kind": "drawdown", "since": "day", "amount": "90"}
    desk = Desk(config(limits=limits(breakers={"old": LOSS, "other": day}, leverage="10")))
    desk.send(opening(cash=CASH), quote(), new("b1", BUY, "100"))
    desk.send(quote("9.72", "9.74", at=START + SECOND), new("s1", SELL, "100"))
    desk.restart(config(limits=limits(breakers={"old": day, "other": LOSS}, leverage="10")))
    desk.send(closing, opening(session="session-2", cash=CASH))
    assert lose(desk, 19, 20) == 20
    assert opened(desk) == ["other"]


def test_runs_and_windows_keep_theirs() -> None:
    desk = after_a_loss_of_30(RUN)
    desk.send(changed(breakers(old=None, new=RUN)), new("b2", BUY, "10"))
    assert not opened(desk)
    desk.send(quote("9.70", "9.71", at=START + 2 * SECOND), new("s2", SELL, "10"))
    assert opened(desk) == ["new"]


def test_an_open_breaker_stays_open_under_its_name_and_opens_the_new_one() -> None:
    desk = after_a_loss_of_30(LOSS | {"amount": "30"})
    assert opened(desk) == ["old"]
    desk.send(changed(breakers(old=None, new=LOSS | {"amount": "30"})))
    assert opened(desk) == ["old", "new"]
    for number, name in enumerate(("old", "new")):
        desk.send(new(f"n{number}", BUY, "1"))
        assert last(desk, f"n{number}").reason_code == "BREAKER_OPEN"
        desk.send(control(ControlKind.BREAKER_RESET, breaker=name))
    desk.send(new("free", BUY, "1"))
    assert last(desk, "free").reason_code is None


def test_a_journal_from_before_this_rule_begins_afresh() -> None:
    desk = after_a_loss_of_30(LOSS, measures_outlive_names=False)
    desk.send(closing, opening(session="session-2", cash="90000"))
    desk.send(changed(breakers(old=None, new=LOSS)))
    assert lose(desk, 49, 50) == 50


def desk_of(name: str, amount: str = "50", **changes: Any) -> CoreConfig:
    breaker = {name: {"kind": "loss", "amount": amount}}
    return config(desk=DeskConfig.model_validate({"interval_ms": 1_000, "breakers": breaker}), **changes)


def told(desk: Desk, *inputs: Message) -> list[str | None]:
    """Sends to the only shard, which is the desk's judge; returns the desk's breakers that open."""
    outputs = desk.send(*inputs)
    for report in of(DeskReport, outputs):
        outputs += desk.send(report)
    found = [item for item in of(RiskEvent, outputs) if item.kind is RiskEventKind.BREAKER_TRANSITION]
    return [item.breaker for item in found if item.breaker_state is BreakerState.OPEN]


@pytest.mark.parametrize(
    ("name", "amount", "changes", "opens"),
    [
        ("new", "50", {}, ["new"]),
        ("old", "45", {}, ["old"]),
        ("new", "55", {}, []),
        ("new", "50", {"measures_outlive_names": False}, []),
        ("old", "45", {"measures_outlive_names": False}, []),
    ],
)
def test_the_desk_keeps_what_it_has_measured_when_its_file_changes(
    name: str, amount: str, changes: dict[str, Any], opens: list[str]
) -> None:
    desk = Desk(desk_of("old", **changes))
    told(desk, opening(cash="90000"), quote(), new("b1", BUY, "100"), quote("10.32", "10.34", at=START + SECOND))
    told(desk, new("s1", SELL, "100"), quote("10.02", "10.02", at=START + 2 * SECOND))
    tomorrow = START + NANOS_PER_DAY
    told(desk, new("b2", BUY, "100"), quote("10.02", "10.02", at=tomorrow))
    desk.restart(desk_of(name, amount, **changes))
    assert told(desk, quote("9.52", "9.52", at=tomorrow + 5 * SECOND)) == opens


@pytest.mark.parametrize("restarts", [False, True])
def test_a_new_breaker_of_the_desk_knows_the_opening_cash_also_after_a_restart(restarts: bool) -> None:
    fall = {"kind": "drawdown", "amount": "1000"}
    desk = Desk(config(desk=DeskConfig.model_validate({"breakers": {"fall": fall}})))
    told(desk, opening(cash="2000"), quote(), new("b1", BUY, "100"), quote("10.00", "10.02", at=START + SECOND))
    found = {"fall": fall, "day": {"kind": "loss", "percent": "5"}}
    file = config(desk=DeskConfig.model_validate({"breakers": found}))
    if restarts:
        desk.restart(file)
    else:
        desk.configure(file)
    prices = ("10.00", "9.99", "9.80", "9.00")
    opens = [told(desk, quote(px, px, at=START + (1 + day) * NANOS_PER_DAY)) for day, px in enumerate(prices)]
    assert opens == [[], [], [], ["day"]]
