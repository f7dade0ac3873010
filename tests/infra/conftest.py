"""A local ClickHouse server for all tests of this folder, and a database for each test."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import closing

import pytest
from clickhouse_connect.driver.client import Client

from tests.infra.clickhouse_servers import LocalServer

_databases = itertools.count(1)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """Runs a server on an empty folder."""
    with LocalServer(tmp_path_factory.mktemp("clickhouse") / "data") as running:
        yield running


@pytest.fixture
def database(server: LocalServer) -> Iterator[str]:
    """Provides an empty database."""
    name = f"own_{next(_databases)}"
    with closing(server.client(autogenerate_session_id=False)) as client:
        client.command(f"CREATE DATABASE {name}")
        yield name
        client.command(f"DROP DATABASE {name}")


@pytest.fixture
def client(server: LocalServer, database: str) -> Iterator[Client]:
    """Returns a client of the test's database."""
    with closing(server.client(database=database)) as connected:
        yield connected
