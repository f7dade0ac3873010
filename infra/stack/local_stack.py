"""Start, stop and status of the local servers (Kafka, schema registry, ClickHouse) and of the pipeline's processes.

    up:   check ports -> start the servers that do not run -> wait until each answers -> when_ready
    down: stop the same servers in reverse order

The supervisor of the pipeline starts servers again that have died since (start_again).

PAPER_HOME holds all state between two commands: a data folder for each server, logs/, and pid files in run/.
"""

from __future__ import annotations

import fcntl
import ipaddress
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import psutil

from infra import processes
from infra.clickhouse.users import FOLDER as CREDENTIALS
from infra.errors import PortTakenError, ServerError, StackError
from infra.private_home import private_home
from infra.settings import Settings
from infra.stack.clickhouse_server import ClickHouseServer
from infra.stack.http_service import HttpService
from infra.stack.kafka_cluster import ClusterBroker, local_brokers
from infra.stack.pipeline_processes import PipelineProcesses
from infra.stack.registry_server import RegistryServer
from infra.stack.server_process import Progress, Server

READY_TIMEOUT_S = 120.0
STOP_PATIENCE_S = 20.0
LOCK_TIMEOUT_S = 300.0
PORT_RELEASE_S = 10.0  # A killed Java process keeps its sockets until its last thread has ended.
POLL_S = 0.05


def servers_of(settings: Settings) -> tuple[Server, ...]:
    """Returns the servers in the order of starting: one broker or those of a local cluster, registry, ClickHouse."""
    return (*local_brokers(settings), RegistryServer(), ClickHouseServer())


def whole_stack(settings: Settings) -> tuple[Server, ...]:
    """Returns the servers, the pipeline's processes and the HTTP service, in the order of starting."""
    return (*servers_of(settings), PipelineProcesses(), HttpService())


class ServerState(Enum):
    """The state of a server."""

    RUNNING = "running"
    UNREADY = "unready"  # The process lives but does not answer (yet).
    CRASHED = "crashed"  # The process has ended without `paper down`.
    STOPPED = "stopped"


@dataclass(frozen=True)
class ServerStatus:
    """A row of `paper status`. since: seconds since the epoch; rss_bytes: resident memory."""

    name: str
    state: ServerState
    port: int
    log: Path
    pid: int | None = None
    since: float | None = None
    rss_bytes: int | None = None


def up(
    settings: Settings,
    servers: Sequence[Server] | None = None,
    on_progress: Progress = lambda _: None,
    when_ready: Callable[[], object] = lambda: None,
) -> None:
    """Starts the servers that do not run, waits until all answer, and calls when_ready. servers: those of this stack.

    No other `up` or `down` runs until when_ready returns.

    Raises:
        PortTakenError: another process listens on a port of a server.
        ServerError: a server died or did not answer in time; the message ends with its log.
        ArtifactError: a program could not be fetched or is not the pinned one.
    """
    servers = servers_of(settings) if servers is None else servers
    with _exclusive(settings, on_progress):
        started = [server for server in servers if _must_start(settings, server, on_progress)]
        with ThreadPoolExecutor() as pool:  # One server starts while the program of another is fetched.
            for launch in [pool.submit(_launch, settings, server, on_progress) for server in started]:
                launch.result()
        for server in servers:
            _wait_until_ready(settings, server, on_progress if server in started else lambda _: None)
        _await_cluster(settings, [server for server in servers if isinstance(server, ClusterBroker)])
        when_ready()


def up_pipeline(settings: Settings, workers: int, on_progress: Progress = lambda _: None) -> None:
    """Starts the supervised workers and the sink on running servers.

    Restarts them if another number of workers runs.

    Raises:
        PortTakenError, ServerError: as up.
    """
    pipeline = PipelineProcesses(workers)
    with _exclusive(settings, on_progress):
        running = _workers_running(settings, pipeline)
        if running not in (None, workers):
            on_progress(f"{running} workers run, {workers} are wanted")
            _stop(settings, pipeline, on_progress)
        if _start(settings, pipeline, on_progress):
            _wait_until_ready(settings, pipeline, on_progress)


def up_service(settings: Settings, on_progress: Progress = lambda _: None) -> None:
    """Starts the HTTP service on running servers.

    Raises:
        PortTakenError, ServerError: as up.
    """
    service = HttpService()
    with _exclusive(settings, on_progress):
        if _start(settings, service, on_progress):
            _wait_until_ready(settings, service, on_progress)


