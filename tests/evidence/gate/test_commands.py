"""The gate's commands on the real stack, from a test report to a live order and its end."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from infra.clickhouse.client import connect
from infra.settings import Settings
from schemas.records.enums import ControlKind, RiskEventKind, TradingMode
from schemas.records.messages import Control
from streams.evidence.gate.keys import approver_key_file, gate_key_file, read_signer
from streams.pipeline.clients.follow import Follower
from streams.pipeline.clients.producer import RecordProducer
from tests.authorisations import CODE, HOUR, JUDGED, PARAMETERS, approval
from tests.authorisations import decision as signed_decision
from tests.builders import control, opening, quote
from tests.end_to_end.desk import AWAIT_S, SYMBOL, Desk, immediate
from tests.end_to_end.processes import done, paper, running
from tests.evidence.gate.sessions import insert_session
from tests.fuzz.live import as_admin, live_stack
from tests.signing import APPROVER_NAME

STRATEGY = "st"
OWN_TESTS = "tests/evidence/gate/test_criteria.py"
"""A small test file of the project itself."""


BY_HAND = {"strategy_id": STRATEGY, "decision_id": "by-hand"}


@pytest.fixture(scope="module")
def scram() -> Iterator[Settings]:
    """Runs a stack on which Kafka asks for passwords: without that there is no live level."""
    if os.environ.get("PAPER_TEST_STACK", "native") != "native":
        pytest.skip("docker-compose.yml has a plaintext broker")
    with live_stack("scram") as settings:
        yield settings.model_copy(update={"mock_trading": False})


def test_from_evidence_to_a_live_order_and_back(scram: Settings, tmp_path: Path) -> None:
    settings, commit = scram, "c0ffee"
    desk = Desk(as_admin(settings))
    started_ns = time.time_ns()
    done(settings, "test", "-q", "-p", "no:cacheprovider", OWN_TESTS)
    report = str(settings.paper_home / "junit.xml")
    for arguments in ((), ("--approver", APPROVER_NAME)):
        done(settings, "gate", "keys", *arguments)
    with running(settings, tmp_path, "sink"), running(settings, tmp_path, "worker"):
        desk.send("controls", "l", opening("l", **JUDGED | {"strategy_id": STRATEGY}))
        for _ in range(2):
            said = done(settings, "gate", "ingest", report, "--commit", commit)
        cases = _own_cases(desk, started_ns, commit)
        assert said == f"{cases} cases of pytest recorded\n"
        done(settings, "gate", "trials", STRATEGY, "1", "--reason", "the first")
        assert "evil.xml" in _refused(settings, desk, tmp_path, report)
        done(desk.settings, "reconcile", "--record")
        done(desk.settings, "replay", "verify", "--record")
        _refuse_live(desk, "l-1", "LIVE_NO_DECISION")
        _write_by_hand(desk)
        _refuse_live(desk, "l-1b", "LIVE_NO_DECISION")
        assert "refused as forged" in paper(settings, "status").stdout
        _await_rows(settings, "test_results", "uniqExact(suite)", 3)
        _await_rows(settings, "risk_events", "countIf(kind = 'SESSION_OPENED')", 1)
        assert "FAILED" in done(settings, "gate", "evaluate", STRATEGY, "--commit", commit, code=1)
        _refuse_live(desk, "l-2", "LIVE_PAPER_ONLY")
        mistyped = paper(settings, "gate", "evaluate", f"{STRATEGY}s", "--commit", commit)
        assert (mistyped.returncode, "known" in mistyped.stderr) == (2, True), mistyped.stderr
        assert {item.strategy_id for item in desk.read("gate.decisions")} == {STRATEGY}
        with closing(connect(settings)) as client:
            insert_session(client, settings.run_id, trials=None, suites=())
        done(settings, "gate", "evaluate", STRATEGY, "--level", "LIMITED_LIVE", "--commit", commit)
        _refuse_live(desk, "l-3", "LIVE_NOT_APPROVED")
        decision = json.loads(done(settings, "gate", "show", STRATEGY, "--json"))
        assert (decision["level"], decision["kind"], decision["mode"]) == ("LIMITED_LIVE", "EVALUATED", "LIVE")
        assert (decision["account_id"], decision["of_run_id"]) == ("l", settings.run_id)
        assert (decision["code_sha256"], decision["parameters"]) == (CODE, PARAMETERS)
        (tests,) = [item for item in decision["criteria"] if item["criterion"] == "tests pytest"]
        assert (tests["value"], tests["passed"]) == (f"{cases} passed, 0 failed", True)
        assert tests["threshold"].endswith(f"of {commit}")
        _approve_in_vain(settings, decision["decision_id"])
        approve = ("gate", "approve", STRATEGY, decision["decision_id"], "--approver", APPROVER_NAME)
        done(settings, *approve, "--reason", "looks good")
        desk.send("market.data", SYMBOL, quote("50.00", "50.02", symbol=SYMBOL))
        desk.flush()
        _await_marks(desk)
        _go_live(desk, "l-5")
        done(settings, "gate", "watch", "--once")
        done(settings, "gate", "revoke", STRATEGY, "--reason", "enough")
        _refuse_live(desk, "l-6", "LIVE_REVOKED")
        assert "REVOKED by" in done(settings, "gate", "show", STRATEGY)
        _revoke_what_the_gate_does_not_know(settings, desk)
        history = done(settings, "gate", "history", STRATEGY, "--json").splitlines()
        kinds = [json.loads(line)["kind"] for line in history]
        assert kinds == ["TRIALS", "EVALUATED", "EVALUATED", "APPROVED", "REVOKED", "REVOKED"]
    assert done(settings, "replay", "verify").endswith("all equal\n")


def _write_by_hand(desk: Desk) -> None:
    """Writes a decision and its approval straight to controls, to every shard, and waits for their refusals."""
    with Follower(desk.settings, desk.codec, ["risk.events"]) as events:
        for kind in ("DECISION", "APPROVAL"):
            document = BY_HAND | {"kind": kind, "level": "FULL_LIVE", "expires_ts": time.time_ns() + HOUR}
            _to_all(desk, control(ControlKind.AUTHORISATION, None, kind, authorisation=json.dumps(document)))
        shards = desk.settings.account_partitions
        desk.until(events, lambda event: event.code == "AUTHORISATION_FORGED", 2 * shards)


def _to_all(desk: Desk, command: Control) -> None:
    """Sends a command to each account partition, as the gate does."""
    RecordProducer(desk.settings, desk.codec).broadcast("controls", "", command)


def _approve_in_vain(settings: Settings, decision: str) -> None:
    """Approves another decision, as somebody without a key, and with the gate's own key."""
    gate_key = ("--key", str(gate_key_file(settings)))
    for arguments, why in (
        (("d-1", "--approver", APPROVER_NAME), "not the newest"),
        ((decision, "--approver", "eve"), "No such file"),
        ((decision, "--approver", APPROVER_NAME, *gate_key), "not listed with this key"),
    ):
        refused = paper(settings, "gate", "approve", STRATEGY, *arguments, "--reason", "no")
        assert (refused.returncode, why in refused.stderr) == (1, True), refused.stderr


