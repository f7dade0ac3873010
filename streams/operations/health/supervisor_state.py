"""The supervisor's state file, PAPER_HOME/run/supervisor.json, which other processes read."""

import json
import time
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

from infra import processes
from infra.settings import Settings
from streams.operations.health.atomic_json import write_atomically
from streams.operations.health.health import Observed, ProcessHealth


class SupervisorState(NamedTuple):
    """The state of a running supervisor.

    Attributes:
        children: the workers and the sink.
        servers: this machine's servers, which it restarts.
        observed: the success of its observations, as of now.
    """

    children: list[ProcessHealth]
    servers: list[ProcessHealth]
    observed: Observed


def write_state(
    settings: Settings,
    supervisor: processes.ProcessIdentity,
    children: Iterable[ProcessHealth],
    servers: Iterable[ProcessHealth],
    observed: Observed,
) -> None:
    """Replaces the state file atomically."""
    document = {
        "supervisor": asdict(supervisor),
        "children": [child._asdict() for child in children],
        "servers": [server._asdict() for server in servers],
        "observed": observed._asdict(),
        # The monotonic clock is the same for all processes of a machine, and nobody sets it.
        "written": time.monotonic(),
    }
    write_atomically(_path(settings), document)


def remove_state(settings: Settings) -> None:
    """Removes the state file, if there is one."""
    _path(settings).unlink(missing_ok=True)


def read_state(settings: Settings) -> SupervisorState | None:
    """Returns the state of the running supervisor; None if no supervisor runs."""
    try:
        document = json.loads(_path(settings).read_text())
        if processes.find(processes.ProcessIdentity(**document["supervisor"])) is None:
            return None
        observed = Observed(**document["observed"])
        return SupervisorState(
            [ProcessHealth(**child) for child in document["children"]],
            [ProcessHealth(**server) for server in document["servers"]],
            observed._replace(age_s=observed.age_s + time.monotonic() - document["written"]),
        )
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        return None  # Another version has written it, or a power cut has emptied it: its supervisor is gone.


def read_children(settings: Settings) -> list[ProcessHealth]:
    """Returns the workers and the sink of the running supervisor; none if no supervisor runs."""
    state = read_state(settings)
    return state.children if state else []


def _path(settings: Settings) -> Path:
    return settings.paper_home / "run" / "supervisor.json"
