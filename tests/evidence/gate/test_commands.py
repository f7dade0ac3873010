"""The gate's commands on the real stack, from a test report to a live order and its end."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from infra.clickhouse.client import connect
from infra.settings import Settings
from schemas.records.enums import ControlKind, RiskEventKind, TradingMode
from schemas.records.messages import Control
from streams.evidence.gate.gate_desk import head_commit
from streams.evidence.gate.junit_report import read_junit
from streams.evidence.gate.keys import approver_key_file, gate_key_file, read_signer
from streams.pipeline.clients.follow import Follower
from streams.pipeline.clients.producer import RecordProducer
from streams.strategies.code_digest import strategy_code
from tests.authorisations import HOUR, PARAMETERS, approval
from tests.authorisations import decision as signed_decision
from tests.builders import control
from tests.end_to_end.desk import AWAIT_S, SYMBOL, Desk, immediate
from tests.end_to_end.processes import done, paper, running
from tests.evidence.gate.paper_days import PaperDays
from tests.evidence.gate.sessions import COMMIT, SUITE, whole_cases, write_report
from tests.fuzz.live import as_admin, live_stack
from tests.signing import APPROVER_NAME
from tests.strategies.checkout import committed

STRATEGY = "st"
FULL_DAYS = 126
OWN_TESTS = "tests/evidence/gate/test_criteria.py"
"""A small test file of the project itself."""


NAME = "gate_mine:Mine"
MODULE = "class Mine:\n    def on_tick(self, tick): ...\n    def on_result(self, result): ...\n"


class Mine(NamedTuple):
    """The strategy whose sessions are judged."""

    code_sha256: str
    commit: str


BY_HAND = {"strategy_id": STRATEGY, "decision_id": "by-hand"}


@pytest.fixture(scope="module")
def scram() -> Iterator[Settings]:
    """Runs a stack on which Kafka asks for passwords: without that there is no live level."""
    if os.environ.get("PAPER_TEST_STACK", "native") != "native":
        pytest.skip("docker-compose.yml has a plaintext broker")
    with live_stack("scram") as settings:
        yield settings.model_copy(update={"mock_trading": False})


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mine]:
    """Yields a strategy in a git checkout of its own, which is on the import path."""
    folder = tmp_path_factory.mktemp("mine")
    (folder / "gate_mine.py").write_text(MODULE)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        patch.setenv("PYTHONPATH", str(folder))
        yield Mine(strategy_code(NAME).sha256, committed(folder))
    sys.modules.pop("gate_mine", None)


def test_from_evidence_to_a_live_order_and_back(scram: Settings, mine: Mine, tmp_path: Path) -> None:
    settings = scram
    evaluate = ("gate", "evaluate", STRATEGY, "--commit", COMMIT, "--code", NAME)
    desk = Desk(as_admin(settings))
    for arguments in ((), ("--approver", APPROVER_NAME)):
        done(settings, "gate", "keys", *arguments)
    days = PaperDays(as_admin(settings), registered=True)
    days.trade(STRATEGY, "l", FULL_DAYS, code_sha256=mine.code_sha256, parameters=PARAMETERS)
    days.write()
    report = str(write_report(tmp_path / "whole.xml", "pytest", whole_cases()))
    with running(settings, tmp_path, "sink"), running(settings, tmp_path, "worker"):
        _refuse_live(desk, "l-1", "LIVE_NO_DECISION")
        _write_by_hand(desk)
        _refuse_live(desk, "l-1b", "LIVE_NO_DECISION")
        assert "refused as forged" in paper(settings, "status").stdout
        assert "FAILED" in done(settings, *evaluate, code=1)
        _refuse_live(desk, "l-2", "LIVE_PAPER_ONLY")
        for _ in range(2):
            said = done(settings, "gate", "ingest", report)
        assert said == f"{SUITE.passed_min} cases of pytest recorded\n"
        done(settings, "gate", "trials", STRATEGY, "1", "--reason", "the first")
        assert "evil.xml" in _refused(settings, desk, tmp_path, report)
        mistyped = paper(settings, "gate", "evaluate", f"{STRATEGY}s", "--commit", COMMIT)
        assert (mistyped.returncode, "known" in mistyped.stderr) == (2, True), mistyped.stderr
        assert {item.strategy_id for item in desk.read("gate.decisions")} == {STRATEGY}
        own = str(write_report(tmp_path / "own.xml", "mine", ["test_mine"], mine.commit))
        done(settings, "gate", "ingest", own)
        done(settings, *evaluate, "--level", "LIMITED_LIVE")
        _refuse_live(desk, "l-3", "LIVE_NOT_APPROVED")
        decision = json.loads(done(settings, "gate", "show", STRATEGY, "--json"))
        assert (decision["level"], decision["kind"], decision["mode"]) == ("LIMITED_LIVE", "EVALUATED", "LIVE")
        assert (decision["account_id"], decision["of_run_id"]) == ("l", settings.run_id)
        assert (decision["code_sha256"], decision["parameters"]) == (mine.code_sha256, PARAMETERS)
        (tests,) = [item for item in decision["criteria"] if item["criterion"] == "tests pytest"]
        assert (tests["value"], tests["passed"]) == (f"{SUITE.passed_min} passed, 0 failed", True)
        assert f"of {COMMIT}" in tests["threshold"]
        assert len(decision["proof_sha256"]) == 64
        _approve_in_vain(settings, decision["decision_id"])
        _approve_by_a_key_that_the_workers_do_not_know(settings, decision["decision_id"])
        approve = ("gate", "approve", STRATEGY, decision["decision_id"], "--approver", APPROVER_NAME)
        done(settings, *approve, "--reason", "looks good")
        _go_live(desk, "l-5")
        done(settings, "gate", "watch", "--once")
        assert "FULL_LIVE" in done(settings, *evaluate)
        _refuse_live(desk, "l-5b", "LIVE_NOT_APPROVED")
        decision = json.loads(done(settings, "gate", "show", STRATEGY, "--json"))
        approve = ("gate", "approve", STRATEGY, decision["decision_id"], "--approver", APPROVER_NAME)
        done(settings, *approve, "--reason", "a month of limited trading was as expected")
        _go_live(desk, "l-5c")
        done(settings, "gate", "revoke", STRATEGY, "--reason", "enough")
        _refuse_live(desk, "l-6", "LIVE_REVOKED")
        assert "REVOKED by" in done(settings, "gate", "show", STRATEGY)
        _revoke_what_the_gate_does_not_know(settings, desk, mine)
        history = done(settings, "gate", "history", STRATEGY, "--json").splitlines()
        kinds = [json.loads(line)["kind"] for line in history]
        made = ["EVALUATED", "TRIALS", "EVALUATED", "APPROVED", "EVALUATED", "APPROVED", "REVOKED", "REVOKED"]
        assert kinds == made
    assert done(settings, "replay", "verify").endswith("all equal\n")


def test_a_report_of_the_projects_tests_names_the_commit(pipeline_settings: Settings) -> None:
    done(pipeline_settings, "test", "-q", "-p", "no:cacheprovider", OWN_TESTS)
    results = read_junit(pipeline_settings.paper_home / "junit.xml", time.time_ns())
    module = OWN_TESTS.removesuffix(".py").replace("/", ".")
    assert all(item.case.startswith(f"{module}.test_") for item in results)
    assert {(item.suite, item.commit) for item in results} == {("pytest", head_commit())}


def _write_by_hand(desk: Desk) -> None:
    """Writes a decision and its approval straight to controls, to every shard, and waits for their refusals."""
    with Follower(desk.settings, desk.codec, ["risk.events"]) as events:
        for kind in ("DECISION", "APPROVAL"):
            document = BY_HAND | {"kind": kind, "level": "FULL_LIVE", "expires_ts": time.time_ns() + HOUR}
            _to_all(desk, control(ControlKind.AUTHORISATION, None, kind, authorisation=json.dumps(document)))
        shards = desk.settings.account_partitions
        desk.until(events, lambda event: event.code == "AUTHORISATION_FORGED", 2 * shards)


def _to_all(desk: Desk, command: Control) -> None:
    """Sends a command to each account partition, as the gate does, so that a later one comes behind it."""
    producer = RecordProducer(desk.settings, desk.codec)
    producer.broadcast("controls", "", command)
    producer.flush()


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


def _approve_by_a_key_that_the_workers_do_not_know(settings: Settings, decision: str) -> None:
    """Approves by a key that was made after the workers had started: the shards' refusal is told."""
    done(settings, "gate", "keys", "--approver", "late")
    refused = paper(settings, "gate", "approve", STRATEGY, decision, "--approver", "late", "--reason", "no")
    assert (refused.returncode, "signed by no approver's key" in refused.stderr) == (1, True), refused.stderr
    assert "workers take a new list when they start" in refused.stderr, refused.stderr


