"""The health of each live feed of this machine, in PAPER_HOME/run until the feed is stopped."""

import json
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import psutil

from infra import processes
from infra.settings import Settings
from streams.operations.health.atomic_json import write_atomically
from streams.operations.health.health import FeedReport
from streams.pipeline.live.feed_health import FeedHealth
from streams.pipeline.live.live_writer import feed_name

log = logging.getLogger(__name__)

SUFFIX = ".feed.json"
FORGOTTEN_S = 24 * 3600.0
"""Age from which a feed that died is no longer shown."""


class FeedFile:
    """The file of this process. symbols: of the feed, which name it."""

    def __init__(self, settings: Settings, symbols: tuple[str, ...]) -> None:
        self._prefix = settings.topic_prefix
        self._path = _folder(settings) / f"{settings.topic_prefix}{feed_name(symbols)}{SUFFIX}"
        self._identity = processes.ProcessIdentity(os.getpid(), psutil.Process().create_time())

    def write(self, health: FeedHealth) -> None:
        """Replaces the file atomically. A full disk stops no feed."""
        document = {"prefix": self._prefix, "process": asdict(self._identity), "health": health._asdict()}
        try:
            write_atomically(self._path, document)
        except OSError as error:
            log.warning("`paper status` can't show the live feed: %s", error)

    def remove(self) -> None:
        """Removes the file: the feed was stopped."""
        self._path.unlink(missing_ok=True)


@contextmanager
def feed_file(settings: Settings, symbols: tuple[str, ...]) -> Iterator[FeedFile]:
    """Yields the file of this process, and removes it at the end of the block; a killed feed leaves it."""
    file = FeedFile(settings, symbols)
    try:
        yield file
    finally:
        file.remove()


def feed_reports(settings: Settings) -> list[FeedReport]:
    """Returns the live feeds of this pipeline on this machine, also those that died within the last day."""
    found = (_read(path, settings.topic_prefix) for path in sorted(_folder(settings).glob(f"*{SUFFIX}")))
    return [report for report in found if report is not None and (report.runs or report.age_s < FORGOTTEN_S)]


def _read(path: Path, prefix: str) -> FeedReport | None:
    try:
        document = json.loads(path.read_text())
        if document["prefix"] != prefix:
            return None
        stored = document["health"]
        health = FeedHealth(**stored | {name: tuple(stored[name]) for name in ("symbols", "halted")})
        runs = processes.find(processes.ProcessIdentity(**document["process"])) is not None
        return FeedReport(health, max(time.time() - health.at, 0.0), runs)
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None  # The feed has just ended, or a power cut has emptied the file.


def _folder(settings: Settings) -> Path:
    return settings.paper_home / "run"
