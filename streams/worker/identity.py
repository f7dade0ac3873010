"""Names a worker, so that a restarted one is the same member of the group and gets its partitions back at once."""

import fcntl
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from infra.settings import Settings
from streams.errors import WorkerIdTaken

SLOTS_MAX = 1_000


def host_name() -> str:
    """This machine, in letters that a group's member may have."""
    return re.sub(r"[^a-zA-Z0-9._-]", "-", socket.gethostname())


@contextmanager
def worker_id(settings: Settings) -> Iterator[str]:
    """WORKER_ID, or else the first free `<host>-worker-N` of this machine; held until the block or the process ends.

    The lock on PAPER_HOME/run/<id>.lock goes with the process, however it ends. Raises WorkerIdTaken.
    """
    chosen = settings.worker_id
    for name in [chosen] if chosen else (f"{host_name()}-worker-{number}" for number in range(1, SLOTS_MAX + 1)):
        lock = _try_lock(settings, name)
        if lock is not None:
            try:
                yield name
            finally:
                os.close(lock)
            return
    remedy = "stop it, or choose another WORKER_ID" if chosen else "stop some"
    raise WorkerIdTaken(f"{chosen or f'{SLOTS_MAX} worker ids'}: taken by running workers of this machine; {remedy}")


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
