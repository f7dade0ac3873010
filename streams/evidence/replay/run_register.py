"""The register of finished re-simulations, the table replay_runs."""

from datetime import UTC, datetime

from clickhouse_connect.driver.client import Client

from streams import __version__
from streams.errors import InputError
from streams.evidence.metrics.conventions import DEFAULTS
from streams.evidence.query_rows import query_rows
from streams.evidence.replay.simulate import ReplayRun
from streams.evidence.replay.what_if import WhatIf

COLUMNS = (
    "run_id",
    "base_run_id",
    "what_if",
    "what_if_sha256",
    "strategies",
    "inputs",
    "outputs",
    "outputs_sha256",
    "code_version",
    "recorded_at",
)
VARIANT_COLUMNS = ("strategy_id", "code_sha256", "parameters", "currency", "days", "daily_sharpe")


def is_registered(client: Client, run_id: str, what_if: WhatIf, base: str) -> bool:
    """Returns whether this run is finished. base: name of its source. Raises InputError if another run has its name."""
    found = client.query(
        "SELECT what_if_sha256, base_run_id FROM replay_runs FINAL WHERE run_id = {run_id:String}",
        parameters={"run_id": run_id},
    ).result_rows
    if found and found[0] != (what_if.sha256, base):
        other = "changed something else" if found[0][0] != what_if.sha256 else f"ran over {found[0][1]}, not {base}"
        raise InputError(f"run {run_id} exists and {other}; choose another --run-id")
    if not found:
        _refuse_recorded(client, run_id)
    return bool(found)


def _refuse_recorded(client: Client, run_id: str) -> None:
    """Raises InputError if the run was recorded, that is, has market data: nothing may be added to a recording."""
    query = "SELECT count() FROM market_data WHERE run_id = {run_id:String}"
    ((rows,),) = client.query(query, parameters={"run_id": run_id}).result_rows
    if rows:
        raise InputError(f"run {run_id} is a recorded one; choose another --run-id")


def register_run(client: Client, run: ReplayRun, base: str) -> None:
    """Adds a finished run with the results of its strategies' variants. base: name of its source.

    Raises ClickHouseError: its rows can't be read.
    """
    _register_variants(client, run.run_id)
    row = (
        run.run_id,
        base,
        run.what_if.as_json,
        run.what_if.sha256,
        list(run.strategies),
        run.inputs,
        run.outputs,
        run.outputs_sha256,
        __version__,
        datetime.now(UTC),
    )
    client.insert("replay_runs", [row], column_names=COLUMNS)


def _register_variants(client: Client, run_id: str) -> None:
    rows = query_rows(client, "gate_variants", {"run_id": run_id, "time_zone": DEFAULTS.time_zone}, f"run {run_id}")
    if rows:
        found = [[run_id, *(row[name] for name in VARIANT_COLUMNS)] for row in rows]
        client.insert("replay_variants", found, column_names=["run_id", *VARIANT_COLUMNS])
