"""Tests `paper up --workers N` on a running stack: processes that die or freeze are restarted and reported."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from infra import processes
from infra.clickhouse.users import credentials_folder
from infra.settings import Settings
from infra.stack import local_stack
from infra.stack.pipeline_processes import PipelineProcesses
from streams.operations.health.health import Health, ProcessHealth
from streams.operations.health.health_collector import HealthCollector
from streams.pipeline.worker.worker_group import group_id
from tests.end_to_end.desk import Desk, immediate
from tests.end_to_end.processes import paper
from tests.stacks import free_port

DEADLINE_S = 120.0
POLL_S = 0.1


@pytest.fixture
def settings(pipeline_settings: Settings, tmp_path: Path) -> Iterator[Settings]:
    """A supervised pipeline with a PAPER_HOME of its own, on the servers that all tests share."""
    own = {"paper_home": tmp_path, "mock_trading": False, "worker_session_timeout_s": 6.0, "watchdog_s": 10.0}
    settings = pipeline_settings.model_copy(update={**own, "metrics_port": free_port()})
    shutil.copytree(credentials_folder(pipeline_settings), credentials_folder(settings))
    try:
        local_stack.up_pipeline(settings, 2)
        yield settings
    finally:
        local_stack.down(settings, [PipelineProcesses()])


class HealthWaiter:
    """Collects the pipeline's health until a condition holds."""

    def __init__(self, settings: Settings) -> None:
        self._collector = HealthCollector(settings)
        self._log = settings.paper_home / "logs" / "pipeline.log"

    def until(self, what: str, condition: Callable[[Health], bool]) -> Health:
        deadline = time.monotonic() + DEADLINE_S
        while not condition(health := self._collector.collect()):
            assert time.monotonic() < deadline, f"{what} did not come: {health}\n{self._log.read_text()}"
            time.sleep(POLL_S)
        return health

    def restarted(self, name: str) -> ProcessHealth:
        health = self.until(f"a new {name}", lambda now: process(now, name).restarts == 1 and lives(now, name))
        return process(health, name)


def process(health: Health, name: str) -> ProcessHealth:
    return next(item for item in health.processes if item.name == name)


def lives(health: Health, name: str) -> bool:
    return process(health, name).pid is not None


def pid(health: Health, name: str) -> int:
    found = process(health, name).pid
    assert found is not None
    return found


def metrics(settings: Settings) -> dict[str, float]:
    with urllib.request.urlopen(f"http://127.0.0.1:{settings.metrics_port}/metrics") as response:
        lines = response.read().decode().splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}


def trade(desk: Desk, name: str) -> None:
    desk.trade([immediate(f"{name}-{account}", account) for account in "ABCDE"])


def test_a_supervised_pipeline(settings: Settings) -> None:
    desk, waiter, group = Desk(settings), HealthWaiter(settings), group_id(settings)
    both = waiter.until("both workers", lambda now: len({o.member for o in now.owners if o.group == group}) == 2)
    for account in "ABCDE":
        desk.open_account(account)
    desk.quote(0)
    trade(desk, "before")

    # A killed worker is started again, and its last end is reported.
    os.kill(pid(both, "worker-1"), signal.SIGKILL)
    assert waiter.restarted("worker-1").last_end == "signal SIGKILL"
    trade(desk, "killed")

    # The watchdog finds a worker that is frozen under load, also after the other worker has taken over.
    os.kill(pid(both, "worker-2"), signal.SIGSTOP)
    for number in range(20):
        for account in "ABCDE":
            desk.send("orders", account, immediate(f"frozen-{number}-{account}", account))
    desk.flush()
    waiter.restarted("worker-2")
    assert "is killed: no " in (settings.paper_home / "logs" / "pipeline.log").read_text()
    trade(desk, "unfrozen")

    # Prometheus and `paper status` report the same numbers.
    health = waiter.until("the end of the lag", lambda now: not any(item.records for item in now.lag))
    deadline = time.monotonic() + DEADLINE_S
    while any(value for name, value in metrics(settings).items() if name.startswith("paper_lag_records")):
        assert time.monotonic() < deadline
        time.sleep(POLL_S)
    exported = metrics(settings)
    assert exported["paper_kafka_up"] == 1
    assert exported['paper_process_restarts{process="worker-2"}'] == 1
    assert sum(name.startswith("paper_lag_records") for name in exported) == len(health.lag)
    assert {name for name in exported if name.startswith("paper_snapshot_sequence")} == {
        f'paper_snapshot_sequence{{shard="{item.shard}"}}' for item in health.snapshots
    }

    # The children of a supervisor that is killed end too, and the next `paper up` starts from a clean state.
    children = [psutil.Process(pid(health, name)) for name in ("worker-1", "worker-2", "sink")]
    identity = processes.read_pid_file(local_stack.pid_file(settings, PipelineProcesses()))
    assert identity is not None
    psutil.Process(identity.pid).kill()
    _, alive = psutil.wait_procs(children, DEADLINE_S)
    assert alive == []
    said = json.loads(paper(settings, "status", "--json").stdout)
    assert [part["state"] for part in said["parts"] if part["part"] == "pipeline"] == ["crashed"]
    local_stack.up_pipeline(settings, 1)
    trade(desk, "again")
    assert [item.name for item in HealthCollector(settings).collect().processes] == ["worker-1", "sink"]
