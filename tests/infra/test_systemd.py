"""The systemd units are ones that systemd takes, and run commands that exist."""

from __future__ import annotations

import configparser
import shutil
import subprocess
from pathlib import Path

import pytest

from infra.settings import REPOSITORY, Settings
from streams.cli.help_pages import PANELS

UNITS = sorted((REPOSITORY / "infra/systemd").glob("*.service"))
PROGRAM = "/opt/paper/bin/paper"
COMMANDS = {command for panel in PANELS.values() for command in panel}


def test_all_processes_have_a_unit() -> None:
    names = {"paper-exporter.service", "paper-serve.service", "paper-sink.service", "paper-worker@.service"}
    assert {path.name for path in UNITS} == names


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_unit_runs_a_command_as_its_own_user_and_comes_back(path: Path) -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read(path)
    service = unit["Service"]
    program, command = service["ExecStart"].split()[:2]
    assert (program, command in COMMANDS) == (PROGRAM, True)
    assert (service["User"], service["Restart"], service["NoNewPrivileges"]) == ("paper", "always", "true")
    for line in path.read_text().splitlines():
        if line.startswith("Environment="):
            assert line.split("=")[1].lower() in Settings.model_fields


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed here")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    for path in UNITS:
        (tmp_path / path.name).write_text(path.read_text().replace(PROGRAM, "/bin/true"))
    command = ["systemd-analyze", "verify", *map(str, sorted(tmp_path.iterdir()))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
