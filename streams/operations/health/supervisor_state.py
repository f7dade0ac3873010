"""The supervisor's state file, PAPER_HOME/run/supervisor.json, which other processes read."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from infra import processes
from infra.settings import Settings
from streams.operations.health.atomic_json import write_atomically
from streams.operations.health.health import ProcessHealth


def write_state(settings: Settings, supervisor: processes.ProcessIdentity, children: Iterable[ProcessHealth]) -> None:
    """Replaces the state file atomically."""
    document = {"supervisor": asdict(supervisor), "children": [child._asdict() for child in children]}
    write_atomically(_path(settings), document)


def remove_state(settings: Settings) -> None:
    """Removes the state file, if there is one."""
    _path(settings).unlink(missing_ok=True)


def read_children(settings: Settings) -> list[ProcessHealth]:
    """Returns the children of the running supervisor; none if no supervisor runs."""
    try:
        document = json.loads(_path(settings).read_text())
    except FileNotFoundError:
        return []
    if processes.find(processes.ProcessIdentity(**document["supervisor"])) is None:
        return []
    return [ProcessHealth(**child) for child in document["children"]]


def _path(settings: Settings) -> Path:
    return settings.paper_home / "run" / "supervisor.json"
