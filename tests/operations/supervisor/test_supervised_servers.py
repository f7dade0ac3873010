"""Servers that die under `paper up --workers N` come back by themselves, and `paper down` still stops everything."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from infra import processes
from infra.settings import Settings
from infra.stack import local_stack
from infra.stack.clickhouse_server import ClickHouseServer
from infra.stack.kafka_server import KafkaServer
from infra.stack.local_stack import ServerState
from infra.stack.registry_server import RegistryServer
from infra.stack.server_process import Server
from streams.operations.health.health import ProcessHealth
from streams.operations.health.supervisor_state import read_state
from tests import stacks
from tests.end_to_end.desk import Desk, immediate
from tests.end_to_end.processes import paper
from tests.operations.supervisor.test_supervisor import metrics

DEADLINE_S = 180.0
POLL_S = 0.1


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Settings]:
    """A stack of its own with a supervised worker, because the supervisor restarts the servers of its PAPER_HOME."""
    settings = stacks.free_settings(tmp_path).model_copy(
        update={"mock_trading": False, "worker_session_timeout_s": 6.0, "metrics_port": stacks.free_port()}
    )
    with stacks.native(settings):
        local_stack.up_pipeline(settings, 1)
        yield settings


def until(settings: Settings, what: str, condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come:\n{state_of(settings)}"
        time.sleep(POLL_S)


def state_of(settings: Settings) -> str:
    """Returns what `paper status` and the log say."""
    status = paper(settings, "status")
    return f"{status.stdout}{status.stderr}{(settings.paper_home / 'logs' / 'pipeline.log').read_text()}"


def kill(settings: Settings, server: Server) -> int:
    identity = processes.read_pid_file(local_stack.pid_file(settings, server))
    assert identity is not None
    os.kill(identity.pid, signal.SIGKILL)
    return identity.pid


def restarted(settings: Settings, server: Server) -> ProcessHealth | None:
    state = read_state(settings)
    assert state is not None
    (found,) = [item for item in state.servers if item.name == server.name]
    return found if found.restarts and found.pid is not None else None


def trade(desk: Desk, name: str) -> None:
    desk.trade([immediate(f"{name}-{account}", account) for account in "ABCDE"])


def test_servers_that_are_killed_come_back(own_server: Settings) -> None:
    settings, desk = own_server, Desk(own_server)
    for account in "ABCDE":
        desk.open_account(account)
    desk.quote(0)
    trade(desk, "before")
    for server in (KafkaServer(), RegistryServer(), ClickHouseServer()):
        killed = kill(settings, server)
        until(settings, f"a new {server.name}", partial(restarted, settings, server))
        until(settings, f"an answer of {server.name}", partial(server.is_ready, settings))
        found = restarted(settings, server)
        assert found is not None
        assert found.pid != killed
        assert f"{server.name} ended with " in (settings.paper_home / "logs" / "pipeline.log").read_text()
        trade(desk, server.name)
    # Rows of the last orders land in the new ClickHouse, and all is well again.
    until(settings, "a healthy status", lambda: paper(settings, "status").returncode == 0)
    said = json.loads(paper(settings, "status", "--json").stdout)
    assert {item["name"]: item["restarts"] for item in said["processes"]} == {
        "worker-1": 0,
        "sink": 0,
        "kafka": 1,
        "registry": 1,
        "clickhouse": 1,
    }
    assert metrics(settings)['paper_process_restarts{process="kafka"}'] == 1

    # A server that was killed just before `paper down` is not started again behind its back.
    kill(settings, RegistryServer())
    local_stack.down(settings)
    assert {row.state for row in local_stack.status(settings)} == {ServerState.STOPPED}
    assert not any(
        processes.is_port_taken("127.0.0.1", server.address(settings)[1]) for server in local_stack.servers_of(settings)
    )
