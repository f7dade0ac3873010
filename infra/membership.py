"""Names of consumer group members: a restarted process takes its old name and gets its partitions back."""

import fcntl
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from infra.errors import MemberIdTaken
from infra.settings import Settings

SLOTS_MAX = 1_000


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
    folder = settings.paper_home / "run"
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / f"{settings.topic_prefix}{name}.lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
