"""Fixtures: one ClickHouse with the pipeline's tables for all tests of the gate."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from clickhouse_connect.driver.client import Client

from infra.settings import REPOSITORY, Settings
from streams.evidence.gate.criteria import CriteriaFile, read_criteria
from tests.evidence.metrics.rows import connected, migrated_server, new_run


@pytest.fixture(scope="session")
def server_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Yields settings of a migrated database on a server of its own."""
    with migrated_server(tmp_path_factory.mktemp("gate") / "data") as settings:
        yield settings


@pytest.fixture(scope="session")
def client(server_settings: Settings) -> Iterator[Client]:
    """Yields a client on the migrated database."""
    with connected(server_settings) as connection:
        yield connection


@pytest.fixture
def run_id() -> str:
    """Returns the id of a new run for the test."""
    return new_run()


@pytest.fixture(scope="session")
def criteria() -> CriteriaFile:
    """Returns the criteria file of the repository."""
    return read_criteria(REPOSITORY / "infra/reference/gate.toml")
