"""Commands while only the schema registry is down: each ends with one line that names it."""

from __future__ import annotations

import time

from infra.settings import Settings
from tests.end_to_end.processes import paper
from tests.stacks import free_port

ENDED_S = 10.0
"""Long enough for a busy machine, and less than a second try of a client would take."""
COMMANDS = (
    ("orders", "submit", "ACME.SIM", "BUY", "1", "--account", "a"),
    ("orders", "list"),
    ("quotes", "ACME.SIM"),
    ("results", "--follow"),
    ("positions",),
    ("session", "open", "--account", "a"),
    ("risk", "status"),
    ("feed", "--synthetic", "--seconds", "1"),
    ("serve",),
)


def test_a_command_without_the_registry_ends_with_one_line(pipeline_settings: Settings) -> None:
    address = f"http://127.0.0.1:{free_port()}/apis/ccompat/v7"
    settings = pipeline_settings.model_copy(update={"schema_registry_url": address})
    for command in COMMANDS:
        begun = time.monotonic()
        result = paper(settings, *command)
        assert time.monotonic() - begun < ENDED_S, command
        errors = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
        assert (result.returncode, errors) == (1, result.stderr.splitlines()[-1:]), (command, result.stderr)
        assert address in errors[0], (command, errors)
        assert "`paper up`" in errors[0], (command, errors)
