"""`paper risk kill` sends no name that nobody has, and says what becomes of the positions that it closes."""

from __future__ import annotations

import pytest

from infra.errors import ClickHouseError
from schemas.records.enums import ControlKind, Side
from streams.cli.kill_target import ClosingPosition, check_known, follow_closing, holdings_of
from streams.core.risk.kill_switch import KillScope, KillTarget
from streams.errors import InputError
from tests.builders import SECOND, START, config, control, new, opening, px, quote, top_of_book
from tests.core.desk import Desk

BUY = Side.BUY
ACCOUNT, STRATEGY, SYMBOL = KillScope.ACCOUNT, KillScope.STRATEGY, KillScope.SYMBOL


def traded(latency_ms: int = 0) -> Desk:
    """Account A of strategy rsi holds 10 ABC; an order of it works for rsi:Rsi, another waits for rsi:Late."""
    desk = Desk(config(simulators=(top_of_book(latency_ms),)))
    desk.send(opening(strategy_id="rsi"), opening("B"), quote(), new("b", BUY, "10", strategy_id=None))
    desk.send(quote(at=START + SECOND))
    desk.send(new("w", BUY, "10", "9.00", strategy_id="rsi:Rsi"))
    desk.send(new("l", BUY, "10", "9.00", strategy_id="rsi:Late", ts=START + 60 * SECOND))
    return desk


def past() -> set[str]:
    return {"gone"}


KNOWN = [
    KillTarget(KillScope.ALL),
    KillTarget(ACCOUNT, "A"),
    KillTarget(STRATEGY, "rsi"),
    KillTarget(STRATEGY, "rsi:Rsi"),
    KillTarget(STRATEGY, "rsi:Late"),
    KillTarget(STRATEGY, "gone"),
    KillTarget(SYMBOL, "ABC"),
    KillTarget(SYMBOL, "XYZ"),
]
UNKNOWN = [
    (KillTarget(ACCOUNT, "a"), "account a is not known, so nothing is sent; known are: A, B"),
    (
        KillTarget(STRATEGY, "rs"),
        "strategy rs is not known, so nothing is sent; known are: gone, rsi, rsi:Late, rsi:Rsi",
    ),
    (KillTarget(SYMBOL, "ABC.X"), "symbol ABC.X is not known, so nothing is sent; known are: ABC, XYZ"),
]


@pytest.mark.parametrize("target", KNOWN, ids=str)
def test_a_name_of_a_session_or_an_order_is_sent(target: KillTarget) -> None:
    check_known(target, [traded().accounts], past)


@pytest.mark.parametrize(("target", "sentence"), UNKNOWN)
def test_a_name_that_nobody_had_is_an_error_that_lists_the_known(target: KillTarget, sentence: str) -> None:
    with pytest.raises(InputError) as error:
        check_known(target, [traded().accounts], past)
    assert str(error.value) == sentence


def test_a_long_list_is_cut() -> None:
    with pytest.raises(InputError, match=r"known are: s00, .*, s19 and 5 more$"):
        check_known(KillTarget(STRATEGY, "x"), [], lambda: {f"s{number:02}" for number in range(25)})


def test_a_kill_does_not_wait_for_clickhouse(capsys: pytest.CaptureFixture[str]) -> None:
    def away() -> set[str]:
        raise ClickHouseError("away")

    check_known(KillTarget(STRATEGY, "x"), [traded().accounts], away)
    assert "strategy x" in capsys.readouterr().err


def test_positions_belong_to_accounts_and_to_the_strategies_of_their_sessions() -> None:
    shards, held = [traded().accounts], [ClosingPosition("A", "ABC", px("10"))]
    assert str(held[0]) == "10 ABC of account A"
    for target in (
        KillTarget(KillScope.ALL),
        KillTarget(ACCOUNT, "A"),
        KillTarget(STRATEGY, "rsi"),
        KillTarget(SYMBOL, "ABC"),
    ):
        assert holdings_of(target, shards) == held
    for target in (KillTarget(ACCOUNT, "B"), KillTarget(STRATEGY, "rsi:Rsi"), KillTarget(SYMBOL, "XYZ")):
        assert holdings_of(target, shards) == []


@pytest.mark.parametrize(
    ("latency_ms", "sentence"),
    [(0, "ABC of account A is closed"), (5, "10 ABC of account A waits for the next quote of ABC")],
)
def test_closing_is_followed_and_what_waits_for_a_quote_is_said(latency_ms: int, sentence: str) -> None:
    desk = traded(latency_ms)
    held = holdings_of(KillTarget(STRATEGY, "rsi"), [desk.accounts])
    desk.outputs.clear()
    desk.send(control(ControlKind.KILL, None, "k1", strategy_id="rsi", flatten=True))
    assert list(follow_closing(lambda: desk.results, held, "k1", 0)) == [sentence]
