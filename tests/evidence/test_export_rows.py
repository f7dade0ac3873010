"""Rows come out as they are in ClickHouse, in each format, in the same order each time, and never half."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from clickhouse_connect.driver.client import Client

from infra.settings import Settings
from streams.errors import InputError
from streams.evidence.export_rows import FORMATS, TABLES, Selection, export_rows
from tests.end_to_end.processes import paper
from tests.evidence.metrics import rows
from tests.evidence.metrics.rows import connected, migrated_server, new_run

SECOND = timedelta(seconds=1)
FILLS = 5


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    with migrated_server(tmp_path_factory.mktemp("export") / "data") as found:
        yield found


@pytest.fixture(scope="module")
def client(settings: Settings) -> Iterator[Client]:
    with connected(settings) as connection:
        yield connection


@pytest.fixture(scope="module")
def run_id(client: Client) -> str:
    """Returns a run with fills of two accounts, orders without a session of their own, and a quote."""
    run = new_run()
    for account in ("A", "B"):
        fills = [
            rows.fill(run, "BUY", number + 1, 10, rows.FIRST_DAY + number * SECOND, account_id=account)
            for number in range(FILLS)
        ]
        rows.insert(client, "fills", fills)
        place = {"run_id": run, "account_id": account, "ts": rows.FIRST_DAY}
        rows.insert(client, "orders", [place | {"order_id": f"o-{account}"}, place | {"order_id": "alien"}])
        rows.insert(client, "order_results", [place | {"order_id": f"o-{account}", "session_id": "s"}])
    return run


def written(client: Client, folder: Path, chosen: Selection, name: str = "parquet") -> Path:
    path = folder / f"{chosen.name}.{name}"
    with path.open("wb") as file:
        export_rows(client, chosen, name, file)
    return path


def read(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".csv":
        table = pyarrow.csv.read_csv(path)
    elif path.suffix == ".arrow":
        table = pa.ipc.open_file(path).read_all()
    else:
        table = pyarrow.parquet.read_table(path)
    found: list[dict[str, Any]] = table.to_pylist()
    return found


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_holds_the_rows_of_clickhouse(name: str, client: Client, run_id: str, tmp_path: Path) -> None:
    found = read(written(client, tmp_path, Selection("fills", run_id, account_id="A"), name))
    query = "SELECT quantity, price FROM fills FINAL WHERE run_id = {run:String} AND account_id = 'A' ORDER BY offset"
    expected = [tuple(row) for row in client.query(query, {"run": run_id}).result_rows]
    assert len(found) == FILLS
    assert sorted((Decimal(str(row["quantity"])), Decimal(str(row["price"]))) for row in found) == sorted(expected)


def test_the_same_cut_gives_the_same_bytes(client: Client, run_id: str, tmp_path: Path) -> None:
    chosen = Selection("fills", run_id)
    first, second = (written(client, tmp_path, chosen, "csv").read_bytes() for _ in range(2))
    assert first == second
    assert len(first.splitlines()) == 1 + 2 * FILLS


def test_a_session_selects_its_orders_too_whose_records_name_no_session(
    client: Client, run_id: str, tmp_path: Path
) -> None:
    found = read(written(client, tmp_path, Selection("orders", run_id, session_id="s")))
    assert sorted(row["order_id"] for row in found) == ["o-A", "o-B"]
    (only,) = read(written(client, tmp_path, Selection("orders", run_id, session_id="s", account_id="B")))
    assert only["order_id"] == "o-B"


@pytest.mark.parametrize(
    ("chosen", "problem"),
    [
        (Selection("fills", "nosuch"), "fills: run nosuch has no rows"),
        (Selection("fills", "", account_id="C"), "account C"),
        (Selection("marks", "", session_id="s"), "--session s: marks has no session"),
        (Selection("equity", "", symbol="ABC"), "--symbol ABC: equity has no symbol"),
    ],
)
def test_what_selects_nothing_is_an_error(
    chosen: Selection, problem: str, client: Client, run_id: str, tmp_path: Path
) -> None:
    chosen = chosen._replace(run_id=chosen.run_id or run_id)
    with pytest.raises(InputError, match=problem):
        written(client, tmp_path, chosen)


@pytest.mark.parametrize("name", TABLES)
def test_every_table_can_be_exported(name: str, client: Client, tmp_path: Path) -> None:
    run = new_run()
    rows.insert(client, TABLES[name], [{"run_id": run}])
    assert len(read(written(client, tmp_path, Selection(name, run)))) == 1


def test_the_command_writes_whole_files_and_replaces_none_unasked(
    settings: Settings, run_id: str, tmp_path: Path
) -> None:
    def run(what: str, name: str, *arguments: str) -> tuple[int, str]:
        result = paper(settings, "export", what, "--out", str(tmp_path / name), "--run-id", run_id, *arguments)
        return result.returncode, result.stderr

    code, said = run("fills", "fills.parquet", "--account", "A")
    assert (code, f"fills.parquet: {FILLS} rows" in said) == (0, True), said
    assert len(read(tmp_path / "fills.parquet")) == FILLS
    assert run("fills", "fills.parquet")[0] == 2, "the file exists"
    assert run("fills", "fills.parquet", "--yes")[0] == 0
    assert len(read(tmp_path / "fills.parquet")) == 2 * FILLS
    assert run("fills", "none.csv", "--account", "C", "--format", "csv")[0] == 2
    assert run("nosuch", "none")[0] == 2
    assert run("fills", "none", "--format", "xls")[0] == 2
    assert [path.name for path in tmp_path.iterdir()] == ["fills.parquet"], "nothing half is left"
