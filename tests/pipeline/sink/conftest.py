"""A ClickHouse server without Kafka, for tests of the tables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from infra.clickhouse.client import connect
from infra.clickhouse.migrate import migrate
from infra.settings import Settings
from tests.infra.clickhouse_servers import LocalServer


@pytest.fixture(scope="module")
def table_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """Runs a server on an empty folder."""
    with LocalServer(tmp_path_factory.mktemp("sink-tables") / "data") as running:
        yield running


@pytest.fixture
def table_settings(table_server: LocalServer) -> Iterator[Settings]:
    """Returns settings of a new, migrated database."""
    settings = Settings(_env_file=None, clickhouse_url=table_server.url, clickhouse_database="tables")
    migrate(settings)
    yield settings
    with closing(connect(settings, "default")) as client:
        client.command("DROP DATABASE tables")