def _revoke_what_the_gate_does_not_know(settings: Settings, desk: Desk) -> None:
    """Trades live on a decision that stolen keys have signed, which the watch ends although the gate has no record.

    One that expires now, on a market of years ago and for an order dated years back, lets nothing pass.
    """
    stolen, bobs = read_signer(gate_key_file(settings)), read_signer(approver_key_file(settings, APPROVER_NAME))
    now_ns = time.time_ns()
    forged = signed_decision("FULL_LIVE", "stolen", now_ns + HOUR, now_ns, stolen, strategy_id=STRATEGY, account_id="l")
    with Follower(desk.settings, desk.codec, ["risk.events"]) as events:
        for command in (forged, approval(forged, bobs)):
            _to_all(desk, command)
        shards = desk.settings.account_partitions
        desk.until(events, lambda event: event.kind is RiskEventKind.AUTHORISATION_CHANGED, 2 * shards)
    _go_live(desk, "l-7")
    _await_rows(settings, "risk_events", "countIf(code = 'APPROVAL' AND cause = 'stolen')", shards)
    assert "not the gate's" in done(settings, "gate", "watch", "--once")
    _refuse_live(desk, "l-8", "LIVE_REVOKED")
    now_ns = time.time_ns()
    past = signed_decision("FULL_LIVE", "past", now_ns, now_ns, stolen, strategy_id=STRATEGY, account_id="l")
    for command in (past, approval(past, bobs)):
        _to_all(desk, command)
    _refuse_live(desk, "l-9", "LIVE_EXPIRED")


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


def _refused(settings: Settings, desk: Desk, folder: Path, good: str) -> str:
    """Checks that a hostile report beside a good one keeps both from being recorded."""
    (folder / "evil.xml").write_text('<!DOCTYPE x [<!ENTITY e "e">]><testsuite/>')
    before = len(desk.read("test.results"))
    result = paper(settings, "gate", "ingest", good, str(folder / "evil.xml"))
    assert result.returncode == 1
    assert len(desk.read("test.results")) == before
    return result.stderr


def _refuse_live(desk: Desk, order_id: str, code: str) -> None:
    (result,) = desk.trade([immediate(order_id, "l")._replace(mode=TradingMode.LIVE, strategy_id=None)])
    assert result.reason_code == code, result


def _go_live(desk: Desk, order_id: str) -> None:
    """Sends a live order and waits until it has come to the adapter's topic."""
    desk.send("orders", "l", immediate(order_id, "l")._replace(mode=TradingMode.LIVE, strategy_id=None))
    desk.flush()
    deadline = time.monotonic() + AWAIT_S
    while not (found := [item for item in desk.read("orders.live") if item.order_id == order_id]):
        refusals = [item.text for item in desk.read("risk.events") if item.order_id == order_id]
        assert not refusals, refusals
        assert time.monotonic() < deadline, "no live order came"
    assert [(item.symbol, item.mode) for item in found] == [(SYMBOL, TradingMode.LIVE)]


def _await_marks(desk: Desk) -> None:
    """Waits until every account shard has taken a mark: from then on its market has a time."""
    deadline = time.monotonic() + AWAIT_S
    partitions = set(range(desk.settings.account_partitions))
    while partitions:
        assert time.monotonic() < deadline, "not every account shard has taken a mark"
        journals = [item for item in desk.read("journal.accounts") if "marks" in item.topics]
        partitions -= {int(item.shard.rpartition("-")[2]) for item in journals}


def _await_rows(settings: Settings, table: str, measure: str, least: int) -> None:
    """Waits until a measure of a table's rows has landed."""
    deadline = time.monotonic() + AWAIT_S
    with closing(connect(settings)) as client:
        while client.query(f"SELECT {measure} FROM {table}").result_rows[0][0] < least:
            assert time.monotonic() < deadline, f"{measure} of {table} did not land"
