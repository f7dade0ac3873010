"""Fixtures: one ClickHouse with the pipeline's tables for all tests of the gate."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from clickhouse_connect.driver.client import Client

from infra.settings import REPOSITORY
from streams.evidence.gate.criteria import CriteriaFile, read_criteria
from tests.evidence.metrics.rows import connected, migrated_server, new_run


@pytest.fixture(scope="session")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Yields a client on a migrated database."""
    with migrated_server(tmp_path_factory.mktemp("gate") / "data") as settings, connected(settings) as connection:
        yield connection


@pytest.fixture
def run_id() -> str:
    """Returns the id of a new run for the test."""
    return new_run()


@pytest.fixture(scope="session")
def criteria() -> CriteriaFile:
    """Returns the criteria file of the repository."""
    return read_criteria(REPOSITORY / "infra/reference/gate.toml")
