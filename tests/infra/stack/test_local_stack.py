"""The stack's logic on a small server: it is found again, named if it crashed, and not confused with others."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from infra import processes
from infra.errors import PortTakenError, ServerError, StackError
from infra.processes import ProcessIdentity
from infra.settings import REPOSITORY, Settings
from infra.stack import local_stack
from infra.stack.local_stack import ServerState
from infra.stack.server_process import Launch, Progress, http_answers
from tests.infra.stack.small_server import DIE, HANG, STUBBORN, SmallServer
from tests.stacks import free_port, free_settings

DEADLINE_S = 30.0


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.chdir(REPOSITORY)  # The small server serves the working folder.
    return free_settings(tmp_path)


@pytest.fixture
def server(settings: Settings) -> Iterator[SmallServer]:
    server = SmallServer()
    yield server
    local_stack.down(settings, [server])


def pid_of(settings: Settings, server: SmallServer) -> int:
    identity = processes.read_pid_file(local_stack.pid_file(settings, server))
    assert identity is not None
    return identity.pid


def state_of(settings: Settings, server: SmallServer) -> ServerState:
    return local_stack.status(settings, [server])[0].state


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    psutil.Process(pid).wait(10)


def test_up_starts_and_down_stops(settings: Settings, server: SmallServer) -> None:
    assert state_of(settings, server) is ServerState.STOPPED
    local_stack.up(settings, [server])
    row = local_stack.status(settings, [server])[0]
    assert row.state is ServerState.RUNNING
    assert row.pid is not None
    assert row.rss_bytes
    assert row.port == settings.clickhouse_host_port[1]
    local_stack.down(settings, [server])
    assert not psutil.pid_exists(row.pid)
    assert state_of(settings, server) is ServerState.STOPPED
    local_stack.down(settings, [server])


def test_a_second_up_finds_the_running_server(settings: Settings, server: SmallServer) -> None:
    local_stack.up(settings, [server])
    pid = pid_of(settings, server)
    local_stack.up(settings, [server])
    assert pid_of(settings, server) == pid
    assert server.prepared == 1


class PatientServer(SmallServer):
    """A server on a port of its own whose preparation lasts until another one is being prepared too."""

    def __init__(self, name: str, both: threading.Barrier) -> None:
        super().__init__(name)
        self._both, self._port = both, free_port()

    def address(self, settings: Settings) -> tuple[str, int]:
        return "127.0.0.1", self._port

    def prepare(self, settings: Settings, progress: Progress) -> Launch:
        self._both.wait(DEADLINE_S)
        return super().prepare(settings, progress)

    def is_ready(self, settings: Settings) -> bool:
        return http_answers(f"http://127.0.0.1:{self._port}/pyproject.toml")


def test_a_server_whose_program_is_fetched_holds_up_no_other(settings: Settings) -> None:
    both = threading.Barrier(2)
    servers = [PatientServer(name, both) for name in ("first", "second")]
    try:
        local_stack.up(settings, servers)
        assert [row.state for row in local_stack.status(settings, servers)] == [ServerState.RUNNING] * 2
    finally:
        local_stack.down(settings, servers)


def test_the_server_is_in_a_session_of_its_own(settings: Settings, server: SmallServer) -> None:
    local_stack.up(settings, [server])
    assert os.getsid(pid_of(settings, server)) == pid_of(settings, server)


def test_a_crashed_server_is_named_and_started_again(settings: Settings, server: SmallServer) -> None:
    local_stack.up(settings, [server])
    killed = pid_of(settings, server)
    kill(killed)
    assert state_of(settings, server) is ServerState.CRASHED
    said: list[str] = []
    local_stack.up(settings, [server], said.append)
    assert said[0] == f"small was started (pid {killed}) but no longer runs; starting it again"
    assert state_of(settings, server) is ServerState.RUNNING
    assert pid_of(settings, server) != killed


def test_a_reused_pid_is_not_taken_for_the_server(settings: Settings, server: SmallServer) -> None:
    """The pid file names this test's process with another start time; `down` must not kill it."""
    processes.write_pid_file(ProcessIdentity(os.getpid(), started=1.0), local_stack.pid_file(settings, server))
    assert state_of(settings, server) is ServerState.CRASHED
    local_stack.down(settings, [server])
    assert state_of(settings, server) is ServerState.STOPPED


def test_a_stale_pid_file_does_not_hinder_up(settings: Settings, server: SmallServer) -> None:
    processes.write_pid_file(ProcessIdentity(os.getpid(), started=1.0), local_stack.pid_file(settings, server))
    local_stack.up(settings, [server])
    assert state_of(settings, server) is ServerState.RUNNING


