"""Decisions on made sessions through the real queries: one passes, each other fails for the planted reason only."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from infra.settings import REPOSITORY
from schemas.records.enums import TradingLevel
from streams.errors import InputError
from streams.evidence.cut import Cut
from streams.evidence.gate.criteria import CriteriaFile
from streams.evidence.gate.decision import Evidence, Verdict, decide, decision_id
from streams.evidence.gate.gather_evidence import demand_session, gather_evidence
from tests.evidence.gate.sessions import (
    AS_OF_NS,
    COMMIT,
    PROVED,
    STEADY,
    SUITE,
    insert_breaker,
    insert_session,
    suite_case,
    whole_report,
)
from tests.evidence.metrics import rows

LIMITED, FULL = TradingLevel.LIMITED_LIVE, TradingLevel.FULL_LIVE
Made = Callable[[Client, str], None]


def evidence_of(client: Client, run_id: str, criteria: CriteriaFile, commit: str | None = COMMIT) -> Evidence:
    found = gather_evidence(client, Cut(run_id, {}), "st", criteria.criteria, AS_OF_NS, commit)
    return found._replace(rows={**found.rows, **PROVED})


def verdict(client: Client, run_id: str, criteria: CriteriaFile) -> Verdict:
    return decide(evidence_of(client, run_id, criteria), criteria.criteria)


def planted(**changes: Any) -> Made:
    return lambda client, run_id: insert_session(client, run_id, **changes)


def with_breaker(*states: str, day: int = 119, account: str = "A") -> Made:
    def make(client: Client, run_id: str) -> None:
        insert_session(client, run_id)
        insert_breaker(client, run_id, day, *states, account=account)

    return make


def with_row(table: str, row: dict[str, Any]) -> Made:
    def make(client: Client, run_id: str) -> None:
        insert_session(client, run_id)
        rows.insert(client, table, [row | {"run_id": run_id}])

    return make


def test_a_strategy_without_a_session_is_refused_by_the_names_of_others(client: Client, run_id: str) -> None:
    with pytest.raises(InputError, match="known strategies: none"):
        demand_session(client, run_id, "st")
    rows.insert(client, "account_equity", rows.session(run_id, 100, [100]))
    rows.insert(client, "account_equity", rows.session(run_id, 100, [100], account_id="B", strategy_id="rsi"))
    demand_session(client, run_id, "st")
    with pytest.raises(InputError, match=r"strategy 'sst' has no session in run .*; known strategies: rsi, st\."):
        demand_session(client, run_id, "sst")


def test_a_session_with_everything_passes_every_criterion(client: Client, run_id: str, criteria: CriteriaFile) -> None:
    insert_session(client, run_id, fills_a_day=6)
    found = verdict(client, run_id, criteria)
    assert [item for item in found.results if not item.passed] == []
    assert found.level is FULL
    assert decide(evidence_of(client, run_id, criteria), criteria.criteria, LIMITED).level is LIMITED


@pytest.mark.parametrize("mock_fills", [480, 1])
def test_evidence_from_mock_fills_counts_for_no_level(
    mock_fills: int, client: Client, run_id: str, criteria: CriteriaFile
) -> None:
    """Draws all fills of a session that is perfect otherwise, or one."""
    insert_session(client, run_id, mock_fills=mock_fills)
    found = verdict(client, run_id, criteria)
    assert found.level is TradingLevel.PAPER_ONLY
    assert found.failed(LIMITED) == ["mock_fills"]
    (judged,) = [item for item in found.results if item.criterion == "mock_fills" and item.level is LIMITED]
    assert (judged.value, judged.threshold) == (mock_fills, "<= 0")
    assert judged.detail.startswith("drawn by the MockExecutor")


@pytest.mark.parametrize("name", ["s", "t"])
def test_a_reopening_hides_no_loss(name: str, client: Client, run_id: str, criteria: CriteriaFile) -> None:
    """On the last day 20,000 are lost, and the account is opened again with what it had before."""
    insert_session(client, run_id, fills_a_day=6)
    last = rows.FIRST_DAY + (len(STEADY) * 20 - 1) * rows.DAY
    held = 100_000 + 20 * sum(STEADY)
    lost = [rows.equity(run_id, held - 20_000, last, trigger) for trigger in ("FILL", "SESSION_CLOSE")]
    again = [rows.equity(run_id, held, last, trigger, session_id=name) for trigger in ("SESSION_OPEN", "INTERVAL")]
    rows.insert(client, "account_equity", lost + again)
    found = verdict(client, run_id, criteria)
    assert found.level is TradingLevel.PAPER_ONLY
    assert {"daily_loss", "max_drawdown"} <= set(found.failed(LIMITED))
    lost_on_day = (STEADY[-1] - 20_000) / (held - STEADY[-1])
    assert [item.value for item in found.results if item.criterion == "daily_loss"] == [pytest.approx(lost_on_day)] * 2


def test_stressed_costs_follow_the_openings_of_a_day(client: Client, run_id: str, criteria: CriteriaFile) -> None:
    """Costs of 10 in each of two sessions of 1,000 on one day, doubled: each loses 1 % more, and the day 1.99 %."""
    day = rows.FIRST_DAY
    found = rows.session(run_id, 1_000, [1_000])
    found.append(rows.equity(run_id, 1_000, day + timedelta(hours=1), "SESSION_OPEN"))
    found.append(rows.equity(run_id, 1_000, day + timedelta(hours=2)))
    rows.insert(client, "account_equity", found)
    fills = [
        rows.fill(run_id, "BUY", 1, 100, day + timedelta(hours=hour), commission=Decimal(10), slippage_mid=Decimal(0))
        for hour in (0, 2)
    ]
    rows.insert(client, "fills", fills)
    (row,) = evidence_of(client, run_id, criteria).rows["gate_stress"]
    assert row["worst_day"] == pytest.approx(0.99 * 0.99 - 1)


TINY = (3, -1, 2, 2, -1, 1)
LATE = rows.FIRST_DAY + 5 * rows.DAY
QUIET = {"symbol": "ABC", "kind": "QUOTE", "ts": LATE + timedelta(minutes=45), "bid_px": Decimal(100)}
REJECTED = {"account_id": "A", "session_id": "s", "exec_type": "REJECTED", "ts": LATE}


@pytest.mark.parametrize(
    ("make", "reasons"),
    [
        pytest.param(planted(changes=STEADY * 9, fills_a_day=6), ["days"], id="too short"),
        pytest.param(planted(fills_a_day=1), None, id="nothing traded"),
        pytest.param(planted(changes=(100, 50, -20, 60) * 20 + (9_000,)), ["best_day_share"], id="lucky outlier"),
        pytest.param(planted(changes=STEADY * 60 + (-5_000,)), ["daily_loss"], id="one huge loss"),
        pytest.param(planted(age=200), ["tests pytest"], id="stale tests"),
        pytest.param(planted(tests=()), ["tests pytest"], id="missing tests"),
        pytest.param(planted(failing="pytest"), ["tests pytest"], id="failing tests"),
        pytest.param(planted(failing="reconcile"), [], id="a check that somebody recorded"),
        pytest.param(with_breaker("OPEN"), ["open_breakers"], id="open breaker"),
        pytest.param(with_breaker("OPEN", account=""), ["open_breakers"], id="open breaker of the desk"),
        pytest.param(with_breaker("OPEN", account="B"), [], id="open breaker of a strange account"),
        pytest.param(with_breaker("OPEN", "CLOSED", "OPEN", "CLOSED"), ["breaker_trips"], id="trips"),
        pytest.param(with_breaker(*("OPEN", "CLOSED") * 2, account=""), [], id="trips of the desk"),
        pytest.param(with_breaker("OPEN", "CLOSED", "OPEN", "CLOSED", day=80), [], id="trips long ago"),
        pytest.param(planted(fee="5"), ["stress_costs"], id="costs double"),
        pytest.param(planted(fee="0"), ["fees_bps"], id="no fees"),
        pytest.param(planted(slippage="0"), ["slippage_bps"], id="no slippage"),
        pytest.param(planted(slippage="-0.01"), ["slippage_bps"], id="slippage in its favour"),
        pytest.param(
            planted(changes=TINY * 20, size=100, fee="0.02", slippage="0.0001"), ["profit_bps"], id="a hair above costs"
        ),
        pytest.param(planted(cash=200_001), ["capital_multiple"], id="too much paper capital"),
        pytest.param(planted(cash=200_000), [], id="as much paper capital as allowed"),
        pytest.param(planted(profit="25"), ["profit_factor"], id="losses too large"),
        pytest.param(with_row("dead_letters", {"topic": "dlq.fills"}), ["dead_letters"], id="dead letter"),
        pytest.param(with_row("dead_letters", {"topic": "dlq.orders"}), [], id="a client's dead letter"),
        pytest.param(with_row("marks", QUIET | {"ask_px": Decimal(100)}), ["market_gaps"], id="gap"),
    ],
)
def test_a_session_fails_for_the_reason_that_was_planted(
    make: Made, reasons: list[str] | None, client: Client, run_id: str, criteria: CriteriaFile
) -> None:
    make(client, run_id)
    found = verdict(client, run_id, criteria)
    failed = found.failed(LIMITED)
    if reasons is None:
        assert {"fills", "regimes", "profit_factor"} <= set(failed)
    else:
        explained = [(item.criterion, item.value, item.threshold, item.detail) for item in found.results]
        assert sorted(failed) == sorted(reasons), explained
    assert (found.level is TradingLevel.PAPER_ONLY) == (failed != [])


@pytest.mark.parametrize(
    ("source", "count", "reasons"), [("RISK", 40, ["reject_rate"]), ("EXECUTION", 12, ["error_rate"])]
)
def test_orders_that_were_refused(
    source: str, count: int, reasons: list[str], client: Client, run_id: str, criteria: CriteriaFile
) -> None:
    insert_session(client, run_id)
    many = [REJECTED | {"run_id": run_id, "order_id": f"r-{number}", "source": source} for number in range(count)]
    rows.insert(client, "order_results", many)
    assert verdict(client, run_id, criteria).failed(LIMITED) == reasons


def test_stale_tests_of_another_commit_or_of_a_time_to_come(
    client: Client, run_id: str, criteria: CriteriaFile
) -> None:
    insert_session(client, run_id)
    judge = partial(decide, criteria=criteria.criteria)
    for commit in ("other", None):
        assert judge(evidence_of(client, run_id, criteria, commit)).failed(LIMITED) == ["tests pytest"]
    suites = evidence_of(client, run_id, criteria)
    early = suites._replace(as_of_ns=AS_OF_NS - 2 * 3600 * 10**9)
    assert judge(early).failed(LIMITED) == ["tests pytest"]
    week = suites._replace(as_of_ns=AS_OF_NS + 20 * 3600 * 10**9)
    assert judge(week).failed(LIMITED) == []


@pytest.fixture(scope="module")
def whole_evidence(client: Client, criteria: CriteriaFile) -> Evidence:
    """Returns the evidence of a session with everything, for tests that change nothing of its rows in ClickHouse."""
    run_id = rows.new_run()
    insert_session(client, run_id, fills_a_day=6)
    return evidence_of(client, run_id, criteria)


@pytest.mark.parametrize("part", list(PROVED))
def test_a_proof_with_a_problem_or_none_reaches_no_level(
    part: str, whole_evidence: Evidence, criteria: CriteriaFile
) -> None:
    criterion = {"proof_rows": "proved_rows", "proof_replay": "replay_verification"}.get(part, "reconciliation")
    for found in ([{"found": "9 of each", "problem": "one differs"}], [{"found": None, "problem": "not at rest"}], []):
        judged = decide(whole_evidence._replace(rows={**whole_evidence.rows, part: found}), criteria.criteria)
        assert judged.failed(LIMITED) == [criterion]
        (result,) = [item for item in judged.results if (item.level, item.criterion) == (LIMITED, criterion)]
        assert result.detail == (found[0]["problem"] if found else "no evidence")


@pytest.mark.parametrize(
    ("lacking", "why"),
    [
        (lambda cases: [], "only 0 passed"),
        (lambda cases: cases[:-2], f"only {SUITE.passed_min - 1} passed"),
        (lambda cases: cases[1:], f"only {SUITE.passed_min - 1} passed"),
        (lambda cases: [*cases[2:], *cases[-2:]], f"{SUITE.tests[0]} did not pass in it"),
        (lambda cases: [cases[0] | {"status": "SKIPPED"}, *cases[1:]], f"{SUITE.tests[0]} did not pass in it"),
        (lambda cases: [item | {"commit": f"{COMMIT}-dirty"} for item in cases], f"of commit {COMMIT}-dirty"),
    ],
)
def test_a_report_that_is_not_whole_is_no_evidence(
    lacking: Callable[[list[Any]], list[Any]], why: str, client: Client, run_id: str, criteria: CriteriaFile
) -> None:
    """One invented case, one case less, a named test that was left out or skipped, a checkout with changes."""
    kept = lacking(whole_report(run_id)) or [suite_case(run_id, "pytest", "SKIPPED")]
    insert_session(client, run_id, tests=kept)
    found = verdict(client, run_id, criteria)
    assert found.failed(LIMITED) == ["tests pytest"]
    (judged,) = [item for item in found.results if (item.level, item.criterion) == (LIMITED, "tests pytest")]
    assert why in judged.detail


def test_a_report_of_a_checkout_with_changes_counts_for_nothing(
    client: Client, run_id: str, criteria: CriteriaFile
) -> None:
    commit = f"{COMMIT}-dirty"
    insert_session(client, run_id, tests=[item | {"commit": commit} for item in whole_report(run_id)])
    judged = decide(evidence_of(client, run_id, criteria, commit), criteria.criteria)
    assert judged.failed(LIMITED) == ["tests pytest"]


def test_the_tests_that_the_criteria_name_exist() -> None:
    for name in SUITE.tests:
        file, _, function = name.partition("::")
        assert f"def {function}(" in (REPOSITORY / file).read_text(), name


def test_a_strategy_without_records_fails_every_criterion(client: Client, run_id: str, criteria: CriteriaFile) -> None:
    found = verdict(client, run_id, criteria)
    allowed = {"open_breakers", "breaker_trips", "dead_letters", "proved_rows", "replay_verification", "reconciliation"}
    assert found.level is TradingLevel.PAPER_ONLY
    assert {item.criterion for item in found.results if item.passed} <= allowed


def test_the_same_evidence_is_the_same_decision(client: Client, run_id: str, criteria: CriteriaFile) -> None:
    insert_session(client, run_id)
    one, two = (evidence_of(client, run_id, criteria) for _ in range(2))
    assert (one.sha256, decide(one, criteria.criteria)) == (two.sha256, decide(two, criteria.criteria))
    named = decision_id(one, criteria.sha256, "settings", FULL)
    assert named == decision_id(two, criteria.sha256, "settings", FULL)
    others = [
        decision_id(one._replace(as_of_ns=1), criteria.sha256, "settings", FULL),
        decision_id(one, "other", "settings", FULL),
        decision_id(one, criteria.sha256, "other", FULL),
        decision_id(one, criteria.sha256, "settings", LIMITED),
    ]
    assert len({named, *others}) == 5
