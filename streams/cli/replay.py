"""`paper replay`: proves the record of the pipeline, and runs it again under other settings."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from streams.cli.command_group import add_group
from streams.cli.options import JSON, JSON_LINES
from streams.cli.replay_options import DATA, STRATEGIES_ONLY, WITH
from streams.cli.replay_sweep import plain, sweep_grid
from streams.cli.replay_walk import walk_grid

if TYPE_CHECKING:
    from streams.evidence.replay.compare_runs import RunComparison
    from streams.evidence.replay.simulate import ReplayRun
    from streams.evidence.replay.what_if import WhatIf

ACCOUNT_COLUMNS = ("account_id", "figure", "a", "b", "change")
FIGURES = ("fills", "fees", "realised", "equity", "drawdown", "rejects", "trips")
ORDER_COLUMNS = (
    "account_id", "order_id", "symbol", "side", "status_a", "status_b", "quantity_a", "quantity_b", "avg_px_a",
    "avg_px_b", "why",
)  # fmt: skip
RUN_COLUMNS = ("run_id", "base_run_id", "inputs", "outputs", "what_if", "outputs_sha256", "recorded_at")


def register(app: typer.Typer) -> None:
    """Adds the commands to `paper`."""
    add_group(
        app,
        "replay",
        "Proves the record by computing it again, or runs it again under other settings.",
        {
            "verify": verify_record,
            "run": run_again,
            "compare": compare_runs,
            "sweep": sweep_grid,
            "walk-forward": walk_grid,
            "list": list_runs,
        },
    )


def verify_record(
    session: str = typer.Option(None, help="Id of a session; only its records are compared."),
    from_: str = typer.Option(
        None, "--from", help="UTC market time from which records are compared, such as 2013-10-09T14:00:00."
    ),
    to: str = typer.Option(None, help="UTC market time before which records are compared."),
    from_snapshot: bool = typer.Option(False, help="Start at the newest snapshots, not at the beginning."),
    as_json: bool = JSON,
    record: bool = typer.Option(False, help="Record the result on the topic test.results, for `paper gate watch`."),
) -> None:
    """Proves that the record is right: computes every record again and compares it byte for byte.

    The pipeline may trade on: the proof ends at the transactions that stand when it begins, and names them. Exit code 1
    if a record differs, 2 if there is nothing to compare.
    """
    from infra.gc_tuning import collect_rarely
    from infra.kafka.partition_check import check_partitions
    from infra.settings import get_settings
    from schemas.avro.codec import Codec
    from schemas.registry import Registry
    from streams.cli.output import say
    from streams.cli.proof_output import print_verification
    from streams.cli.times import parse_time
    from streams.evidence.replay.verify import verify
    from streams.evidence.replay.verify_scope import VerifyScope
    from streams.pipeline.journal.kafka_log import KafkaLogReader
    from streams.pipeline.reference.load_config import core_config

    settings = get_settings()
    check_partitions(settings)
    collect_rarely()
    scope = VerifyScope(session_id=session, from_ns=parse_time("--from", from_), to_ns=parse_time("--to", to))
    if record and not (scope.is_everything and not from_snapshot):
        raise typer.BadParameter(
            "--record needs a verification of the whole record; remove --session, --from, --to and --from-snapshot"
        )
    reader, codec = KafkaLogReader(settings), Codec(Registry(settings))
    result = verify(core_config(settings), reader, codec, say, scope, from_snapshot)
    if record:
        from streams.evidence.gate.gate_desk import GateDesk, head_commit
        from streams.evidence.gate.proof_results import replay_results

        results = replay_results(result, settings.run_id, head_commit(), time.time_ns())
        GateDesk(settings).record_tests(results)
    print_verification(result, as_json)


def run_again(
    run_id: str = typer.Option(..., help="Name of the new run: letters, digits, _, - and dots."),
    with_: Path = WITH,
    data: list[Path] = DATA,
    strategies_only: bool = STRATEGIES_ONLY,
    as_json: bool = JSON,
) -> None:
    """Sends the recorded orders again under other settings, and stores the results as a new run in ClickHouse.

    Strategies that --with names trade anew on the replayed market. Topics are only read.
    """
    from streams.evidence.replay.what_if import WhatIf

    what_if = WhatIf.read(with_) if with_ else WhatIf()
    if strategies_only:
        what_if.require_strategies()
    result = _simulate(run_id, what_if, data, strategies_only)
    if result is None:
        return
    if as_json:
        print(json.dumps({"run_id": run_id, "inputs": result.inputs, "outputs": result.outputs,
                          "outputs_sha256": result.outputs_sha256}))  # fmt: skip
    else:
        print(f"run {run_id}: {result.inputs:,} inputs, {result.outputs:,} records, sha256 {result.outputs_sha256}")


def _simulate(run_id: str, what_if: WhatIf, data: list[Path], strategies_only: bool) -> ReplayRun | None:
    """Runs a re-simulation and stores its rows. Returns None if the same run is finished already."""
    from contextlib import closing

    from infra.clickhouse.client import connect
    from infra.gc_tuning import collect_rarely
    from infra.settings import get_settings
    from streams.cli.output import say
    from streams.evidence.replay import run_register
    from streams.evidence.replay.input_source import open_source
    from streams.evidence.replay.simulate import simulate
    from streams.pipeline.sink.tables import Tables

    settings = get_settings().model_copy(update={"run_id": run_id})
    collect_rarely()
    source = open_source(get_settings(), data, strategies_only, say)
    with closing(connect(settings)) as client:
        if run_register.is_registered(client, run_id, what_if, source.name):
            say(f"run {run_id} is finished already, with the same changes")
            return None
        inputs = source.inputs(bool(what_if.strategies))
        with closing(Tables(settings, lambda seconds: None)) as tables:
            result = simulate(run_id, source.config, inputs, what_if, tables, lambda taken: say(f"{taken:,} inputs"))
        run_register.register_run(client, result, source.name)
    for sentence in result.refused:
        say(f"refused: {sentence}")
    return result


def compare_runs(
    a: str = typer.Argument(help="Id of a run; the recorded run is the setting RUN_ID, by default live."),
    b: str = typer.Argument(help="Id of the run to compare it with."),
    most: int = typer.Option(20, min=1, help="Most changed orders to show."),
    as_json: bool = JSON,
) -> None:
    """Compares two runs: the results of each account, and the orders that ended differently, with the reasons."""
    from contextlib import closing

    from infra.clickhouse.client import connect
    from infra.settings import get_settings
    from streams.evidence.replay.compare_runs import compare_runs as compare

    with closing(connect(get_settings())) as client:
        result = compare(client, a, b, most)
    if as_json:
        document = {"accounts": result.accounts, "orders": result.orders, "changed": result.changed}
        print(json.dumps(document, indent=2, default=str))
    else:
        _print_comparison(result)


def _print_comparison(result: RunComparison) -> None:
    from streams.cli.output import print_rows

    rows = [
        {"account_id": row["account_id"], "figure": name, "a": a, "b": b, "change": b - a}
        for row in result.accounts
        for name in FIGURES
        if (a := row[f"{name}_a"]) != (b := row[f"{name}_b"]) or name in ("fills", "equity")
    ]
    print(f"a: {result.run_a}, b: {result.run_b}")
    print_rows(rows, ACCOUNT_COLUMNS, as_json=False)
    print(f"{result.changed} orders ended differently")
    if result.orders:
        print_rows([row | {"why": _why(row)} for row in result.orders], ORDER_COLUMNS, as_json=False)


def _why(row: dict[str, Any]) -> str:
    return " → ".join(str(row[f"reason_{side}"] or row[f"status_{side}"]) for side in "ab")


def list_runs(as_json: bool = JSON_LINES) -> None:
    """Lists the finished runs of `paper replay run` and `paper replay sweep`."""
    from contextlib import closing

    from infra.clickhouse.client import connect
    from infra.settings import get_settings
    from streams.cli.output import print_rows

    query = f"SELECT {', '.join(RUN_COLUMNS)} FROM replay_runs FINAL ORDER BY recorded_at"
    with closing(connect(get_settings())) as client:
        rows = client.query(query).result_rows
    print_rows([dict(zip(RUN_COLUMNS, map(plain, row), strict=True)) for row in rows], RUN_COLUMNS, as_json)