def _revoke_what_the_gate_does_not_know(settings: Settings, desk: Desk, mine: Mine) -> None:
    """Trades live on a decision that stolen keys have signed, which the watch ends although the gate has no record.

    One that expires now, on a market of years ago and for an order dated years back, lets nothing pass.
    """
    stolen, bobs = read_signer(gate_key_file(settings)), read_signer(approver_key_file(settings, APPROVER_NAME))
    bound = {"strategy_id": STRATEGY, "account_id": "l", "code_sha256": mine.code_sha256}
    now_ns = time.time_ns()
    forged = signed_decision("FULL_LIVE", "stolen", now_ns + HOUR, now_ns, stolen, **bound)
    _authorise(desk, forged, approval(forged, bobs))
    _go_live(desk, "l-7")
    shards = desk.settings.account_partitions
    _await_rows(settings, "risk_events", "countIf(code = 'APPROVAL' AND cause = 'stolen')", shards)
    assert "not the gate's" in done(settings, "gate", "watch", "--once")
    _refuse_live(desk, "l-8", "LIVE_REVOKED")
    now_ns = time.time_ns()
    past = signed_decision("FULL_LIVE", "past", now_ns, now_ns, stolen, **bound)
    _authorise(desk, past, approval(past, bobs))
    _refuse_live(desk, "l-9", "LIVE_EXPIRED")


def _authorise(desk: Desk, *commands: Control) -> None:
    """Sends commands that every shard takes, and waits until each has."""
    with Follower(desk.settings, desk.codec, ["risk.events"]) as events:
        for command in commands:
            _to_all(desk, command)
        count = len(commands) * desk.settings.account_partitions
        desk.until(events, lambda event: event.kind is RiskEventKind.AUTHORISATION_CHANGED, count)


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


def _await_rows(settings: Settings, table: str, measure: str, least: int) -> None:
    """Waits until a measure of a table's rows has landed."""
    deadline = time.monotonic() + AWAIT_S
    with closing(connect(settings)) as client:
        while client.query(f"SELECT {measure} FROM {table}").result_rows[0][0] < least:
            assert time.monotonic() < deadline, f"{measure} of {table} did not land"
