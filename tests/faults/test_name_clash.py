"""Two workers with one WORKER_ID, as on two machines: one ends with the name of the clash, the other goes on."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from infra.membership import host_name
from infra.settings import Settings
from streams.errors import WorkerIdClash
from streams.operations.health.health_collector import HealthCollector
from streams.pipeline.worker.worker_group import group_id
from tests.end_to_end.desk import Desk
from tests.end_to_end.processes import running
from tests.faults.test_workers import ACCOUNTS, WORKS, orders, prove, takeovers, trade

ENDS_S = 120.0
KEY = "the key that both machines have in their settings"
CLASH = "worker desk-1: another living worker has this name"


@pytest.fixture
def settings(pipeline_settings: Settings) -> Settings:
    """Settings with a chosen name and the shortest session that the broker allows."""
    own = {"mock_trading": False, "worker_session_timeout_s": 6.0, "worker_id": "desk-1", "pipeline_key": KEY}
    return pipeline_settings.model_copy(update=own)


@pytest.fixture
def elsewhere(settings: Settings, tmp_path: Path) -> Settings:
    """The settings of another machine: the lock of a name is a file in PAPER_HOME."""
    return settings.model_copy(update={"paper_home": tmp_path / "elsewhere"})


def test_the_younger_ends_and_the_elder_is_not_disturbed(
    settings: Settings, elsewhere: Settings, desk: Desk, tmp_path: Path
) -> None:
    with running(settings, tmp_path, "worker") as elder:
        elder.await_log(WORKS)
        for account in ACCOUNTS:
            desk.open_account(account)
        desk.quote(0)
        trade(desk, orders("before", 10))
        undisturbed = takeovers(elder)
        with running(elsewhere, tmp_path, "worker") as younger:
            assert younger.process.wait(ENDS_S) == WorkerIdClash.exit_code
            said = younger.log.read_text()
        assert f"{CLASH} in group {group_id(settings)}: host {host_name()}, pid {elder.process.pid}" in said
        assert "give this one another WORKER_ID" in said
        remembered = json.loads(
            (elsewhere.paper_home / "run" / f"{settings.topic_prefix}desk-1.error.json").read_text()
        )
        assert remembered["error_class"] == "WorkerIdClash"
        trade(desk, orders("after", 10))
        assert takeovers(elder) == undisturbed
        assert elder.stop() == 0
    prove(settings, desk, [*orders("before", 10), *orders("after", 10)])


def test_a_frozen_elder_ends_when_it_finds_its_name_taken(
    settings: Settings, elsewhere: Settings, desk: Desk, tmp_path: Path
) -> None:
    with running(settings, tmp_path, "worker") as elder:
        elder.await_log(WORKS)
        for account in ACCOUNTS:
            desk.open_account(account)
        desk.quote(0)
        trade(desk, orders("before", 10))
        elder.process.send_signal(signal.SIGSTOP)
        with running(elsewhere, tmp_path, "worker") as younger:
            trade(desk, orders("meanwhile", 10))
            elder.process.send_signal(signal.SIGCONT)
            assert elder.process.wait(ENDS_S) == WorkerIdClash.exit_code
            assert CLASH in elder.log.read_text()
            trade(desk, orders("after", 10))
            assert HealthCollector(settings).collect().members[group_id(settings)] == ["desk-1"]
            assert younger.stop() == 0
    prove(settings, desk, [order for name in ("before", "meanwhile", "after") for order in orders(name, 10)])
