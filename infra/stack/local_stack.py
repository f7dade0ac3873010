"""The local stack: `up`, `down`, `status` of Kafka, schema registry and ClickHouse, and of the pipeline on them.

    up:   check ports -> start what is not running -> wait until each answers -> topics, schemas, tables -> pipeline
    down: the same parts in reverse order, SIGTERM first

Everything it knows between two commands is in PAPER_HOME: data by part, logs/, and pid files in run/.
"""

from __future__ import annotations

import fcntl
import ipaddress
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import psutil

from infra import processes
from infra.errors import PartError, PortTakenError, StackError
from infra.settings import Settings
from infra.stack.clickhouse_server import ClickHousePart
from infra.stack.kafka_server import KafkaPart
from infra.stack.pipeline_processes import PipelinePart
from infra.stack.registry_server import RegistryPart
from infra.stack.server_process import Part, Progress

SERVERS: tuple[Part, ...] = (KafkaPart(), RegistryPart(), ClickHousePart())
PARTS: tuple[Part, ...] = (*SERVERS, PipelinePart())
READY_TIMEOUT_S = 120.0
STOP_PATIENCE_S = 20.0
LOCK_TIMEOUT_S = 300.0
PORT_RELEASE_S = 10.0  # A killed Java process keeps its sockets until its last thread is gone.
POLL_S = 0.05


class State(Enum):
    """What a part does now."""

    RUNNING = "running"
    UNREADY = "unready"  # Its process lives but does not answer (yet).
    CRASHED = "crashed"  # It was started, was not stopped, and is gone.
    STOPPED = "stopped"


@dataclass(frozen=True)
class PartStatus:
    """A row of `paper status`. since: seconds since the epoch; rss_bytes: resident memory."""

    name: str
    state: State
    port: int
    log: Path
    pid: int | None = None
    since: float | None = None
    rss_bytes: int | None = None


def up(settings: Settings, parts: Sequence[Part] = SERVERS, on_progress: Progress = lambda _: None) -> None:
    """Starts what is not running, waits until it answers, and brings topics, schemas and tables up to date.

    Raises:
        PortTakenError: another process listens on a part's port.
        PartError: a part died or did not answer in time; the message ends with its log.
        ArtifactError: a program could not be fetched or is not the pinned one.
        TopicError: a topic differs from its declaration.
    """
    with _exclusive(settings, on_progress):
        started = [part for part in parts if _start(settings, part, on_progress)]
        for part in parts:
            _wait_until_ready(settings, part, on_progress if part in started else lambda _: None)
        if {part.name for part in parts} == {part.name for part in SERVERS}:
            prepare_pipeline(settings)
            on_progress("topics, schemas and tables are up to date")


def up_pipeline(settings: Settings, workers: int, on_progress: Progress = lambda _: None) -> None:
    """Starts the supervised workers and the sink on servers that run; another number of workers starts them anew.

    Raises:
        PortTakenError, PartError: as up.
    """
    part = PipelinePart(workers)
    with _exclusive(settings, on_progress):
        running = _workers_running(settings, part)
        if running not in (None, workers):
            on_progress(f"{running} workers run, {workers} are wanted")
            _stop(settings, part, on_progress)
        if _start(settings, part, on_progress):
            _wait_until_ready(settings, part, on_progress)


def _workers_running(settings: Settings, part: Part) -> int | None:
    identity = processes.recall(pid_file(settings, part))
    process = processes.find(identity) if identity else None
    if process is None:
        return None
    command = process.cmdline()
    return int(command[command.index(PipelinePart.OPTION) + 1])


def down(
    settings: Settings, parts: Sequence[Part] = PARTS, purge: bool = False, on_progress: Progress = lambda _: None
) -> None:
    """Stops what is running. purge: deletes the data and logs as well.

    Raises:
        PartError: a part outlived SIGKILL.
    """
    with _exclusive(settings, on_progress):
        for part in reversed(parts):
            _stop(settings, part, on_progress)
        if purge:
            for name in [part.name for part in parts] + ["logs"]:
                if (settings.paper_home / name).exists():
                    shutil.rmtree(settings.paper_home / name)
            for note in (settings.paper_home / "run").glob("*.json"):
                note.unlink()
            on_progress(f"deleted the stack's data in {settings.paper_home}")


def status(settings: Settings, parts: Sequence[Part] = PARTS) -> list[PartStatus]:
    """A row for each part."""
    return [_status(settings, part) for part in parts]


def prepare_pipeline(settings: Settings) -> None:
    """Topics, ACLs, schemas and tables of one pipeline, on servers that run. May be called at any time.

    Raises:
        TopicError: a topic differs from its declaration.
        AccessError: the broker refused a principal or an ACL.
    """
    from infra.clickhouse.migrate import migrate
    from infra.kafka.acls import ensure_access
    from infra.kafka.topics import ensure_topics
    from schemas.registry import register_all

    ensure_topics(settings)
    ensure_access(settings)
    register_all(settings)
    migrate(settings)


