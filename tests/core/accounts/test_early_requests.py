"""Requests for later wait, unjudged, until the market is there; how many, and how far ahead, is bounded."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.records.enums import Action, ControlKind, Side
from schemas.records.messages import ApprovedOrder, Control, OrderRequest, RiskEvent
from streams.core.accounts.state.early_queue import AHEAD_MAX_NS, WAITING_MAX, EarlyQueue, EarlyRequest
from streams.core.core_config import TimeSource
from tests.builders import (
    MS,
    PROPERTY,
    SECOND,
    START,
    cancel,
    config,
    control,
    heartbeat,
    limits,
    new,
    opening,
    quote,
    replace,
    split,
    trade,
)
from tests.core.desk import Desk, last, of, ready, trail

BUY, SELL = Side.BUY, Side.SELL
LATER = START + 10 * SECOND


def later(order_id: str, side: Side = BUY, ts: int = LATER, **fields: str) -> OrderRequest:
    return new(order_id, side, "1", "9.00" if side is BUY else "11.00", ts=ts, **fields)  # type: ignore[arg-type]


def approved(desk: Desk) -> list[str]:
    return [order.order_id for order in of(ApprovedOrder, desk.outputs)]


def codes(desk: Desk, order_id: str) -> list[str | None]:
    return [result.reason_code for result in desk.results if order_id in (result.order_id, result.request_id)]


def waiting(desk: Desk, account: str = "A") -> list[str]:
    return list(desk.account(account).early)


def mass_cancel(request_id: str = "all", symbol: str = "", side: Side = Side.UNKNOWN, ts: int = 0) -> OrderRequest:
    return cancel(request_id, None, ts=ts)._replace(action=Action.MASS_CANCEL, symbol=symbol, side=side)


@pytest.mark.parametrize(("interval_ms", "grace_ms"), [(0, 1_000), (1_000, 1_000), (5_000, 5_000)])
def test_a_request_within_the_interval_of_marks_is_judged_at_once_and_a_later_one_waits(
    interval_ms: int, grace_ms: int
) -> None:
    desk = ready(config(mark_interval_ms=interval_ms))
    desk.send(later("near", ts=START + grace_ms * MS))
    assert approved(desk) == ["near"]
    before = len(desk.outputs)
    desk.send(later("far", ts=START + grace_ms * MS + 1))
    assert waiting(desk) == ["far"]
    assert len(desk.outputs) == before, "it is not judged yet"


def test_what_waits_is_judged_by_the_market_of_its_time() -> None:
    desk = ready(config(limits=limits(max_order_notional="15")))
    desk.send(later("o"), heartbeat(LATER - SECOND - 1))
    assert (approved(desk), waiting(desk)) == ([], ["o"])
    desk.send(quote("20.00", "20.02", at=LATER - SECOND))
    assert (approved(desk), waiting(desk)) == (["o"], [])
    assert desk.account().ledger.clock_ns == LATER - SECOND
    (order,) = of(ApprovedOrder, desk.outputs)
    assert (order.order_ts, order.ts) == (LATER, LATER - SECOND)


def test_an_execution_too_brings_the_market_to_their_time() -> None:
    desk = ready()
    desk.send(new("rests", SELL, "10", "10.05", ts=0), later("o"))
    desk.hold = True
    desk.send(quote("10.05", "10.07", at=LATER))
    desk.to_accounts.remove(next(item for item in desk.to_accounts if not hasattr(item, "exec_id")))
    desk.deliver_all()
    assert approved(desk) == ["rests", "o"]


def test_they_are_judged_in_the_order_of_their_times_and_of_arrival() -> None:
    desk = ready()
    desk.send(opening("B"))
    for name, account, after in (("3", "B", 9), ("2", "A", 8), ("1", "A", 7), ("4", "B", 9), ("2b", "A", 8)):
        desk.send(later(name, ts=START + after * SECOND, account=account))
    desk.send(later("5", ts=LATER, account="A"), heartbeat(LATER))
    assert approved(desk) == ["1", "2", "2b", "3", "4", "5"]


def test_an_id_that_waits_is_used() -> None:
    desk = ready()
    desk.send(later("o"), later("o"), later("o", ts=0), later("o", ts=LATER + 1), later("o", SELL))
    assert codes(desk, "o") == ["DUPLICATE_ORDER_ID"] * 3
    desk.send(heartbeat(LATER), later("o"))
    assert approved(desk) == ["o"]


def test_without_a_session_nothing_waits() -> None:
    desk = ready()
    desk.send(later("o", account="stranger"))
    desk.send(control(ControlKind.SESSION_CLOSE), later("p"))
    assert (last(desk, "o").reason_code, last(desk, "p").reason_code) == ("UNKNOWN_ACCOUNT", "UNKNOWN_ACCOUNT")


def test_before_the_market_has_a_time_and_by_record_time_nothing_waits() -> None:
    desk = ready(market=False)
    desk.send(later("o"))
    assert approved(desk) == ["o"]
    desk = Desk(config(time_source=TimeSource.RECORD))
    desk.send(opening(), quote(), later("o"), later("p", ts=START + 2 * AHEAD_MAX_NS), at=START)
    assert approved(desk) == ["o", "p"]


def test_a_request_more_than_a_day_ahead_is_refused() -> None:
    desk = ready()
    desk.send(later("in", ts=START + AHEAD_MAX_NS), later("out", ts=START + AHEAD_MAX_NS + 1))
    assert waiting(desk) == ["in"]
    result = last(desk, "out")
    assert (result.reason_code, result.terminal, result.fix_reason) == ("TS_TOO_FAR_AHEAD", True, 11)
    assert "0 for now" in (result.text or "")


def test_so_many_wait_for_an_account_and_the_next_is_refused_and_counts_as_a_message() -> None:
    desk = ready(config(limits=limits(message_rate=2)))
    desk.send(opening("B"))
    desk.send(*(later(f"o{number}") for number in range(WAITING_MAX)))
    assert desk.account().memory.to_state()["messages"] == []
    desk.send(later("one more"), later("of another", account="B"), cancel("c", "o0", ts=0))
    assert (last(desk, "one more").reason_code, last(desk, "one more").fix_reason) == ("TOO_MANY_WAITING", 3)
    assert codes(desk, "c") == ["TOO_MANY_WAITING"]
    assert waiting(desk, "B") == ["of another"]
    desk.send(later("now", ts=0))
    assert last(desk, "now").reason_code == "MESSAGE_RATE"


def test_a_change_waits_behind_its_order_and_a_child_behind_its_parent() -> None:
    desk = ready()
    desk.send(later("o"), cancel("c", "o", ts=0), later("p"))
    desk.send(replace("r", "p", "2", ts=LATER + SECOND), cancel("c2", "p", ts=START))
    child = later("child", ts=0)._replace(parent_order_id="p")
    desk.send(child, cancel("stranger", "nothing", ts=0))
    assert waiting(desk) == ["o", "c", "p", "r", "c2", "child"]
    assert last(desk, "nothing").reason_code == "UNKNOWN_ORDER"
    desk.send(heartbeat(LATER + SECOND))
    assert approved(desk) == ["o", "c", "p", "c2", "child", "r"]
    assert trail(desk.results, "o") == ["NEW/NEW", "CANCELED/CANCELED"]


@pytest.mark.parametrize(
    ("request_", "refused"),
    [
        (mass_cancel(), ["buy", "sell", "other"]),
        (mass_cancel(symbol="ABC"), ["buy", "sell"]),
        (mass_cancel(side=SELL), ["sell"]),
        (control(ControlKind.KILL), ["buy", "sell", "other"]),
        (control(ControlKind.KILL, account=None, symbol="XYZ"), ["other"]),
        (control(ControlKind.KILL, account=None, strategy_id="s1"), ["buy", "sell", "other"]),
        (control(ControlKind.KILL, account=None, strategy_id="s2"), []),
        (control(ControlKind.SESSION_CLOSE), ["buy", "sell", "other"]),
    ],
)
def test_what_is_canceled_or_killed_while_it_waits_never_appears(
    request_: OrderRequest | Control, refused: list[str]
) -> None:
    desk = ready()
    desk.send(later("buy"), later("sell", SELL), later("other", symbol="XYZ"), request_)
    for order_id in refused:
        result = last(desk, order_id)
        assert (result.reason_code, result.terminal) == ("CANCELED_WHILE_WAITING", True)
    if refused and isinstance(request_, Control) and request_.kind is ControlKind.KILL:
        (event,) = (item for item in of(RiskEvent, desk.outputs) if item.kind == "KILLED")
        assert f"{len(refused)} that waited for their ts are refused" in event.text
    desk.send(quote(at=LATER, symbol="XYZ"), quote(at=LATER))
    assert approved(desk) == [name for name in ("buy", "sell", "other") if name not in refused]


def test_a_mass_cancel_counts_what_waited() -> None:
    desk = ready()
    desk.send(new("works", BUY, "1", "9.00"), later("o"), later("p"), cancel("c", "p"), mass_cancel())
    result = next(item for item in desk.results if item.exec_type == "MASS_CANCEL")
    assert result.observed_value == "3"
    assert result.text == "1 working orders in all symbols are being canceled, 2 that waited for their ts are refused"
    assert waiting(desk) == ["c"]
    desk.send(heartbeat(LATER))
    assert codes(desk, "c") == ["TOO_LATE_TO_CANCEL"]


def test_a_mass_cancel_for_later_waits_too_and_takes_what_still_waits_then() -> None:
    desk = ready()
    desk.send(later("o"), mass_cancel(ts=LATER + SECOND), later("p", ts=LATER + 9 * SECOND))
    assert waiting(desk) == ["o", "all", "p"]
    desk.send(heartbeat(LATER + SECOND))
    assert trail(desk.results, "o") == ["NEW/NEW", "CANCELED/CANCELED"]
    assert codes(desk, "p") == ["CANCELED_WHILE_WAITING"]


def test_a_closed_session_leaves_nothing_to_the_next() -> None:
    desk = ready()
    desk.send(later("o"), cancel("c", "o", ts=0), control(ControlKind.SESSION_CLOSE), opening(session="session-2"))
    assert waiting(desk) == []
    assert codes(desk, "c") == ["CANCELED_WHILE_WAITING"]
    desk.send(heartbeat(LATER))
    assert approved(desk) == []


def test_an_identical_request_gets_the_first_answer_of_one_that_waited() -> None:
    desk = ready()
    desk.send(later("o"), mass_cancel(), later("o"))
    assert [item.poss_resend for item in desk.results if item.order_id == "o"] == [False, True]


def test_ts_0_is_now_at_the_markets_time() -> None:
    desk = ready()
    desk.send(quote(at=LATER), later("o", ts=0), new("bad", BUY, "0", ts=0), mass_cancel())
    (order, cancel_) = of(ApprovedOrder, desk.outputs)
    assert (order.order_ts, cancel_.order_ts) == (0, 0)
    assert [result.order_ts for result in desk.results] == [LATER] * len(desk.results)


def test_a_market_of_trades_alone_has_a_time() -> None:
    desk = ready(config(mark_interval_ms=1_000), market=False)
    times = []
    for after in (0, 999, 1_000, 1_500, 2_000):
        desk.send(trade("10.00", "5", at=START + after * MS))
        times.append((desk.accounts.time_ns - START) // MS)
    assert times == [0, 0, 1_000, 1_000, 2_000]


def test_trades_after_the_last_quote_move_the_time_but_not_the_mark() -> None:
    desk = ready()
    desk.send(trade("10.00", "5", at=LATER))
    assert desk.accounts.time_ns == LATER
    assert desk.accounts.to_state()["mark_times"] == {"ABC": START}


def test_a_split_does_not_restate_what_waits() -> None:
    desk = ready()
    desk.send(later("o", ts=LATER), split(2, 1, at=LATER))
    (order,) = of(ApprovedOrder, desk.outputs)
    assert order.quantity == 10**9


def test_a_configuration_by_record_time_lets_all_be_judged() -> None:
    desk = ready()
    desk.send(later("o"))
    desk.configure(config(time_source=TimeSource.RECORD))
    desk.send(heartbeat(START), at=START + SECOND)
    assert approved(desk) == ["o"]


STORY: list[Callable[[Desk], object]] = [
    lambda desk: desk.send(later("o"), later("p", ts=START + 2 * SECOND)),
    lambda desk: desk.send(cancel("c", "o", ts=0), later("q", SELL)),
    lambda desk: desk.send(heartbeat(START + 2 * SECOND)),
    lambda desk: desk.send(mass_cancel(side=SELL), later("o"), later("p")),
    lambda desk: desk.send(later("r"), heartbeat(LATER)),
]


@pytest.mark.parametrize("step", range(len(STORY)))
def test_they_wait_on_after_a_restart(step: int) -> None:
    desks = [ready(), ready()]
    for number, act in enumerate(STORY):
        if number == step:
            desks[1].restart()
        for desk in desks:
            act(desk)
    assert list(map(repr, desks[1].outputs)) == list(map(repr, desks[0].outputs))
    assert desks[1].state() == desks[0].state()
    assert approved(desks[0]) == ["p", "o", "c", "r"]


@settings(PROPERTY)
@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from("AB"), st.booleans()), max_size=60), st.integers(0, 5))
def test_the_queue_is_a_sorted_list(drawn: list[tuple[int, str, bool]], until: int) -> None:
    queue, kept = EarlyQueue(), list[EarlyRequest]()
    for number, (due_ns, account, stays) in enumerate(drawn):
        early = EarlyRequest(due_ns, later(f"o{number}", account=account))
        queue.add(early)
        if stays:
            kept.append(early)
        else:
            queue.discard(early)
    taken = iter(lambda: queue.take_due(until), None)
    due = [early for early in kept if early.due_ns <= until]
    assert list(taken) == [
        early.request for early in sorted(due, key=lambda early: (early.due_ns, early.request.account_id))
    ]
    assert queue.next_ns > until


def test_the_queue_forgets_what_waits_no_more() -> None:
    queue = EarlyQueue()
    for number in range(10_000):
        early = EarlyRequest(LATER, later(f"o{number}"))
        queue.add(early)
        queue.discard(early)
    assert len(queue._entries) < 100