def _workers_running(settings: Settings, pipeline: Server) -> int | None:
    identity = processes.read_pid_file(pid_file(settings, pipeline))
    process = processes.find(identity) if identity else None
    if process is None:
        return None
    command = process.cmdline()
    return int(command[command.index(PipelineProcesses.OPTION) + 1])


def start_again(settings: Settings, server: Server, on_progress: Progress = lambda _: None) -> bool:
    """Starts a server that `up` has started and that has died since; does nothing if it lives or was stopped.

    Returns False, at once, while an `up` or `down` is at work.

    Raises:
        PortTakenError, ArtifactError: as up.
    """
    descriptor = _lock_file(settings)
    try:
        if not _try_lock(descriptor):
            return False
        if processes.read_pid_file(pid_file(settings, server)) is not None:
            _start(settings, server, on_progress)
        return True
    finally:
        os.close(descriptor)


def down(
    settings: Settings,
    servers: Sequence[Server] | None = None,
    purge: bool = False,
    on_progress: Progress = lambda _: None,
) -> None:
    """Stops the running servers. purge: deletes their data and logs as well.

    Raises:
        ServerError: a server survived SIGKILL.
    """
    servers = whole_stack(settings) if servers is None else servers
    with _exclusive(settings, on_progress):
        for server in reversed(servers):
            _stop(settings, server, on_progress)
        if purge:
            names = [server.name for server in servers]
            if ClickHouseServer.name in names:
                names.append(CREDENTIALS)
            for name in [*names, "logs"]:
                if (settings.paper_home / name).exists():
                    shutil.rmtree(settings.paper_home / name)
            for note in (settings.paper_home / "run").glob("*.json"):
                note.unlink()
            on_progress(f"deleted the stack's data in {settings.paper_home}")


def status(settings: Settings, servers: Sequence[Server] | None = None) -> list[ServerStatus]:
    """Returns the status of each server."""
    return [_status(settings, server) for server in (whole_stack(settings) if servers is None else servers)]


def wait_for_servers(
    settings: Settings, servers: Sequence[Server] | None = None, timeout_s: float = READY_TIMEOUT_S
) -> None:
    """Waits until each server answers, on this machine or elsewhere.

    Raises:
        ServerError: a server did not answer in time.
    """
    deadline = time.monotonic() + timeout_s
    for server in servers_of(settings) if servers is None else servers:
        while not server.is_ready(settings):
            if time.monotonic() > deadline:
                host, port = server.address(settings)
                raise ServerError(
                    f"{server.name}: {host}:{port} does not answer after {timeout_s:.0f} s; start it, or correct "
                    f"{server.ports(settings)[port]}"
                )
            time.sleep(POLL_S)


def log_file(settings: Settings, server: Server) -> Path:
    """Returns the path of a server's log."""
    return settings.paper_home / "logs" / f"{server.name}.log"


def pid_file(settings: Settings, server: Server) -> Path:
    """Returns the path of a server's pid file."""
    return settings.paper_home / "run" / f"{server.name}.json"


def _status(settings: Settings, server: Server) -> ServerStatus:
    port, log = server.address(settings)[1], log_file(settings, server)
    identity = processes.read_pid_file(pid_file(settings, server))
    if identity is None:
        return ServerStatus(server.name, ServerState.STOPPED, port, log)
    process = processes.find(identity)
    if process is None:
        return ServerStatus(server.name, ServerState.CRASHED, port, log)
    state = ServerState.RUNNING if server.is_ready(settings) else ServerState.UNREADY
    try:
        rss_bytes = process.memory_info().rss
    except psutil.NoSuchProcess:
        return ServerStatus(server.name, ServerState.CRASHED, port, log)
    return ServerStatus(server.name, state, port, log, identity.pid, identity.started, rss_bytes)


def _start(settings: Settings, server: Server, on_progress: Progress) -> bool:
    """Starts a server unless it runs. Returns whether it was started."""
    if not _must_start(settings, server, on_progress):
        return False
    _launch(settings, server, on_progress)
    return True


def _must_start(settings: Settings, server: Server, on_progress: Progress) -> bool:
    """Returns whether a server does not run, and demands that it can be started."""
    _require_local(settings, server)
    identity = processes.read_pid_file(pid_file(settings, server))
    if identity is not None:
        if processes.find(identity) is not None:
            return False
        on_progress(f"{server.name} was started (pid {identity.pid}) but no longer runs; starting it again")
    _require_free_ports(settings, server, PORT_RELEASE_S if identity else 0.0)
    return True


