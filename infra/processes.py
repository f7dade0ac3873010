"""Servers as detached processes: started, recognised again by later commands, stopped.

A pid alone does not name a process: it may be stale, or reused. The pid file keeps the process's start time too.
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

from infra.errors import PartError

POLL_S = 0.02
START_TIME_TOLERANCE_S = 2.0  # psutil derives start times from the wall clock, which may be adjusted.
LOG_KEPT_BYTES = 10_000_000
LOG_TAIL_BYTES = 16_384


@dataclass(frozen=True)
class Identity:
    """A process that was started, as its pid file remembers it. started: seconds since the epoch."""

    pid: int
    started: float


def spawn(command: list[str], environment: dict[str, str], log: Path) -> Identity:
    """Starts a process in a session of its own, so that neither Ctrl-C nor a closed terminal reaches it."""
    log.parent.mkdir(parents=True, exist_ok=True)
    rotate(log)
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, os.fspath(log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    pid = os.posix_spawn(command[0], command, environment, file_actions=actions, setsid=True)
    return Identity(pid, psutil.Process(pid).create_time())


def rotate(log: Path) -> None:
    """Begins a new log file where the old one has grown large; one old one is kept."""
    if log.exists() and log.stat().st_size > LOG_KEPT_BYTES:
        log.replace(log.with_suffix(".old"))


def remember(identity: Identity, pid_file: Path) -> None:
    """Writes a pid file, whole or not at all."""
    pid_file.parent.mkdir(parents=True, exist_ok=True)
    temporary = pid_file.with_suffix(".new")
    temporary.write_text(json.dumps(asdict(identity)))
    temporary.replace(pid_file)


def recall(pid_file: Path) -> Identity | None:
    """What a pid file names; nothing if it is missing or damaged, which only a hand can have done."""
    try:
        content = json.loads(pid_file.read_text())
        return Identity(int(content["pid"]), float(content["started"]))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, KeyError, TypeError):
        print(f"{pid_file}: not a pid file, ignored", file=sys.stderr)
        return None


def find(identity: Identity) -> psutil.Process | None:
    """The live process, or nothing if it is gone or its pid belongs to another one now."""
    try:
        process = psutil.Process(identity.pid)
        same = abs(process.create_time() - identity.started) <= START_TIME_TOLERANCE_S
        # Its first thread may be gone while others still hold its sockets.
        ended = process.status() == psutil.STATUS_ZOMBIE and process.num_threads() <= 1
    except psutil.NoSuchProcess:
        return None
    return process if same and not ended else None


def stop(identity: Identity, patience_s: float) -> bool:
    """Asks a process to end, then makes it. Whether it ended by itself.

    Raises:
        PartError: it outlived SIGKILL.
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
    raise PartError(f"pid {identity.pid} outlived SIGKILL; look at its state with `ps -o stat,wchan {identity.pid}`")


def _wait_for_end(identity: Identity, patience_s: float) -> bool:
    """A zombie has ended too: in a container, nobody may be there to reap it."""
    deadline = time.monotonic() + patience_s
    while find(identity) is not None:
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    with suppress(ChildProcessError):  # Started by an earlier command, so not ours to reap.
        os.waitpid(identity.pid, 0)
    return True


def is_port_taken(host: str, port: int) -> bool:
    """Whether a server could not listen there now."""
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
    """Who listens on a port, as far as this user may know."""
    try:
        listening = [c for c in psutil.net_connections("tcp") if c.status == psutil.CONN_LISTEN]
        pid = next((c.pid for c in listening if c.pid and c.laddr and c.laddr.port == port), None)
        return f"{psutil.Process(pid).name()} (pid {pid})" if pid else "a process of another user"
    except (psutil.AccessDenied, psutil.NoSuchProcess):
        return "another process"


def log_tail(log: Path, lines: int = 15) -> str:
    """Last lines of a log."""
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - LOG_TAIL_BYTES))
        return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])
