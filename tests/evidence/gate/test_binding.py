"""For whom a decision holds: the newest session, and the conditions that no evidence makes up for."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from schemas.records.enums import TradingLevel
from streams.errors import InputError
from streams.evidence.gate.binding import Binding, CodeToTest, find_code, judge_binding, read_binding, with_binding
from streams.evidence.gate.decision import CriterionResult, Evidence, Verdict
from tests.authorisations import CODE, PARAMETERS
from tests.evidence.metrics import rows
from tests.signing import GATE, GATE_SIGNER

LIMITED, FULL, PAPER_ONLY = TradingLevel.LIMITED_LIVE, TradingLevel.FULL_LIVE, TradingLevel.PAPER_ONLY
PASSED = tuple(CriterionResult(level, "days", 120, ">= 60", True, "metrics_returns", "") for level in (LIMITED, FULL))
BOUND = Binding("A", "s", CODE, PARAMETERS)
HERE = CodeToTest(CODE, "c0ffee", "")
GREEN: dict[str, Any] = {"suite": "mine", "commit": "c0ffee", "passed": 3, "failed": 0}


def with_code(code: CodeToTest, *suites: dict[str, Any]) -> Evidence:
    evidence = Evidence("st", 0, None, {"gate_suites": suites})
    return with_binding(evidence, BOUND, GATE, GATE_SIGNER, code)


@pytest.mark.parametrize(
    ("binding", "gate", "signer", "failed"),
    [
        (BOUND, {}, GATE_SIGNER, []),
        (BOUND, {"authenticated": False}, GATE_SIGNER, ["authentication"]),
        (BOUND, {}, None, ["signing_key"]),
        (BOUND._replace(code_sha256=None), {}, GATE_SIGNER, ["code_digest"]),
    ],
)
def test_the_best_evidence_reaches_no_level_without_the_conditions(
    binding: Binding, gate: dict[str, Any], signer: Any, failed: list[str]
) -> None:
    plain = Evidence("st", 0, None, {"gate_suites": [GREEN]})
    code = HERE._replace(sha256=binding.code_sha256)
    evidence = with_binding(plain, binding, GATE.model_copy(update=gate), signer, code)
    found = judge_binding(Verdict(FULL, PASSED), evidence)
    assert found.level is (PAPER_ONLY if failed else FULL)
    assert found.failed(LIMITED) == found.failed(FULL) == failed
    assert all(item.detail for item in found.results if not item.passed), "each failure names its remedy"
    assert evidence.sha256 != plain.sha256


@pytest.mark.parametrize(
    ("code", "suites", "why"),
    [
        (HERE, [GREEN], ""),
        (HERE, [GREEN | {"commit": "other"}, GREEN], ""),
        (HERE, [], "no green report of its commit c0ffee"),
        (HERE, [GREEN | {"commit": "other"}], "no green report of its commit c0ffee"),
        (HERE, [GREEN | {"failed": 1}], "no green report of its commit c0ffee"),
        (HERE, [GREEN | {"passed": 0}], "no green report of its commit c0ffee"),
        (HERE._replace(sha256="0" * 64), [GREEN], "another than the session's"),
        (HERE._replace(commit=None), [GREEN | {"commit": None}], "not as they stand in one commit"),
        (CodeToTest(None, None, "strategy st: unknown"), [GREEN], "strategy st: unknown; name the code with --code"),
    ],
)
def test_tests_speak_only_for_the_code_that_traded(code: CodeToTest, suites: list[dict[str, Any]], why: str) -> None:
    found = judge_binding(Verdict(FULL, PASSED), with_code(code, *suites))
    assert (found.level, found.failed(LIMITED)) == ((PAPER_ONLY, ["tested_code"]) if why else (FULL, []))
    (judged,) = [item for item in found.results if (item.criterion, item.level) == ("tested_code", FULL)]
    assert why in judged.detail


def test_a_strategy_that_is_not_here_is_a_problem_in_words() -> None:
    found = find_code("nowhere:Mine")
    assert (found.sha256, found.commit) == (None, None)
    assert "nowhere" in found.problem


def _opened(client: Client, run_id: str, session: str, minute: int, account: str = "A", **asked: Any) -> None:
    at = rows.FIRST_DAY + timedelta(minutes=minute)
    place = {"run_id": run_id, "account_id": account, "session_id": session, "ts": rows.FIRST_DAY}
    place |= {"strategy_id": "bound"}
    place |= {"control_id": f"open-{session}", "kafka_timestamp": at}
    rows.insert(client, "controls", [place | {"kind": "SESSION_OPEN"} | asked])
    rows.insert(client, "risk_events", [place | {"kind": "SESSION_OPENED"}])


def test_the_newest_session_by_the_brokers_clock_is_bound(client: Client, run_id: str) -> None:
    with pytest.raises(InputError, match=f"strategy bound has no session in run {run_id}"):
        read_binding(client, run_id, "bound", "")
    _opened(client, run_id, "new", 2, code_sha256=CODE, parameters=PARAMETERS)
    _opened(client, run_id, "old", 1, account="B")
    assert read_binding(client, run_id, "bound", "") == Binding("A", "new", CODE, PARAMETERS)
    assert read_binding(client, run_id, "bound", "B") == Binding("B", "old", None, None)
    with pytest.raises(InputError, match="no session of account C"):
        read_binding(client, run_id, "bound", "C")
