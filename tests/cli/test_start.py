"""A command loads the libraries that it uses, so that help and small commands come at once."""

from __future__ import annotations

import subprocess
import sys

import pytest

from infra.settings import REPOSITORY

CLIENTS = {"aiokafka", "chdb", "clickhouse_connect", "confluent_kafka", "exchange_calendars", "faust", "httpx2"}
NUMBERS = {"numpy", "pandas", "pyarrow", "pydantic"}


def loaded(statement: str) -> set[str]:
    """Returns the packages that a new process has loaded after a statement."""
    shown = subprocess.run(
        [sys.executable, "-c", f"import sys; {statement}; print(*sys.modules)"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    return {name.partition(".")[0] for name in shown.stdout.split()}


def test_the_command_line_itself_loads_no_client_and_no_numbers() -> None:
    assert not loaded("import streams.cli.app") & (CLIENTS | NUMBERS)


@pytest.mark.parametrize("module", ["health.health_collector", "supervisor.supervisor"])
def test_who_watches_workers_loads_no_faust(module: str) -> None:
    assert not loaded(f"import streams.operations.{module}") & {"faust", "exchange_calendars"}
