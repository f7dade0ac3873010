"""Frames hold the rows and metrics that ClickHouse has, and the notebook of the examples runs on them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import nbformat
import pytest

from infra.settings import REPOSITORY, Settings
from streams import frames
from streams.errors import InputError
from streams.evidence.export_rows import TABLES
from streams.evidence.metrics.metric_catalog import BREAKDOWNS, METRICS
from tests.end_to_end.processes import environment
from tests.evidence.metrics import rows
from tests.evidence.metrics.rows import connected, migrated_server, new_run

NOTEBOOK = REPOSITORY / "examples" / "research.ipynb"
SECOND = timedelta(seconds=1)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Returns settings of a server with a session of two days and three fills."""
    with migrated_server(tmp_path_factory.mktemp("frames") / "data") as found, connected(found) as client:
        run = new_run()
        rows.insert(client, "account_equity", rows.session(run, 1_000, [1_010, 999]))
        places = (("BUY", 2, 10, "ABC"), ("BUY", 1, 13, "ABC"), ("SELL", 3, 12, "XYZ"))
        fills = [
            rows.fill(run, side, quantity, price, rows.FIRST_DAY + number * SECOND, symbol=symbol)
            for number, (side, quantity, price, symbol) in enumerate(places)
        ]
        rows.insert(client, "fills", fills)
        yield found.model_copy(update={"run_id": run})


def test_rows_are_those_of_the_table(settings: Settings) -> None:
    found = frames.rows("fills", symbol="ABC", settings=settings)
    assert sorted(zip(found["quantity"].to_pylist(), found["price"].to_pylist(), strict=True)) == [
        (Decimal(1), Decimal(13)),
        (Decimal(2), Decimal(10)),
    ]
    assert found.to_pandas()["notional"].sum() == Decimal(33)


def test_the_cut_reads_the_same_again(settings: Settings) -> None:
    before = frames.rows("fills", settings=settings)
    with connected(settings) as client:
        rows.insert(client, "fills", [rows.fill(settings.run_id, "BUY", 9, 9, rows.FIRST_DAY, session_id="late")])
    assert len(frames.rows("fills", settings=settings)) == len(before) + 1
    again = frames.rows("fills", settings=settings, as_of=before.schema.metadata[b"cut"].decode())
    assert again.equals(before, check_metadata=True)


def test_metrics_are_those_of_the_catalog(settings: Settings) -> None:
    found = {row["name"]: row for row in frames.metrics("session", "s", settings=settings).to_pylist()}
    queries = {metric.query for metric in METRICS if metric.name in found}
    assert set(found) == {metric.name for metric in METRICS if metric.query in queries}
    assert queries <= {query for query, parts in BREAKDOWNS.items() if "" in parts}
    assert (found["net_pnl"]["value"], found["net_pnl"]["text"], found["net_pnl"]["unit"]) == (-1.0, "-1", "USD")
    assert (found["sharpe"]["value"], found["sharpe"]["why_null"]) == (None, "2 of 30 daily returns")
    assert found["first_day"]["text"] == str(rows.FIRST_DAY.date())
    days = frames.metrics("account", "A", by="day", settings=settings)
    assert len(set(days["part"].to_pylist())) > 1


@pytest.mark.parametrize("name", TABLES)
def test_every_kind_of_rows_has_a_frame(name: str, settings: Settings) -> None:
    run = new_run()
    with connected(settings) as client:
        rows.insert(client, TABLES[name], [{"run_id": run}])
    assert len(frames.rows(name, run_id=run, settings=settings)) == 1


def test_unknown_names_are_refused(settings: Settings) -> None:
    with pytest.raises(InputError, match="kind 'trades': must be one of orders, results"):
        frames.rows("trades")
    with pytest.raises(InputError, match="kind 'desk': must be one of session, account, strategy"):
        frames.metrics("desk", "x")
    with pytest.raises(InputError, match="by 'hour': must be one of empty, day"):
        frames.metrics("account", "x", by="hour")
    with pytest.raises(InputError, match="--as-of nosuch"):
        frames.rows("fills", as_of="nosuch", settings=settings)
    assert len(frames.metrics("account", "nobody", settings=settings)) == 0


def test_the_notebook_is_valid_and_runs(settings: Settings, tmp_path: Path) -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]
    nbformat.validate(notebook)
    assert all(not cell.outputs for cell in notebook.cells if cell.cell_type == "code"), "outputs are not kept"
    script = tmp_path / "notebook.py"
    script.write_text("\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code"))
    done = subprocess.run(
        [sys.executable, "-W", "error", str(script)],
        cwd=tmp_path,
        env=environment(settings),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "session s, read as of cut" in done.stdout
    assert "greatest drawdown" in done.stdout