@pytest.mark.parametrize("content", ["", "{}", "[1]", "12"])
def test_a_damaged_pid_file_counts_as_none(
    settings: Settings, server: SmallServer, content: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = local_stack.pid_file(settings, server)
    file.parent.mkdir(parents=True)
    file.write_text(content)
    assert state_of(settings, server) is ServerState.STOPPED
    assert str(file) in capsys.readouterr().err


def test_a_server_that_dies_is_named_with_its_log(settings: Settings, server: SmallServer) -> None:
    server.program = DIE
    with pytest.raises(ServerError, match="small died while starting") as caught:
        local_stack.up(settings, [server])
    assert "the moon is wrong" in str(caught.value)
    assert str(local_stack.log_file(settings, server)) in str(caught.value)


def test_a_server_that_never_answers_is_given_up(
    settings: Settings, server: SmallServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.program = HANG
    monkeypatch.setattr(local_stack, "READY_TIMEOUT_S", 0.2)
    with pytest.raises(ServerError, match="small does not answer"):
        local_stack.up(settings, [server])
    assert state_of(settings, server) is ServerState.UNREADY


def test_a_taken_port_is_named_with_its_owner_and_the_variable(settings: Settings, server: SmallServer) -> None:
    port = settings.clickhouse_host_port[1]
    with socket.create_server(("127.0.0.1", port)), pytest.raises(PortTakenError) as caught:
        local_stack.up(settings, [server])
    message = str(caught.value)
    assert f"port {port}" in message
    assert f"pid {os.getpid()}" in message
    assert "CLICKHOUSE_URL" in message
    assert state_of(settings, server) is ServerState.STOPPED


def test_a_server_elsewhere_is_not_started_here(settings: Settings, server: SmallServer) -> None:
    elsewhere = settings.model_copy(update={"clickhouse_url": "http://clickhouse.example:8123"})
    with pytest.raises(StackError, match=r"CLICKHOUSE_URL points to clickhouse\.example"):
        local_stack.up(elsewhere, [server])


def test_a_home_that_cannot_be_written_is_said(settings: Settings, server: SmallServer) -> None:
    (settings.paper_home / "file").touch()
    below_a_file = settings.model_copy(update={"paper_home": settings.paper_home / "file" / "home"})
    with pytest.raises(StackError, match="PAPER_HOME"):
        local_stack.up(below_a_file, [server])


def test_a_server_that_ignores_sigterm_is_killed(
    settings: Settings, server: SmallServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.program = STUBBORN
    monkeypatch.setattr(local_stack, "STOP_PATIENCE_S", 0.2)
    local_stack.up(settings, [server])
    pid = pid_of(settings, server)
    said: list[str] = []
    local_stack.down(settings, [server], on_progress=said.append)
    assert not psutil.pid_exists(pid)
    assert any("was killed" in line for line in said)


def test_two_ups_at_once_start_one_server(settings: Settings, server: SmallServer) -> None:
    failures: list[BaseException] = []

    def up() -> None:
        try:
            local_stack.up(settings, [server])
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert server.prepared == 1


def test_a_held_lock_is_said_and_given_up(
    settings: Settings, server: SmallServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_stack, "LOCK_TIMEOUT_S", 0.1)
    lock = settings.paper_home / "run" / "stack.lock"
    lock.parent.mkdir(parents=True)
    said: list[str] = []
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(StackError, match=r"stack\.lock"):
            local_stack.up(settings, [server], said.append)
    assert said == ["waiting for another `paper up` or `paper down` to finish"]


def test_purge_deletes_the_servers_data_and_nothing_else(settings: Settings, server: SmallServer) -> None:
    local_stack.up(settings, [server])
    kept = settings.paper_home / "kept.txt"
    kept.write_text("not the stack's")
    local_stack.down(settings, [server], purge=True)
    assert not (settings.paper_home / "small").exists()
    assert not (settings.paper_home / "logs").exists()
    assert kept.exists()


def test_a_pid_file_is_readable_json(settings: Settings, server: SmallServer) -> None:
    local_stack.up(settings, [server])
    content = json.loads(local_stack.pid_file(settings, server).read_text())
    assert content["pid"] == pid_of(settings, server)
    assert content["started"] == pytest.approx(psutil.Process(content["pid"]).create_time())


def test_a_long_log_is_set_aside(settings: Settings, server: SmallServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "LOG_KEPT_BYTES", 10)
    log = local_stack.log_file(settings, server)
    log.parent.mkdir(parents=True)
    log.write_text("a line of an earlier run\n")
    local_stack.up(settings, [server])
    assert log.with_suffix(".old").read_text() == "a line of an earlier run\n"
    assert "earlier" not in log.read_text()


def test_waiting_for_servers_names_the_silent_one(settings: Settings, server: SmallServer) -> None:
    with pytest.raises(ServerError, match=r"small: 127\.0\.0\.1:\d+ does not answer.*CLICKHOUSE_URL"):
        local_stack.wait_for_servers(settings, [server], timeout_s=0.1)
