"""Commands while only the schema registry is down: each ends with one line that names it."""

from __future__ import annotations

import time
from subprocess import CompletedProcess

from infra.settings import Settings
from tests.end_to_end.processes import paper
from tests.stacks import free_port

ENDED_S = 3.0
"""Longest wait of a command for servers that are down."""
BUSY = 5
"""Factor by which a command that connects to a server may take longer than one that does not, on a busy machine."""
COMMANDS = (
    ("orders", "submit", "ACME.SIM", "BUY", "1", "--account", "a"),
    ("orders", "cancel", "o-1", "--account", "a"),
    ("session", "open", "--account", "a"),
    ("trading-state", "HALTED", "--reason", "r"),
    ("feed", "--synthetic", "--seconds", "1"),
)
"""Commands that write records; one that reads needs the registry as soon as there is a record."""


def timed(settings: Settings, *command: str) -> tuple[CompletedProcess[str], float]:
    begun = time.monotonic()
    result = paper(settings, *command)
    return result, time.monotonic() - begun


def test_a_command_without_the_registry_ends_with_one_line(pipeline_settings: Settings) -> None:
    port = free_port()
    address = f"http://127.0.0.1:{port}/apis/ccompat/v7"
    settings = pipeline_settings.model_copy(update={"schema_registry_url": address})
    paper(settings, "--version")
    _, without_servers_s = timed(settings, "parts", "list")
    for command in COMMANDS:
        result, took_s = timed(settings, *command)
        assert took_s < ENDED_S + BUSY * without_servers_s, command
        errors = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
        assert (result.returncode, errors) == (1, result.stderr.splitlines()[-1:]), (command, result.stderr)
        said = f"error: the schema registry at 127.0.0.1:{port} does not answer: start the local one with `paper up`"
        assert errors[0].startswith(said), (command, errors)
