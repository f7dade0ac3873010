"""The keeper of servers, on a small server: restarts, its pauses, and its peace with `paper up` and `paper down`."""

from __future__ import annotations

import fcntl
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from infra import processes
from infra.settings import REPOSITORY, Settings
from infra.stack import local_stack
from infra.stack.local_stack import ServerState
from streams.operations.supervisor import server_keeper
from streams.operations.supervisor.server_keeper import ServerKeeper
from tests.infra.stack.small_server import DIE, SmallServer
from tests.stacks import free_settings

DEADLINE_S = 60.0
POLL_S = 0.02


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.chdir(REPOSITORY)  # The small server serves the working folder.
    return free_settings(tmp_path)


@pytest.fixture
def server(settings: Settings) -> Iterator[SmallServer]:
    server = SmallServer()
    local_stack.up(settings, [server])
    yield server
    local_stack.down(settings, [server])


def kill(settings: Settings, server: SmallServer) -> int:
    identity = processes.read_pid_file(local_stack.pid_file(settings, server))
    assert identity is not None
    os.kill(identity.pid, signal.SIGKILL)
    psutil.Process(identity.pid).wait(DEADLINE_S)
    return identity.pid


def tend_until(keeper: ServerKeeper, condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, keeper.health
        keeper.tend()
        time.sleep(POLL_S)


def is_running(settings: Settings, server: SmallServer) -> bool:
    return local_stack.status(settings, [server])[0].state is ServerState.RUNNING


def test_a_dead_server_is_started_again_and_reported(settings: Settings, server: SmallServer) -> None:
    keeper = ServerKeeper(settings, [server])
    keeper.tend()
    (before,) = keeper.health
    killed = kill(settings, server)
    keeper.tend()
    (dead,) = keeper.health
    assert (dead.pid, dead.restarts) == (None, 0)
    tend_until(keeper, lambda: is_running(settings, server))
    (after,) = keeper.health
    assert (before.pid, after.restarts, after.complaint) == (killed, 1, "")
    assert after.pid not in (None, killed)


def test_a_server_that_was_stopped_stays_stopped(settings: Settings, server: SmallServer) -> None:
    keeper = ServerKeeper(settings, [server])
    keeper.tend()
    kill(settings, server)
    keeper.tend()
    local_stack.down(settings, [server])
    for _ in range(50):
        keeper.tend()
        time.sleep(POLL_S)
    assert keeper.health == []
    assert local_stack.status(settings, [server])[0].state is ServerState.STOPPED


def test_the_keeper_waits_for_a_down_or_up_that_is_at_work(settings: Settings, server: SmallServer) -> None:
    keeper = ServerKeeper(settings, [server])
    kill(settings, server)
    with (settings.paper_home / "run" / "stack.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        for _ in range(50):
            keeper.tend()
            time.sleep(POLL_S)
        assert local_stack.status(settings, [server])[0].state is ServerState.CRASHED
    tend_until(keeper, lambda: is_running(settings, server))


def test_a_server_that_dies_again_and_again_is_complained_about(settings: Settings, server: SmallServer) -> None:
    keeper = ServerKeeper(settings, [server])
    keeper.tend()
    server.program = DIE
    kill(settings, server)
    tend_until(keeper, lambda: bool(keeper.health[0].complaint))
    (health,) = keeper.health
    assert health.complaint == "it has died 3 times in a row, each within 60 s of its start"
    assert health.last_end == "exit code 1"


def test_a_start_that_fails_is_tried_again(
    settings: Settings, server: SmallServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper = ServerKeeper(settings, [server])
    keeper.tend()
    kill(settings, server)
    monkeypatch.setattr(server, "prepare", lambda *_: (_ for _ in ()).throw(OSError("no space left")))
    tend_until(keeper, lambda: keeper.health[0].last_end == "OSError: no space left")
    monkeypatch.undo()
    monkeypatch.chdir(REPOSITORY)
    tend_until(keeper, lambda: is_running(settings, server))


def test_a_server_that_hangs_is_killed_and_started_again(
    settings: Settings, server: SmallServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(server_keeper, "PROBE_PAUSE_S", 0.0)
    monkeypatch.setattr(server_keeper, "HUNG_S", 1.0)
    keeper = ServerKeeper(settings, [server])
    keeper.tend()
    (before,) = keeper.health
    assert before.pid is not None
    os.kill(before.pid, signal.SIGSTOP)
    assert local_stack.status(settings, [server])[0].state is ServerState.UNREADY
    tend_until(keeper, lambda: keeper.health[0].restarts > 0 and is_running(settings, server))
    assert keeper.health[0].pid != before.pid
    assert "small has not answered for " in caplog.text
