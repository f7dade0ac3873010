"""Names of consumer group members: a restarted process takes its old name and gets its partitions back."""

import fcntl
import os
import re
import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra import processes
from infra.errors import MemberIdTaken
from infra.private_home import private_home
from infra.settings import Settings

SLOTS_MAX = 1_000
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
CLIENT_ID = re.compile(r"(?P<host>[^:]+):(?P<machine>[^:]+):(?P<pid>\d+):(?P<ticks>\d+)")


def host_name() -> str:
    """Returns this machine's name, in characters that a member id may have."""
    return re.sub(r"[^a-zA-Z0-9._-]", "-", socket.gethostname())


@contextmanager
def member_id(settings: Settings, kind: str, chosen: str = "") -> Iterator[str]:
    """Holds a member id until the block ends: the chosen name, or else the first free `<host>-<kind>-N`.

    The lock on PAPER_HOME/run/<name>.lock is released when the process ends, even by kill -9. Raises MemberIdTaken.
    """
    for name in [chosen] if chosen else (f"{host_name()}-{kind}-{number}" for number in range(1, SLOTS_MAX + 1)):
        lock = _try_lock(settings, name)
        if lock is not None:
            try:
                yield name
            finally:
                os.close(lock)
            return
    raise MemberIdTaken(
        f"{chosen or f'all {SLOTS_MAX} names for a {kind}'}: taken by running processes of this machine; stop one, or "
        "choose another name"
    )


def _try_lock(settings: Settings, name: str) -> int | None:
    folder = private_home(settings) / "run"
    folder.mkdir(exist_ok=True)
    descriptor = os.open(folder / f"{settings.topic_prefix}{name}.lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def process_client_id() -> str:
    """Returns a Kafka client id that says which process of which machine this is: host:machine:pid:start."""
    own = processes.identity_of(os.getpid())
    return f"{host_name()}:{_machine()}:{own.pid}:{own.start_ticks or 0}"


def has_ended_here(client_id: str) -> bool:
    """Returns whether a client id, made by process_client_id, is of a process of this machine that no longer runs."""
    found = CLIENT_ID.fullmatch(client_id)
    if found is None or (found["host"], found["machine"]) != (host_name(), _machine()):
        return False
    return processes.find(processes.ProcessIdentity(int(found["pid"]), 0.0, int(found["ticks"]))) is None


def describe_client(client_id: str) -> str:
    """Returns the machine and process of a client id, for people."""
    found = CLIENT_ID.fullmatch(client_id)
    return f"host {found['host']}, pid {found['pid']}" if found else f"client {client_id}"


def _machine() -> str:
    """Returns a text that differs between machines also if they have the same host name."""
    return BOOT_ID.read_text().strip() if BOOT_ID.exists() else f"{uuid.getnode():012x}"
