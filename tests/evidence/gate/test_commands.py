"""The gate's commands on the real stack, from a test report to a live order and its end."""

from __future__ import annotations

import json
import time
from pathlib import Path

from infra.settings import Settings
from schemas.records.enums import TradingMode
from streams.evidence.gate.gate_desk import head_commit
from streams.evidence.gate.junit_report import read_junit
from tests.end_to_end.desk import AWAIT_S, SYMBOL, Desk, immediate
from tests.end_to_end.processes import done, paper, running
from tests.evidence.gate.paper_days import PaperDays
from tests.evidence.gate.sessions import COMMIT, SUITE, whole_cases, write_report

STRATEGY = "st"
OWN_TESTS = "tests/evidence/gate/test_criteria.py"
"""A small test file of the project itself."""


def test_from_evidence_to_a_live_order_and_back(pipeline_settings: Settings, tmp_path: Path) -> None:
    settings = pipeline_settings.model_copy(update={"mock_trading": False})
    desk = Desk(settings)
    days = PaperDays(settings, registered=True)
    days.trade(STRATEGY, "l")
    days.write()
    report = str(write_report(tmp_path / "whole.xml", "pytest", whole_cases()))
    with running(settings, tmp_path, "sink"), running(settings, tmp_path, "worker"):
        for _ in range(2):
            said = done(settings, "gate", "ingest", report)
        assert said == f"{SUITE.passed_min} cases of pytest recorded\n"
        _refuse_live(desk, "l-1", "LIVE_NO_DECISION")
        assert "FAILED" in done(settings, "gate", "evaluate", STRATEGY, "--commit", COMMIT, code=1)
        _refuse_live(desk, "l-2", "LIVE_PAPER_ONLY")
        done(settings, "gate", "trials", STRATEGY, "1", "--reason", "the first")
        assert "evil.xml" in _refused(settings, tmp_path, report)
        mistyped = paper(settings, "gate", "evaluate", f"{STRATEGY}s", "--commit", COMMIT)
        assert (mistyped.returncode, "known" in mistyped.stderr) == (2, True), mistyped.stderr
        assert {item.strategy_id for item in desk.read("gate.decisions")} == {STRATEGY}
        done(settings, "gate", "evaluate", STRATEGY, "--level", "LIMITED_LIVE", "--commit", COMMIT)
        _refuse_live(desk, "l-3", "LIVE_NOT_APPROVED")
        decision = json.loads(done(settings, "gate", "show", STRATEGY, "--json"))
        assert (decision["level"], decision["kind"]) == ("LIMITED_LIVE", "EVALUATED")
        (tests,) = [item for item in decision["criteria"] if item["criterion"] == "tests pytest"]
        assert (tests["value"], tests["passed"]) == (f"{SUITE.passed_min} passed, 0 failed", True)
        assert f"of {COMMIT}" in tests["threshold"]
        assert len(decision["proof_sha256"]) == 64
        assert "not the newest" in paper(settings, "gate", "approve", STRATEGY, "d-1", "--reason", "no").stderr
        done(settings, "gate", "approve", STRATEGY, decision["decision_id"], "--reason", "looks good")
        order = immediate("l-5", "l")._replace(mode=TradingMode.LIVE, strategy_id=None)
        desk.send("orders", "l", order)
        desk.flush()
        _await_live(desk, "l-5")
        done(settings, "gate", "watch", "--once")
        done(settings, "gate", "revoke", STRATEGY, "--reason", "enough")
        _refuse_live(desk, "l-6", "LIVE_REVOKED")
        assert "REVOKED by" in done(settings, "gate", "show", STRATEGY)
        history = done(settings, "gate", "history", STRATEGY, "--json").splitlines()
        kinds = [json.loads(line)["kind"] for line in history]
        assert kinds == ["EVALUATED", "TRIALS", "EVALUATED", "APPROVED", "REVOKED"]
    assert done(settings, "replay", "verify").endswith("all equal\n")


def test_a_report_of_the_projects_tests_names_the_commit(pipeline_settings: Settings) -> None:
    done(pipeline_settings, "test", "-q", "-p", "no:cacheprovider", OWN_TESTS)
    results = read_junit(pipeline_settings.paper_home / "junit.xml", time.time_ns())
    module = OWN_TESTS.removesuffix(".py").replace("/", ".")
    assert all(item.case.startswith(f"{module}.test_") for item in results)
    assert {(item.suite, item.commit) for item in results} == {("pytest", head_commit())}


def _refused(settings: Settings, folder: Path, good: str) -> str:
    """Checks that a hostile report beside a good one keeps both from being recorded."""
    (folder / "evil.xml").write_text('<!DOCTYPE x [<!ENTITY e "e">]><testsuite/>')
    before = len(Desk(settings).read("test.results"))
    result = paper(settings, "gate", "ingest", good, str(folder / "evil.xml"))
    assert result.returncode == 1
    assert len(Desk(settings).read("test.results")) == before
    return result.stderr


def _refuse_live(desk: Desk, order_id: str, code: str) -> None:
    (result,) = desk.trade([immediate(order_id, "l")._replace(mode=TradingMode.LIVE, strategy_id=None)])
    assert result.reason_code == code, result


def _await_live(desk: Desk, order_id: str) -> None:
    deadline = time.monotonic() + AWAIT_S
    while not (found := desk.read("orders.live")):
        refusals = [item.text for item in desk.read("risk.events") if item.order_id == order_id]
        assert not refusals, refusals
        assert time.monotonic() < deadline, "no live order came"
    assert [(item.order_id, item.symbol, item.mode) for item in found] == [(order_id, SYMBOL, TradingMode.LIVE)]
