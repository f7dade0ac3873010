"""Fixtures: one ClickHouse with the pipeline's tables for all tests of metrics."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from clickhouse_connect.driver.client import Client

from infra.settings import Settings
from tests.evidence.metrics.rows import connected, migrated_server, new_run


@pytest.fixture(scope="session")
def metrics_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Yields the settings of the database."""
    with migrated_server(tmp_path_factory.mktemp("metrics") / "data") as settings:
        yield settings


@pytest.fixture(scope="session")
def client(metrics_settings: Settings) -> Iterator[Client]:
    """Yields a client on the database."""
    with connected(metrics_settings) as connection:
        yield connection


@pytest.fixture
def run_id() -> str:
    """Returns the id of a new run for the test."""
    return new_run()
