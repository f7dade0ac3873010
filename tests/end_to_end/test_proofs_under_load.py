"""Proofs of a pipeline that trades: verification ends at a cut, reconciliation waits for rest or refuses."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

from infra.settings import Settings
from schemas.records.enums import ControlKind
from streams.errors import NotAtRest
from streams.evidence.reconcile import Reconciliation, reconcile
from streams.evidence.replay.verify import Verification, verify
from streams.pipeline.journal.kafka_log import KafkaLogReader
from streams.pipeline.reference.load_config import core_config
from tests import builders
from tests.end_to_end.desk import ANY_NUMBER, AWAIT_S, Desk, immediate
from tests.end_to_end.processes import running

ACCOUNTS = ("A", "B", "C", "D", "E")
REOPENED, BROKEN = "R", "X"
"""The account whose session is closed with its positions and opened again, and the one whose breaker trips."""
TRIPPING = {"kind": "repeated_execution", "limit": 5, "window_ms": 60_000, "flatten": True}
LIMITS = json.dumps(json.loads(ANY_NUMBER) | {"breakers": {"fills": TRIPPING}})
PAUSE_S = 0.1
LOAD_S = 5 * AWAIT_S


@pytest.fixture
def settings(pipeline_settings: Settings) -> Settings:
    return pipeline_settings.model_copy(update={"mock_trading": False, "snapshot_every_records": 200})


@contextmanager
def load(settings: Settings) -> Iterator[None]:
    """Sends quotes, orders, kills, closings and openings, resets of a breaker that trips, until the block ends."""
    desk, ended = Desk(settings), threading.Event()

    def send() -> None:
        for turn in count(1):
            if ended.wait(PAUSE_S):
                return
            desk.quote(turn, ask=f"50.{turn % 90 + 2:02}")
            for account in (*ACCOUNTS, REOPENED, BROKEN):
                desk.send("orders", account, immediate(f"{account}-{turn}", account, price="51.00"))
            if turn % 20 == 0:
                account = ACCOUNTS[turn // 20 % len(ACCOUNTS)]
                for kind in (ControlKind.KILL, ControlKind.RESUME):
                    command = builders.control(kind, account, f"{kind}-{turn}", flatten=kind is ControlKind.KILL)
                    desk.send("controls", account, command)
            if turn % 20 == 5:
                closing = builders.control(ControlKind.SESSION_CLOSE, REOPENED, f"close-{turn}", flatten=True)
                desk.send("controls", REOPENED, closing)
            if turn % 10 == 0:  # Refused while the session is open.
                session = f"again-{turn % 40}"
                desk.send("controls", REOPENED, builders.opening(REOPENED, session=session, limits=ANY_NUMBER))
                reset = builders.control(ControlKind.BREAKER_RESET, BROKEN, f"reset-{turn}", breaker="fills")
                desk.send("controls", BROKEN, reset)

    sender = threading.Thread(target=send)
    sender.start()
    try:
        yield
    finally:
        ended.set()
        sender.join()
        desk.flush()


def verified(settings: Settings, desk: Desk, from_snapshot: bool = False) -> Verification:
    return verify(core_config(settings), KafkaLogReader(settings), desk.codec, from_snapshot=from_snapshot)


def reconciled_at_rest(settings: Settings) -> Reconciliation:
    """Reconciles as soon as the worker has taken all that was sent."""
    deadline = time.monotonic() + AWAIT_S
    while True:
        try:
            return reconcile(settings)
        except NotAtRest:
            assert time.monotonic() < deadline


def await_all_kinds_of_load(desk: Desk) -> None:
    """Waits until a breaker has opened, and a session has been opened again."""
    deadline = time.monotonic() + LOAD_S
    while True:
        events = desk.read("risk.events")
        tripped = any(event.breaker_state == "OPEN" for event in events)
        opened = sum(event.account_id == REOPENED and event.kind == "SESSION_OPENED" for event in events)
        if tripped and opened > 1:
            return
        assert time.monotonic() < deadline, f"tripped: {tripped}, openings of a session: {opened}"


def test_a_trading_pipeline_is_proved_up_to_a_cut_and_reconciled_at_rest(settings: Settings, tmp_path: Path) -> None:
    desk = Desk(settings)
    with running(settings, tmp_path, "sink"), running(settings, tmp_path, "worker"):
        for account in ACCOUNTS:
            desk.open_account(account)
        desk.open_account(REOPENED)
        desk.open_account(BROKEN, limits=LIMITS)
        with load(settings):
            with pytest.raises(NotAtRest, match=r"written to (orders|market\.data)-\d"):
                reconcile(settings)
            proofs = [verified(settings, desk, from_snapshot) for from_snapshot in (False, True, False, True)]
            await_all_kinds_of_load(desk)
        assert [proof.differences for proof in proofs] == [[]] * len(proofs)
        first, last = proofs[0].proved_to, proofs[2].proved_to
        assert all(first[shard] < last[shard] for shard in first if shard.startswith("accounts"))
        report = reconciled_at_rest(settings)
        for from_snapshot in (False, True):
            assert verified(settings, desk, from_snapshot).differences == []
        assert [(check.name, check.source, check.differences) for check in report.checks if not check.passed] == []
        assert report.counts["closing_orders"] > 0
