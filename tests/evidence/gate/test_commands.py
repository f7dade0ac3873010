"""The gate's commands on the real stack, from a test report to a live order and its end."""

from __future__ import annotations

import json
import time
from contextlib import closing
from pathlib import Path

from infra.clickhouse.client import connect
from infra.settings import Settings
from schemas.records.enums import TradingMode
from tests.builders import quote
from tests.end_to_end.desk import AWAIT_S, SYMBOL, Desk, immediate
from tests.end_to_end.processes import done, paper, running
from tests.evidence.gate.sessions import insert_session

STRATEGY = "st"
OWN_TESTS = "tests/evidence/gate/test_criteria.py"
"""A small test file of the project itself."""


def test_from_evidence_to_a_live_order_and_back(pipeline_settings: Settings, tmp_path: Path) -> None:
    settings = pipeline_settings.model_copy(update={"mock_trading": False})
    desk, commit = Desk(settings), "c0ffee"
    started_ns = time.time_ns()
    done(settings, "test", "-q", "-p", "no:cacheprovider", OWN_TESTS)
    report = str(settings.paper_home / "junit.xml")
    with running(settings, tmp_path, "sink"), running(settings, tmp_path, "worker"):
        done(settings, "session", "open", "--account", "l", "--strategy", STRATEGY)
        for _ in range(2):
            said = done(settings, "gate", "ingest", report, "--commit", commit)
        cases = _own_cases(desk, started_ns, commit)
        assert said == f"{cases} cases of pytest recorded\n"
        done(settings, "gate", "trials", STRATEGY, "1", "--reason", "the first")
        assert "evil.xml" in _refused(settings, tmp_path, report)
        done(settings, "reconcile", "--record")
        done(settings, "replay", "verify", "--record")
        _refuse_live(desk, "l-1", "LIVE_NO_DECISION")
        assert "FAILED" in done(settings, "gate", "evaluate", STRATEGY, "--commit", commit, code=1)
        _refuse_live(desk, "l-2", "LIVE_PAPER_ONLY")
        mistyped = paper(settings, "gate", "evaluate", f"{STRATEGY}s", "--commit", commit)
        assert (mistyped.returncode, "known" in mistyped.stderr) == (2, True), mistyped.stderr
        assert {item.strategy_id for item in desk.read("gate.decisions")} == {STRATEGY}
        _await_rows(settings, "reconcile", "replay-verify", "pytest")
        with closing(connect(settings)) as client:
            insert_session(client, settings.run_id, trials=None, suites=())
        done(settings, "gate", "evaluate", STRATEGY, "--level", "LIMITED_LIVE", "--commit", commit)
        _refuse_live(desk, "l-3", "LIVE_NOT_APPROVED")
        decision = json.loads(done(settings, "gate", "show", STRATEGY, "--json"))
        assert (decision["level"], decision["kind"]) == ("LIMITED_LIVE", "EVALUATED")
        (tests,) = [item for item in decision["criteria"] if item["criterion"] == "tests pytest"]
        assert (tests["value"], tests["passed"]) == (f"{cases} passed, 0 failed", True)
        assert tests["threshold"].endswith(f"of {commit}")
        assert "not the newest" in paper(settings, "gate", "approve", STRATEGY, "d-1", "--reason", "no").stderr
        done(settings, "gate", "approve", STRATEGY, decision["decision_id"], "--reason", "looks good")
        _refuse_live(desk, "l-4", "LIVE_NO_TIME")
        desk.send("market.data", SYMBOL, quote("50.00", "50.02", symbol=SYMBOL))
        desk.flush()
        _await_marks(desk)
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
        assert kinds == ["TRIALS", "EVALUATED", "EVALUATED", "APPROVED", "REVOKED"]
    assert done(settings, "replay", "verify").endswith("all equal\n")


def _own_cases(desk: Desk, started_ns: int, commit: str) -> int:
    """Returns the number of recorded cases of the project's own tests, each with suite, commit and time."""
    found = [item for item in desk.read("test.results") if item.suite == "pytest"]
    names = {item.case for item in found}
    module = OWN_TESTS.removesuffix(".py").replace("/", ".")
    assert len(found) == 2 * len(names), "ingested twice"
    assert all(name.startswith(f"{module}.test_") for name in names)
    assert {item.commit for item in found} == {commit}
    assert all(started_ns <= item.ts <= time.time_ns() for item in found)
    return len(names)


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


def _await_marks(desk: Desk) -> None:
    """Waits until every account shard has taken a mark: from then on its market has a time."""
    deadline = time.monotonic() + AWAIT_S
    partitions = set(range(desk.settings.account_partitions))
    while partitions:
        assert time.monotonic() < deadline, "not every account shard has taken a mark"
        journals = [item for item in desk.read("journal.accounts") if "marks" in item.topics]
        partitions -= {int(item.shard.rpartition("-")[2]) for item in journals}


def _await_rows(settings: Settings, *suites: str) -> None:
    deadline = time.monotonic() + AWAIT_S
    with closing(connect(settings)) as client:
        while client.query("SELECT uniqExact(suite) FROM test_results").result_rows[0][0] < len(suites):
            assert time.monotonic() < deadline, "test results did not land"
