"""Commands of the host are processes of their own, and end as new ones do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra.settings import REPOSITORY, Settings
from streams import __version__
from tests.end_to_end.processes import environment
from tests.end_to_end.warm_commands import CommandHost, command_host

INSTRUMENT = """
[[instrument]]
symbol = "{symbol}"
currency = "USD"
tick_size = "0.01"
lot_size = "1"
min_quantity = "1"
max_quantity = "100"
"""


@pytest.fixture
def host() -> CommandHost:
    return command_host()


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    """The environment of a shell whose settings no server answers."""
    return environment(Settings(_env_file=None, paper_home=tmp_path))


@pytest.mark.parametrize("arguments", [["--version"], ["instruments", "list", "--json"], ["orders", "submit"], ["nix"]])
def test_a_command_ends_as_a_new_process_does(
    host: CommandHost, variables: dict[str, str], arguments: list[str]
) -> None:
    new = subprocess.run(
        [sys.executable, "-m", "streams.cli", *arguments],
        cwd=REPOSITORY,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    ours = host.run(arguments, variables, 60)
    assert (ours.returncode, ours.stdout, ours.stderr) == (new.returncode, new.stdout, new.stderr)


def test_each_command_reads_the_settings_of_its_own_environment(
    host: CommandHost, variables: dict[str, str], tmp_path: Path
) -> None:
    for symbol in ("ONE", "TWO"):
        file = tmp_path / symbol
        file.write_text(INSTRUMENT.format(symbol=symbol))
        listed = host.run(["instruments", "list", "--json"], variables | {"REFERENCE_DATA": str(file)}, 60)
        assert [name for name in ("ONE", "TWO") if f'"{name}"' in listed.stdout] == [symbol], listed.stderr


def test_what_a_process_reads_when_it_starts_asks_for_a_new_one(host: CommandHost, variables: dict[str, str]) -> None:
    assert host.serves(variables)
    assert host.serves(variables | {"PYTHONPATH": "/elsewhere", "RUN_ID": "other"})
    for name in ("LD_PRELOAD", "PYTHONHASHSEED", "TZ", "PAPER_COMPILED"):
        assert not host.serves(variables | {name: "/new"})


def test_a_test_that_changes_the_environment_changes_no_host(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    host = CommandHost()
    try:
        assert host.serves(variables)
        assert not host.serves(variables | {"TZ": "Asia/Tokyo"})
    finally:
        host.close()


def test_a_command_that_takes_too_long_is_killed(host: CommandHost, variables: dict[str, str]) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        host.run(["--version"], variables, 0)
    assert host.run(["--version"], variables, 60).stdout == f"paper {__version__}\n"


def test_the_host_ends_with_its_caller(variables: dict[str, str]) -> None:
    host = CommandHost()
    assert host.run(["--version"], variables, 60).returncode == 0
    host.close()
    with pytest.raises(ProcessLookupError):
        os.kill(host.pid, 0)
