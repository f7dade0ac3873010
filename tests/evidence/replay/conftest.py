"""Fixtures: one ClickHouse with the pipeline's tables for all tests of re-simulations, and the market of a sweep."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client

from infra.settings import Settings
from schemas.records.numbers import price_text
from streams.pipeline.feed.synthetic import SyntheticMarket, synthetic
from streams.pipeline.feed.table import QUOTE
from streams.pipeline.reference.load_config import load_instruments
from tests.evidence.metrics.rows import connected, migrated_server

SYMBOL, SECONDS = "ACME.SIM", 20
EMA = f"""strategies:
  ema:
    strategy: examples.ema_cross:EmaCross
    symbol: {SYMBOL}
    parameters: {{slow: 20, quantity: "10"}}
    cash: "100000"
"""
GRID = "strategies.ema.parameters.fast: [3, 8]\nstrategies.ema.parameters.distance_bps: ['3', '6']\n"


@pytest.fixture(scope="session")
def server_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Yields settings of a migrated database on a server of its own; no Kafka runs."""
    with migrated_server(tmp_path_factory.mktemp("replay") / "data") as settings:
        yield settings


@pytest.fixture(scope="session")
def client(server_settings: Settings) -> Iterator[Client]:
    """Yields a client on the migrated database."""
    with connected(server_settings) as connection:
        yield connection


@pytest.fixture(scope="module")
def market(server_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns a folder with a file of quotes."""
    instruments = [item for item in load_instruments(server_settings.reference_data) if item.symbol == SYMBOL]
    table = synthetic(SyntheticMarket(3, seconds=SECONDS), tuple(instruments))
    rows = zip(table.kind, table.time, table.bid_px, table.bid_sz, table.ask_px, table.ask_sz, strict=True)
    lines = ["ts_ns,symbol,bid_px,bid_sz,ask_px,ask_sz"]
    for kind, time_ns, *numbers in rows:
        if kind == QUOTE:
            lines.append(",".join([str(time_ns), SYMBOL, *(price_text(int(number)) for number in numbers)]))
    folder = tmp_path_factory.mktemp("market")
    (folder / "quotes.csv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="module")
def told(market: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """Returns the options of all sweeps here but --name."""
    folder = tmp_path_factory.mktemp("sweep")
    grid, changes = folder / "grid.yaml", folder / "ema.yaml"
    grid.write_text(GRID)
    changes.write_text(EMA)
    return "--grid", str(grid), "--with", str(changes), "--data", str(market), "--strategies-only", "--jobs", "1"
