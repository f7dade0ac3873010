"""The parked shards of each worker of this machine, in PAPER_HOME/run while there are any."""

import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import psutil

from infra import processes
from infra.settings import Settings
from streams.operations.health.atomic_json import write_atomically
from streams.pipeline.worker.parked_shards import ParkedShard

log = logging.getLogger(__name__)

SUFFIX = ".parked.json"


class ParkedFile:
    """The file of this process. worker: its name."""

    def __init__(self, settings: Settings, worker: str) -> None:
        self._prefix = settings.topic_prefix
        self._path = _folder(settings) / f"{settings.topic_prefix}{worker}{SUFFIX}"
        self._identity = processes.ProcessIdentity(os.getpid(), psutil.Process().create_time())

    def write(self, parked: list[ParkedShard]) -> None:
        """Replaces the file atomically, or removes it if no shard is parked. A full disk stops no shard."""
        shards = [item._asdict() for item in parked]
        document = {"prefix": self._prefix, "process": asdict(self._identity), "shards": shards}
        try:
            if parked:
                write_atomically(self._path, document)
            else:
                self._path.unlink(missing_ok=True)
        except OSError as error:
            log.warning("`paper status` can't show which shards are parked: %s", error)


@contextmanager
def parked_file(settings: Settings, worker: str) -> Iterator[ParkedFile]:
    """Yields the file of this process, and removes it at the end of the block."""
    file = ParkedFile(settings, worker)
    try:
        yield file
    finally:
        file.write([])


def parked_shards(settings: Settings) -> list[ParkedShard]:
    """Returns the parked shards of all workers of this pipeline that run on this machine."""
    found = [item for path in _folder(settings).glob(f"*{SUFFIX}") for item in _read(path, settings.topic_prefix)]
    return sorted(found)


def _read(path: Path, prefix: str) -> list[ParkedShard]:
    try:
        document = json.loads(path.read_text())
        if document["prefix"] != prefix or processes.find(processes.ProcessIdentity(**document["process"])) is None:
            return []
        return [ParkedShard(**shard) for shard in document["shards"]]
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return []  # The worker has just ended, or a power cut has emptied the file.


def _folder(settings: Settings) -> Path:
    return settings.paper_home / "run"
