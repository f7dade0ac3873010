"""Controls of how often an account sends: every message counts at once, in exact windows on the account's clock."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.records.enums import Action, ControlKind, Side
from schemas.records.messages import OrderRequest, OrderResult
from streams.core.core_config import TimeSource
from tests.builders import MS, START, cancel, config, control, heartbeat, limits, new, opening, quote, replace
from tests.core.desk import Desk, answer, of, ready

BUY, SELL = Side.BUY, Side.SELL


def limited(**changes: Any) -> Desk:
    return ready(config(limits=limits(**changes)))


def order(number: int, after_ms: float = 0, symbol: str = "ABC", quantity: str = "1") -> OrderRequest:
    return new(f"o{number}", BUY, quantity, "9.00", ts=START + int(after_ms * MS), symbol=symbol)


def codes(desk: Desk, *requests: OrderRequest) -> list[str]:
    """Returns the code of each refusal, empty if there is none. The market is there at the time of each request."""
    found = []
    for request in requests:
        desk.send(heartbeat(request.ts))
        results = of(OrderResult, desk.send(request))
        found.append(next((item.reason_code for item in results if item.source == "RISK" and item.reason_code), ""))
    return found


@pytest.mark.parametrize(
    ("limit", "code"),
    [
        ("message_rate", "MESSAGE_RATE"),
        ("order_rate", "ORDER_RATE"),
        ("order_rate_per_symbol", "ORDER_RATE_PER_SYMBOL"),
    ],
)
def test_a_window_slides_to_the_nanosecond(limit: str, code: str) -> None:
    desk = limited(**{limit: {"limit": 2, "window_ms": 100}})
    assert codes(desk, order(1), order(2, 40)) == ["", ""]
    desk.send(heartbeat(START + 100 * MS - 1))
    assert answer(desk, order(3)) == (code, "2", "3")
    assert codes(desk, order(4, 140 - 0.000001), order(5, 140)) == [code, code], "the refused ones count as well"
    assert codes(desk, order(6, 300), order(7, 300), order(8, 300)) == ["", "", code]


def test_what_is_refused_for_anything_else_counts() -> None:
    desk = limited(message_rate=3)
    malformed = [new(f"m{number}", BUY, "0.5", "9.00") for number in range(2)]
    unknown = new("u", BUY, "1", "9.00", symbol="NIX")
    assert codes(desk, *malformed, unknown, order(1)) == ["MIN_QUANTITY"] * 2 + ["UNKNOWN_INSTRUMENT", "MESSAGE_RATE"]


def test_repeated_ids_and_identical_requests_count() -> None:
    desk = limited(message_rate=3)
    assert codes(desk, order(1), order(1), order(1, quantity="2"), order(2)) == [
        "",
        "",
        "DUPLICATE_ORDER_ID",
        "MESSAGE_RATE",
    ]


def test_cancels_count_as_messages_but_pass() -> None:
    desk = limited(message_rate=2)
    assert codes(desk, order(1), cancel("c1", "o1"), cancel("c2", "o1")) == ["", "", "TOO_LATE_TO_CANCEL"]
    assert codes(desk, order(2), cancel("c3", "o2")) == ["MESSAGE_RATE", "TOO_LATE_TO_CANCEL"]
    everything = cancel("all", None)._replace(action=Action.MASS_CANCEL)
    assert codes(desk, everything) == [""]


def test_replaces_are_orders_and_are_refused_as_such() -> None:
    desk = limited(order_rate=2)
    assert codes(desk, order(1), replace("r1", "o1", "2"), replace("r2", "o1", "3")) == ["", "", "ORDER_RATE"]
    assert codes(desk, cancel("c", "o1"), order(2)) == ["", "ORDER_RATE"], "cancels are no orders"


def test_each_instrument_has_a_rate_of_its_own() -> None:
    desk = limited(order_rate_per_symbol=2)
    assert codes(desk, order(1), order(2), order(3, symbol="XYZ"), order(4)) == ["", "", "", "ORDER_RATE_PER_SYMBOL"]
    assert codes(desk, order(5, symbol="XYZ"), order(6, symbol="XYZ")) == ["", "ORDER_RATE_PER_SYMBOL"]
    assert codes(desk, replace("r", "o1", "2")) == ["ORDER_RATE_PER_SYMBOL"], "a replace is of its order's instrument"


def test_each_account_has_a_rate_of_its_own() -> None:
    desk = limited(message_rate=1)
    desk.send(opening("B"))
    assert codes(desk, order(1), new("b", BUY, "1", "9.00", account="B"), order(2)) == ["", "", "MESSAGE_RATE"]


def test_the_market_moves_the_clock_of_an_account_that_says_nothing_of_time() -> None:
    desk = limited(message_rate={"limit": 1, "window_ms": 100})
    assert codes(desk, new("o1", price="9.00", ts=0), new("o2", price="9.00", ts=0)) == ["", "MESSAGE_RATE"]
    desk.send(quote(at=START + 100 * MS))
    assert codes(desk, new("o3", price="9.00", ts=0)) == [""]


def test_with_record_time_the_clients_word_counts_for_nothing() -> None:
    desk = Desk(config(limits=limits(message_rate={"limit": 1, "window_ms": 100}), time_source=TimeSource.RECORD))
    desk.send(opening(), quote(), at=START)
    desk.send(order(1), at=START)
    desk.send(order(2, 5_000), at=START + 99 * MS)
    desk.send(order(3), at=START + 200 * MS)
    refused = {result.order_id: result.reason_code for result in desk.results if result.terminal}
    assert refused == {"o2": "MESSAGE_RATE"}


def test_windows_survive_a_restart_and_a_new_session() -> None:
    desk = limited(message_rate=2, order_rate=5, order_rate_per_symbol=5, repeated_order=5, cancel_ratio="9")
    assert codes(desk, order(1), cancel("c", "o1")) == ["", ""]
    desk.restart()
    assert codes(desk, order(2)) == ["MESSAGE_RATE"]
    desk.send(control(ControlKind.SESSION_CLOSE), opening(session="session-2"))
    assert codes(desk, order(3)) == ["MESSAGE_RATE"]


def test_memory_is_bounded_by_the_limit() -> None:
    desk = limited(
        message_rate=3, order_rate=2, order_rate_per_symbol=1, cancel_ratio={"limit": "1", "observations_max": 4}
    )
    codes(desk, *[order(number) for number in range(20)], *[cancel(f"c{number}", "o0") for number in range(20)])
    memory = desk.account().memory.to_state()
    kept = (len(memory["messages"]), len(memory["orders"]), len(memory["orders_by_symbol"]["ABC"]))
    assert (*kept, len(memory["outcomes"])) == (4, 3, 2, 4)
    codes(desk, *[order(100 + number, symbol=f"NIX{number}") for number in range(5)])
    assert list(desk.account().memory.to_state()["orders_by_symbol"]) == ["ABC"]


def canceling(desk: Desk, count: int, first: int = 0, after_ms: float = 0) -> None:
    for number in range(first, first + count):
        desk.send(
            order(1000 + number, after_ms), cancel(f"c{number}", f"o{1000 + number}", ts=START + int(after_ms * MS))
        )


RATIO = {"limit": "2", "window_ms": 1_000, "min_observations": 4}


def test_cancels_for_each_fill() -> None:
    desk = limited(cancel_ratio=RATIO)
    canceling(desk, 3)
    assert codes(desk, order(1)) == [""], "3 observations are too few"
    canceling(desk, 1, first=3)
    assert answer(desk, order(2)) == ("CANCEL_RATIO", "2", "4")
    assert answer(desk, replace("r", "o1", "2")) == ("CANCEL_RATIO", "2", "4")
    assert codes(desk, cancel("c", "o1")) == [""]


def test_fills_bring_the_ratio_down() -> None:
    desk = limited(cancel_ratio=RATIO)
    desk.send(new("f1", BUY, "1"), new("f2", BUY, "1"))
    canceling(desk, 4)
    assert codes(desk, order(1)) == [""], "4 cancels to 2 fills are at the limit"
    canceling(desk, 1, first=4)
    assert answer(desk, order(2)) == ("CANCEL_RATIO", "2", "2.5")


def test_the_ratio_heals_when_its_window_has_passed() -> None:
    desk = limited(cancel_ratio=RATIO)
    canceling(desk, 5)
    assert codes(desk, order(1, 999), order(2, 1_000)) == ["CANCEL_RATIO", ""]


def test_a_rate_that_is_switched_off_forgets_nothing_it_needs() -> None:
    desk = limited(message_rate=1)
    assert codes(desk, order(1)) == [""]
    desk.send(control(ControlKind.LIMITS, limits='{"message_rate": null}'))
    assert codes(desk, order(2), order(3)) == ["", ""]
    desk.send(control(ControlKind.LIMITS, limits='{"message_rate": 1}'))
    assert codes(desk, order(4)) == ["MESSAGE_RATE"], "what was counted before is in the window still"
