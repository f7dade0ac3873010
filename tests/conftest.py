"""Fixtures that all tests share: the stack, a pipeline of one's own on it, the recorded market data."""

from __future__ import annotations

import itertools
import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from _pytest.junitxml import xml_key

from infra.settings import REPOSITORY, Settings
from streams.evidence.gate.gate_desk import head_commit
from tests import stacks

MARKET_DATA_FILES = (
    "AIG_US_20131009.quotes",
    "AIG_US_20131009.trades",
    "EURUSD_OANDA_201405.quotes",
    "BTCUSDT_BINANCE_USDM_20240808.quotes",
    "BTCUSDT_BINANCE_USDM_20240808.trades",
    "BTCUSDT_BINANCE_USDM_20240808.l2",
    "ETHUSDT_BINANCE_SPOT_20240808.quotes",
    "ETHUSDT_BINANCE_SPOT_20240808.trades",
    "AAPL_US_1m_20140605_09.quotes",
)
MARKERS = {
    "stack": {
        "stack",
        "server",
        "own_server",
        "table_server",
        "server_settings",
        "metrics_settings",
        "client",
        "scram",
    },
    "data": {"market_data_folder"},
}
"""Markers of the tests that use one of these fixtures, directly or not."""
_pipelines = itertools.count(1)


def pytest_configure(config: pytest.Config) -> None:
    """A terminated run ends as an interrupted one does: fixtures stop what they started.

    A shell starts jobs in the background with Ctrl-C ignored. Commands of tests would inherit that.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.default_int_handler)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Notes in the JUnit report which commit is tested, for the gate."""
    report = session.config.stash.get(xml_key, None)
    if report is not None and (commit := head_commit()):
        report.add_global_property("commit", commit)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks the tests that need servers or recorded data, before pytest selects by marker."""
    for item in items:
        for marker, fixtures in MARKERS.items():
            if fixtures.intersection(getattr(item, "fixturenames", ())):
                item.add_marker(marker)


@pytest.fixture(scope="session")
def stack() -> Iterator[Settings]:
    """Settings of a running stack: Kafka, schema registry, ClickHouse, in a folder of its own on free ports.

    Started once for all tests. PAPER_TEST_STACK=containers runs the same servers from images.
    """
    kind = os.environ.get("PAPER_TEST_STACK", "native")
    with tempfile.TemporaryDirectory(prefix="paper-test-") as folder:
        settings = stacks.free_settings(Path(folder))
        with _running(kind, settings):
            yield settings


def _running(kind: str, settings: Settings) -> AbstractContextManager[None]:
    if kind == "native":
        return stacks.native(settings)
    if kind == "containers":
        from tests.containers import containers

        return containers(settings)
    raise pytest.UsageError(f"PAPER_TEST_STACK={kind}: must be native or containers")


@pytest.fixture
def pipeline_settings(stack: Settings) -> Iterator[Settings]:
    """The stack with topics and subjects of the test's own, and a database that is as if it were new."""
    settings = stack.model_copy(update={"topic_prefix": f"t{next(_pipelines)}.", "clickhouse_database": "test"})
    try:
        stacks.prepare(settings)
        with stacks.clean_database(settings):
            yield settings
    finally:
        stacks.remove_topics(settings)


@pytest.fixture(scope="session")
def market_data_folder() -> Path:
    """Folder of the recorded market data; tests that use it are skipped where it is absent."""
    folder = Path(os.environ.get("PAPER_MARKET_DATA", REPOSITORY.parent / "shared" / "data"))
    missing = [name for name in MARKET_DATA_FILES if not list(folder.glob(name + "*"))]
    if missing:
        pytest.skip(f"recorded market data: {folder} lacks {', '.join(missing)}; set PAPER_MARKET_DATA")
    return folder
