"""A supervised process is started again after its end, unless a restart would not help."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from streams.errors import WorkerIdClash
from streams.operations.supervisor import supervised_process
from streams.operations.supervisor.restart_backoff import MANY
from streams.operations.supervisor.supervised_process import SupervisedProcess

DEADLINE_S = 60.0
POLL_S = 0.01


@pytest.fixture
def ending(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[int], SupervisedProcess]:
    """Returns a function that makes a process which ends with an exit code each time that it is started."""

    def make(code: int) -> SupervisedProcess:
        command = [sys.executable, "-c", f"raise SystemExit({code})"]
        monkeypatch.setattr(supervised_process, "start_paper", lambda *_: subprocess.Popen(command))
        return SupervisedProcess("worker-1", ["worker"], {}, tmp_path / "worker-1.log", 0)

    return make


def tend_until(process: SupervisedProcess, condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, process.health
        process.tend()
        time.sleep(POLL_S)


def test_a_worker_whose_name_is_taken_is_not_started_again(ending: Callable[[int], SupervisedProcess]) -> None:
    process = ending(WorkerIdClash.exit_code)
    tend_until(process, lambda: bool(process.health.complaint))
    assert process.health.complaint.startswith("it is not started again: another worker has its name; see ")
    for _ in range(100):
        assert not process.tend()
    assert (process.health.pid, process.health.restarts) == (None, 0)


def test_a_process_that_dies_again_and_again_is_complained_about(ending: Callable[[int], SupervisedProcess]) -> None:
    process = ending(1)
    tend_until(process, lambda: bool(process.health.complaint))
    assert process.health.complaint == f"it has died {MANY} times in a row, each within 10 s of its start"
    assert (process.health.restarts, process.health.last_end) == (MANY - 1, "exit code 1")
