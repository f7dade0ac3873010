"""The figures of each worker and sink of this machine, in PAPER_HOME/run while it runs, in Prometheus' text format."""

import json
import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from prometheus_client import generate_latest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

from infra import processes
from infra.settings import Settings
from streams import figures
from streams.operations.health.atomic_json import write_atomically

log = logging.getLogger(__name__)

SUFFIX = ".figures.json"
INTERVAL_S = 2.0


@contextmanager
def figures_file(settings: Settings, name: str) -> Iterator[None]:
    """Writes the figures of this process again and again inside the block, and removes the file at its end."""
    path = _folder(settings) / f"{settings.topic_prefix}{name}{SUFFIX}"
    identity = asdict(processes.identity_of(os.getpid()))
    ended = threading.Event()

    def write() -> None:
        while not ended.wait(INTERVAL_S):
            text = generate_latest(figures.REGISTRY).decode()
            document = {"prefix": settings.topic_prefix, "name": name, "process": identity, "text": text}
            try:
                write_atomically(path, document)
            except OSError as error:  # A full disk stops no shard.
                log.warning("the exporter can't show the figures of %s: %s", name, error)

    thread = threading.Thread(target=write, name="figures", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        path.unlink(missing_ok=True)


def read_figures(settings: Settings) -> list[Metric]:
    """Returns the figures of all workers and sinks of this pipeline that run on this machine, labelled by process."""
    families: dict[str, Metric] = {}
    for path in sorted(_folder(settings).glob(f"*{SUFFIX}")):
        for process, found in _read(path, settings.topic_prefix):
            family = families.setdefault(found.name, Metric(found.name, found.documentation, found.type))
            family.samples += [item._replace(labels={**item.labels, "process": process}) for item in found.samples]
    return list(families.values())


def _read(path: Path, prefix: str) -> list[tuple[str, Metric]]:
    try:
        document = json.loads(path.read_text())
        if document["prefix"] != prefix or processes.find(processes.ProcessIdentity(**document["process"])) is None:
            return []
        name = str(document["name"])
        return [(name, family) for family in text_string_to_metric_families(document["text"])]
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return []  # The process has just ended, or a power cut has emptied the file.


def _folder(settings: Settings) -> Path:
    return settings.paper_home / "run"
