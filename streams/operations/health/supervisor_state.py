"""What the supervisor does, for other processes to read: PAPER_HOME/run/supervisor.json."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from infra import processes
from infra.settings import Settings


@dataclass(frozen=True)
class ChildState:
    """pid: None while it waits for its restart. last_end: how it last ended, in words."""

    name: str
    pid: int | None
    restarts: int
    last_end: str


@dataclass(frozen=True)
class SupervisorState:
    """children: none if there is no supervisor."""

    supervisor: processes.Identity
    children: list[ChildState] = field(default_factory=list)


def write_state(settings: Settings, state: SupervisorState) -> None:
    """Writes it, whole or not at all."""
    path = _path(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps(asdict(state)))
    temporary.replace(path)


def remove_state(settings: Settings) -> None:
    """There is no supervisor any more."""
    _path(settings).unlink(missing_ok=True)


def read_children(settings: Settings) -> list[ChildState]:
    """What a supervisor that lives has written; nothing if there is none."""
    try:
        document = json.loads(_path(settings).read_text())
    except FileNotFoundError:
        return []
    if processes.find(processes.Identity(**document["supervisor"])) is None:
        return []
    return [ChildState(**child) for child in document["children"]]


def _path(settings: Settings) -> Path:
    return settings.paper_home / "run" / "supervisor.json"
