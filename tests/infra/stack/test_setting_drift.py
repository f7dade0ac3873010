"""A setting that was changed after `paper up` is told by the commands, until the workers have it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra import processes
from infra.settings import Settings
from infra.stack import local_stack
from infra.stack.pipeline_processes import PipelineProcesses
from infra.stack.setting_drift import drifted_settings
from tests.end_to_end.processes import paper
from tests.stacks import free_settings


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    """Settings with which a process runs that stands for the supervisor."""
    settings = free_settings(tmp_path).model_copy(update={"clickhouse_url": "http://paper:secret@127.0.0.1:8123"})
    command = [sys.executable, "-c", "import sys; print(flush=True); sys.stdin.read()"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, env=settings.as_environment(), **pipes) as process:  # type: ignore[call-overload]
        process.stdout.readline()  # From now on its environment is its own, and not that of the fork.
        processes.write_pid_file(
            processes.identity_of(process.pid), local_stack.pid_file(settings, PipelineProcesses())
        )
        yield settings
        process.stdin.close()


def test_a_value_that_the_workers_do_not_have_is_told(settings: Settings) -> None:
    changed = settings.model_copy(update={"mock_trading": not settings.mock_trading, "worker_id": "mine"})
    warning = (
        f"MOCK_TRADING: the running workers have MOCK_TRADING={settings.mock_trading}, here it is "
        f"{changed.mock_trading}; `paper down` and `paper up` give them the new one"
    )
    assert drifted_settings(settings) == []
    assert drifted_settings(changed) == [warning]
    assert paper(changed, "orders", "list").stderr.splitlines()[0] == f"warning: {warning}"
    assert "warning" not in paper(settings, "orders", "list").stderr


def test_a_value_with_a_password_is_not_printed(settings: Settings) -> None:
    changed = settings.model_copy(update={"clickhouse_url": "http://paper:other@127.0.0.1:8123"})
    (told,) = drifted_settings(changed)
    assert told.startswith("CLICKHOUSE_URL: the running workers have another value")
    assert "other@" not in told
    assert "secret" not in told


def test_without_workers_nothing_is_told(settings: Settings) -> None:
    local_stack.pid_file(settings, PipelineProcesses()).unlink()
    assert drifted_settings(settings.model_copy(update={"mock_trading": False})) == []
