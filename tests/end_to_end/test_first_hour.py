"""docs/first-hour.md is run as it stands, in a folder of its own, on the servers of the tests."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from infra.settings import REPOSITORY, Settings
from infra.stack import local_stack
from infra.stack.http_service import HttpService
from infra.stack.local_stack import ServerState
from infra.stack.pipeline_processes import PipelineProcesses
from streams.evidence.mock_notice import mock_setting_notice
from tests import stacks
from tests.end_to_end.desk import AWAIT_S, Desk
from tests.end_to_end.processes import COMMAND_TIMEOUT_S, environment

PAGE = REPOSITORY / "docs" / "first-hour.md"
COMMANDS = 10
OWN_ENVIRONMENT = "python3 -m venv bot && bot/bin/pip install alpaca-py\n"
"""Left out: it loads packages, which the tests' own environment has."""
THE_END = "./paper down\n"
"""Left out: the tests need their servers."""
ADDRESS = "http://127.0.0.1:8800"
PROCESSES = (PipelineProcesses(), HttpService())


@pytest.fixture
def settings(pipeline_settings: Settings) -> Iterator[Settings]:
    own = {"metrics_port": stacks.free_port(), "serve_port": stacks.free_port()}
    settings = pipeline_settings.model_copy(update=own)
    try:
        yield settings
    finally:
        local_stack.down(settings, PROCESSES)


def blocks() -> list[str]:
    """Returns the blocks of commands of the page."""
    return re.findall(r"```bash\n(.*?)```", PAGE.read_text(), re.DOTALL)


def commands(block: str) -> list[str]:
    """Returns the commands of a block, without the text that they are given."""
    return re.sub(r"<<'END'\n.*?\nEND\n", "\n", block, flags=re.DOTALL).splitlines()


def test_the_page_has_ten_commands() -> None:
    assert len([command for block in blocks() for command in commands(block)]) == COMMANDS


def test_a_bot_of_ones_own_trades_after_ten_commands(settings: Settings, tmp_path: Path) -> None:
    text = "".join(blocks())
    for left_out in (OWN_ENVIRONMENT, THE_END):
        assert text.count(left_out) == 1
        text = text.replace(left_out, "")
    text = text.replace(ADDRESS, f"http://127.0.0.1:{settings.serve_port}")
    _program(tmp_path / "paper", "-P -m streams.cli")
    _program(tmp_path / "bot" / "bin" / "python", "")
    shell = subprocess.Popen(
        ["bash", "-euxo", "pipefail", "-c", text],
        cwd=tmp_path,
        env=environment(settings) | {"PS4": "+ $SECONDS s: "},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        said, errors = shell.communicate(timeout=2 * COMMAND_TIMEOUT_S)
        feed = (tmp_path / "feed.log").read_text()
        assert shell.returncode == 0, f"{said}\n{errors}\n{feed}"
        assert f"{ADDRESS.rpartition(':')[0]}:{settings.serve_port}" in errors
        assert mock_setting_notice() in errors
        bought = [line for line in said.splitlines() if line.startswith("buy ")]
        assert bought, said
        assert {row.state for row in local_stack.status(settings, PROCESSES)} == {ServerState.RUNNING}
        assert "alice" in _desk(f"http://127.0.0.1:{settings.serve_port}", tmp_path / "alice.key")
        filled = {fill.side.value for fill in Desk(settings).read("fills") if fill.account_id == "alice"}
        assert "BUY" in filled
    finally:
        os.killpg(shell.pid, signal.SIGTERM)


def _desk(address: str, key_file: Path) -> str:
    """Returns the page that the console shows to the holder of a key, after the sign-in."""
    key, secret = (line.partition("=")[2] for line in key_file.read_text().split())
    with requests.Session() as browser:
        browser.post(f"{address}/console/sign-in", {"key": key, "secret": secret}, timeout=AWAIT_S).raise_for_status()
        page = browser.get(address, timeout=AWAIT_S)
        page.raise_for_status()
        return page.text


def _program(path: Path, arguments: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'#!/bin/sh\nexec {sys.executable} {arguments} "$@"\n')
    path.chmod(0o700)
