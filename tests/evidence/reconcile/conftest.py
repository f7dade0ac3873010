"""Fixtures: a ClickHouse server with the pipeline's tables, for checks in SQL without Kafka."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from clickhouse_connect.driver.client import Client

from infra.clickhouse.client import connect
from infra.clickhouse.migrate import migrate
from infra.settings import Settings
from tests.evidence.reconcile.session import Session, land
from tests.infra.clickhouse_servers import LocalServer

_runs = itertools.count(1)


@pytest.fixture(scope="module")
def server_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Yields the settings of a migrated database."""
    with LocalServer(tmp_path_factory.mktemp("reconcile") / "data") as running:
        settings = Settings(_env_file=None, clickhouse_url=running.url, clickhouse_database="reconcile")
        migrate(settings)
        yield settings


@pytest.fixture(scope="module")
def client(server_settings: Settings) -> Iterator[Client]:
    """Yields a client on the database."""
    with closing(connect(server_settings)) as connected:
        yield connected


@pytest.fixture
def landed(server_settings: Settings) -> Callable[[Session], str]:
    """Returns a function that lands a session under a new run id and returns the id."""

    def run(session: Session) -> str:
        settings = server_settings.model_copy(update={"run_id": f"run-{next(_runs)}"})
        land(session, settings)
        return settings.run_id

    return run
