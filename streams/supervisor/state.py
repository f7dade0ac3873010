"""What the supervisor does, for other processes to read: PAPER_HOME/run/supervisor.json."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

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
    """workers: how many it keeps running; 0 if there is no supervisor."""

    workers: int = 0
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


def read_state(settings: Settings) -> SupervisorState:
    """What was last written."""
    try:
        document = json.loads(_path(settings).read_text())
    except FileNotFoundError:
        return SupervisorState()
    return SupervisorState(document["workers"], [ChildState(**child) for child in document["children"]])


def _path(settings: Settings) -> Path:
    return settings.paper_home / "run" / "supervisor.json"