def wait_for_servers(settings: Settings, parts: Sequence[Part] = SERVERS, timeout_s: float = READY_TIMEOUT_S) -> None:
    """Waits until each server answers, wherever it runs.

    Raises:
        PartError: one does not in time.
    """
    deadline = time.monotonic() + timeout_s
    for part in parts:
        while not part.is_ready(settings):
            if time.monotonic() > deadline:
                host, port = part.address(settings)
                raise PartError(
                    f"{part.name}: {host}:{port} does not answer after {timeout_s:.0f} s; start it, or correct "
                    f"{part.ports(settings)[port]}"
                )
            time.sleep(POLL_S)


def log_file(settings: Settings, part: Part) -> Path:
    """Where a part's output goes."""
    return settings.paper_home / "logs" / f"{part.name}.log"


def pid_file(settings: Settings, part: Part) -> Path:
    """Where a part's process is remembered."""
    return settings.paper_home / "run" / f"{part.name}.json"


def _status(settings: Settings, part: Part) -> PartStatus:
    port, log = part.address(settings)[1], log_file(settings, part)
    identity = processes.recall(pid_file(settings, part))
    if identity is None:
        return PartStatus(part.name, State.STOPPED, port, log)
    process = processes.find(identity)
    if process is None:
        return PartStatus(part.name, State.CRASHED, port, log)
    state = State.RUNNING if part.is_ready(settings) else State.UNREADY
    try:
        rss_bytes = process.memory_info().rss
    except psutil.NoSuchProcess:
        return PartStatus(part.name, State.CRASHED, port, log)
    return PartStatus(part.name, state, port, log, identity.pid, identity.started, rss_bytes)


def _start(settings: Settings, part: Part, on_progress: Progress) -> bool:
    """Starts a part unless it runs. Whether it did."""
    _require_local(settings, part)
    identity = processes.recall(pid_file(settings, part))
    if identity is not None:
        if processes.find(identity) is not None:
            return False
        on_progress(f"{part.name} is not running although it was started (pid {identity.pid}); starting it again")
    _require_free_ports(settings, part, PORT_RELEASE_S if identity else 0.0)
    launch = part.prepare(settings, on_progress)
    on_progress(f"starting {part.name}")
    environment = os.environ | dict(launch.environment)
    started = processes.spawn(launch.command, environment, log_file(settings, part))
    processes.remember(started, pid_file(settings, part))
    return True


def _require_local(settings: Settings, part: Part) -> None:
    host, port = part.address(settings)
    variable = part.ports(settings)[port]
    if host != "localhost" and not _is_loopback(host):
        raise StackError(
            f"{part.name}: {variable} points to {host}, and `paper up` starts servers on this machine only; "
            f"unset {variable}, or leave out `paper up` if that server is the one to use"
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # A name, not an address.
        return False


def _require_free_ports(settings: Settings, part: Part, patience_s: float) -> None:
    host, _ = part.address(settings)
    deadline = time.monotonic() + patience_s
    for port, variable in part.ports(settings).items():
        while processes.is_port_taken(host, port):
            if time.monotonic() < deadline:
                time.sleep(POLL_S)
                continue
            raise PortTakenError(
                f"{part.name}: port {port} is taken by {processes.port_owner(port)}; stop it, or choose another "
                f"port with {variable}"
            )


def _wait_until_ready(settings: Settings, part: Part, on_progress: Progress) -> None:
    identity = processes.recall(pid_file(settings, part))
    if identity is None:
        raise PartError(f"{part.name}: its pid file {pid_file(settings, part)} vanished; run `paper up` again")
    begin = time.monotonic()
    while not part.is_ready(settings):
        if processes.find(identity) is None:
            raise _part_error(settings, part, "died while starting")
        if time.monotonic() - begin > READY_TIMEOUT_S:
            raise _part_error(settings, part, f"does not answer after {READY_TIMEOUT_S:.0f} s")
        time.sleep(POLL_S)
    on_progress(f"{part.name} is ready on port {part.address(settings)[1]} ({time.monotonic() - begin:.1f} s)")


def _part_error(settings: Settings, part: Part, what: str) -> PartError:
    log = log_file(settings, part)
    return PartError(f"{part.name} {what}. The end of {log}:\n{processes.log_tail(log)}")


def _stop(settings: Settings, part: Part, on_progress: Progress) -> None:
    remembered = pid_file(settings, part)
    identity = processes.recall(remembered)
    if identity is not None and processes.find(identity) is not None:
        on_progress(f"stopping {part.name}")
        if not processes.stop(identity, STOP_PATIENCE_S):
            on_progress(f"{part.name} did not stop within {STOP_PATIENCE_S:.0f} s and was killed")
    remembered.unlink(missing_ok=True)


@contextmanager
def _exclusive(settings: Settings, on_progress: Progress) -> Iterator[None]:
    """One `up` or `down` at a time for a PAPER_HOME."""
    folder = settings.paper_home / "run"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / "stack.lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise StackError(
            f"{settings.paper_home}: {error}; make it a folder that you may write to, or set PAPER_HOME to one"
        ) from error
    try:
        deadline = time.monotonic() + LOCK_TIMEOUT_S
        announced = False
        while not _try_lock(descriptor):
            if not announced:
                on_progress("waiting for another `paper up` or `paper down` to finish")
                announced = True
            if time.monotonic() > deadline:
                raise StackError(
                    f"{folder / 'stack.lock'} is held for more than {LOCK_TIMEOUT_S:.0f} s by another `paper up` "
                    "or `paper down`; stop that one and run the command again"
                )
            time.sleep(POLL_S)
        yield
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
