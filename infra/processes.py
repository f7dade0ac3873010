"""Detached processes: starting them, finding them again in later commands, stopping them.

A pid alone does not identify a process, because the system reuses pids. The pid file holds the start time too, in ticks
since boot, because the wall clock may be set while the process runs.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import socket
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from infra.errors import ServerError

POLL_S = 0.02
START_TIME_TOLERANCE_S = 2.0  # psutil derives start times from the wall clock, which may be adjusted.
LOG_KEPT_BYTES = 10_000_000
LOG_TAIL_BYTES = 16_384


@dataclass(frozen=True)
class ProcessIdentity:
    """The identity of a process, as its pid file holds it.

    started: seconds since the epoch, by the wall clock of that time. start_ticks: since boot; None if the system does
    not tell.
    """

    pid: int
    started: float
    start_ticks: int | None = None


def identity_of(pid: int) -> ProcessIdentity:
    """Returns the identity of a running process. Raises psutil.NoSuchProcess."""
    return ProcessIdentity(pid, psutil.Process(pid).create_time(), _start_ticks(pid))


def _start_ticks(pid: int) -> int | None:
    try:
        # The second field, the command, is in brackets and may contain anything.
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None
    return int(fields[19])


def spawn(command: list[str], environment: dict[str, str], log: Path) -> ProcessIdentity:
    """Starts a process in its own session, so that neither Ctrl-C nor a closed terminal reaches it."""
    log.parent.mkdir(parents=True, exist_ok=True)
    rotate(log)
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, os.fspath(log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    pid = os.posix_spawn(command[0], command, environment, file_actions=actions, setsid=True)
    return identity_of(pid)


def rotate(log: Path) -> None:
    """Moves a large log file aside, so that a new one begins. Keeps one old file."""
    if log.exists() and log.stat().st_size > LOG_KEPT_BYTES:
        log.replace(log.with_suffix(".old"))


def write_pid_file(identity: ProcessIdentity, pid_file: Path) -> None:
    """Writes a pid file atomically."""
    pid_file.parent.mkdir(parents=True, exist_ok=True)
    temporary = pid_file.with_suffix(".new")
    temporary.write_text(json.dumps(asdict(identity)))
    temporary.replace(pid_file)


def read_pid_file(pid_file: Path) -> ProcessIdentity | None:
    """Returns the process that a pid file names, or None if the file is missing or damaged."""
    try:
        content = json.loads(pid_file.read_text())
        ticks = content.get("start_ticks")
        return ProcessIdentity(int(content["pid"]), float(content["started"]), None if ticks is None else int(ticks))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, KeyError, TypeError, AttributeError):
        # Writing is atomic, so only an edit can have damaged it.
        print(f"{pid_file}: not a pid file, ignored", file=sys.stderr)
        return None


def find(identity: ProcessIdentity) -> psutil.Process | None:
    """Returns the live process, or None if it has ended or its pid now belongs to another process."""
    try:
        process = psutil.Process(identity.pid)
        if identity.start_ticks is None:
            same = abs(process.create_time() - identity.started) <= START_TIME_TOLERANCE_S
        else:
            same = _start_ticks(identity.pid) == identity.start_ticks
        # The first thread may be gone while others still hold the sockets.
        ended = process.status() == psutil.STATUS_ZOMBIE and process.num_threads() <= 1
    except psutil.NoSuchProcess:
        return None
    return process if same and not ended else None


def stop(identity: ProcessIdentity, patience_s: float) -> bool:
    """Sends SIGTERM, and SIGKILL after patience_s. Returns whether SIGTERM was enough.

    Raises:
        ServerError: the process survived SIGKILL.
    """
    for number in (signal.SIGTERM, signal.SIGKILL):
        process = find(identity)
        if process is None:
            return True
        try:
            process.send_signal(number)
        except psutil.NoSuchProcess:
            return True
        if _wait_for_end(identity, patience_s):
            return number is signal.SIGTERM
    raise ServerError(f"pid {identity.pid} survived SIGKILL; look at its state with `ps -o stat,wchan {identity.pid}`")


def _wait_for_end(identity: ProcessIdentity, patience_s: float) -> bool:
    """Waits until a process has ended or is a zombie: in a container, there may be no parent to reap it."""
    deadline = time.monotonic() + patience_s
    while find(identity) is not None:
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    with suppress(ChildProcessError):  # An earlier command started it, so it is not this process's child.
        os.waitpid(identity.pid, 0)
    return True


def is_port_taken(host: str, port: int) -> bool:
    """Returns whether another process listens on a port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return True
            raise
    return False


def port_owner(port: int) -> str:
    """Describes the process that listens on a port, as far as this user may see it."""
    try:
        listening = [c for c in psutil.net_connections("tcp") if c.status == psutil.CONN_LISTEN]
        pid = next((c.pid for c in listening if c.pid and c.laddr and c.laddr.port == port), None)
        return f"{psutil.Process(pid).name()} (pid {pid})" if pid else "a process of another user"
    except (psutil.AccessDenied, psutil.NoSuchProcess):
        return "another process"


def log_tail(log: Path, lines: int = 15) -> str:
    """Returns the last lines of a log."""
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - LOG_TAIL_BYTES))
        return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])
