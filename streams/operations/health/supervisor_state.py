"""The supervisor's state file, PAPER_HOME/run/supervisor.json, which other processes read."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from infra import processes
from infra.settings import Settings
from streams.operations.health.atomic_json import write_atomically


@dataclass(frozen=True)
class ChildState:
    """A supervised process.

    Attributes:
        name: worker-N or sink.
        pid: None while the process waits for its restart.
        restarts: since the supervisor started.
        last_end: how the process last ended, such as "signal SIGKILL"; empty if it never ended.
    """

    name: str
    pid: int | None
    restarts: int
    last_end: str


@dataclass(frozen=True)
class SupervisorState:
    """The content of the state file: the supervisor's own process and its children."""

    supervisor: processes.Identity
    children: list[ChildState] = field(default_factory=list)


def write_state(settings: Settings, state: SupervisorState) -> None:
    """Replaces the state file atomically."""
    write_atomically(_path(settings), asdict(state))


def remove_state(settings: Settings) -> None:
    """Removes the state file, if there is one."""
    _path(settings).unlink(missing_ok=True)


def read_children(settings: Settings) -> list[ChildState]:
    """Returns the children of the running supervisor; none if no supervisor runs."""
    try:
        document = json.loads(_path(settings).read_text())
    except FileNotFoundError:
        return []
    if processes.find(processes.Identity(**document["supervisor"])) is None:
        return []
    return [ChildState(**child) for child in document["children"]]


def _path(settings: Settings) -> Path:
    return settings.paper_home / "run" / "supervisor.json"