def _launch(settings: Settings, server: Server, on_progress: Progress) -> None:
    launch = server.prepare(settings, on_progress)
    on_progress(f"starting {server.name}")
    environment = os.environ | dict(launch.environment)
    started = processes.spawn(launch.command, environment, log_file(settings, server))
    processes.write_pid_file(started, pid_file(settings, server))


def _require_local(settings: Settings, server: Server) -> None:
    host, port = server.address(settings)
    variable = server.ports(settings)[port]
    if host != "localhost" and not _is_loopback(host):
        raise StackError(
            f"{server.name}: {variable} points to {host}, but `paper up` starts servers on this machine only; "
            f"unset {variable}, or use that server and do not run `paper up`"
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # host is a name, not an address.
        return False


def _require_free_ports(settings: Settings, server: Server, patience_s: float) -> None:
    host, _ = server.address(settings)
    deadline = time.monotonic() + patience_s
    for port, variable in server.ports(settings).items():
        while processes.is_port_taken(host, port):
            if time.monotonic() < deadline:
                time.sleep(POLL_S)
                continue
            raise PortTakenError(
                f"{server.name}: port {port} is taken by {processes.port_owner(port)}; stop it, or choose another "
                f"port with {variable}"
            )


def _wait_until_ready(settings: Settings, server: Server, on_progress: Progress) -> None:
    identity = processes.read_pid_file(pid_file(settings, server))
    if identity is None:
        raise ServerError(
            f"{server.name}: its pid file {pid_file(settings, server)} has vanished; run `paper up` again"
        )
    begin = time.monotonic()
    while not server.is_ready(settings):
        if processes.find(identity) is None:
            raise _error_with_log(settings, server, "died while starting")
        if time.monotonic() - begin > READY_TIMEOUT_S:
            raise _error_with_log(settings, server, f"does not answer after {READY_TIMEOUT_S:.0f} s")
        time.sleep(POLL_S)
    on_progress(f"{server.name} is ready on port {server.address(settings)[1]} ({time.monotonic() - begin:.1f} s)")


def _await_cluster(settings: Settings, brokers: Sequence[ClusterBroker]) -> None:
    """Waits until each broker knows the others: topics need all copies from the beginning."""
    deadline = time.monotonic() + READY_TIMEOUT_S
    while not all(broker.sees_all(settings) for broker in brokers):
        if time.monotonic() > deadline:
            raise _error_with_log(settings, brokers[0], f"has not found the other brokers in {READY_TIMEOUT_S:.0f} s")
        time.sleep(POLL_S)


def _error_with_log(settings: Settings, server: Server, what: str) -> ServerError:
    log = log_file(settings, server)
    return ServerError(f"{server.name} {what}. The end of {log}:\n{processes.log_tail(log)}")


def _stop(settings: Settings, server: Server, on_progress: Progress) -> None:
    file = pid_file(settings, server)
    identity = processes.read_pid_file(file)
    if identity is not None and processes.find(identity) is not None:
        on_progress(f"stopping {server.name}")
        if not processes.stop(identity, STOP_PATIENCE_S):
            on_progress(f"{server.name} did not stop within {STOP_PATIENCE_S:.0f} s and was killed")
    file.unlink(missing_ok=True)


@contextmanager
def _exclusive(settings: Settings, on_progress: Progress) -> Iterator[None]:
    """Lets one `up` or `down` at a time work on a PAPER_HOME."""
    descriptor = _lock_file(settings)
    try:
        deadline = time.monotonic() + LOCK_TIMEOUT_S
        announced = False
        while not _try_lock(descriptor):
            if not announced:
                on_progress("waiting for another `paper up` or `paper down` to finish")
                announced = True
            if time.monotonic() > deadline:
                raise StackError(
                    f"another `paper up` or `paper down` has held {_run_folder(settings) / 'stack.lock'} for more than "
                    f"{LOCK_TIMEOUT_S:.0f} s; stop it and run the command again"
                )
            time.sleep(POLL_S)
        yield
    finally:
        os.close(descriptor)


def _lock_file(settings: Settings) -> int:
    """Opens the file that an `up` or `down` locks."""
    folder = _run_folder(settings)
    try:
        private_home(settings)
        folder.mkdir(parents=True, exist_ok=True)
        return os.open(folder / "stack.lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise StackError(
            f"{settings.paper_home}: {error}; make this folder writable, or set PAPER_HOME to a folder that is"
        ) from error


def _run_folder(settings: Settings) -> Path:
    return settings.paper_home / "run"


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
