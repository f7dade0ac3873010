"""`paper replay`: proving the record of the pipeline, and running it again under other settings."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from streams.evidence.replay.compare_runs import RunComparison
    from streams.evidence.replay.sweep import SweepPoint
    from streams.evidence.replay.verify import Verification

AS_JSON = typer.Option(False, "--json", help="Print JSON.")
WITH = typer.Option(None, "--with", help="YAML file: what is changed. Without it, nothing.")
DATA = typer.Option(
    [], help="An archive, instead of the topics; a folder of market data files, instead of market.data; or both."
)
ALONE = typer.Option(False, help="Read no record: the strategies of --with, on files, under the settings.")
ACCOUNT_COLUMNS = ("account_id", "what", "a", "b", "change")
FIGURES = ("fills", "fees", "realised", "equity", "drawdown", "rejects", "trips")
ORDER_COLUMNS = (
    "account_id", "order_id", "symbol", "side", "status_a", "status_b", "quantity_a", "quantity_b", "avg_px_a",
    "avg_px_b", "why",
)  # fmt: skip
RUN_COLUMNS = ("run_id", "base_run_id", "inputs", "outputs", "what_if", "outputs_sha256", "recorded_at")


def register(app: typer.Typer) -> None:
    """Adds the group's commands."""
    group = typer.Typer(help="Prove the record, or run it again under other settings.", no_args_is_help=True)
    group.command()(verify)
    group.command()(run)
    group.command()(compare)
    group.command()(sweep)
    group.command("list")(list_runs)
    app.add_typer(group, name="replay")


def verify(
    session: str = typer.Option(None, help="Compare only records of this session."),
    from_: str = typer.Option(None, "--from", help="Compare only from this market time on, UTC: 2013-10-09T14:00:00."),
    to: str = typer.Option(None, help="Compare only before this market time, UTC."),
    from_snapshot: bool = typer.Option(False, help="Make and compare only what came after the newest snapshots."),
    as_json: bool = AS_JSON,
    record: bool = typer.Option(False, help="Record the outcome on test.results, for the gate."),
) -> None:
    """Runs the core over the journals and compares its outputs with the topics, byte for byte.

    Exit code 1 if a record differs.
    """
    from infra.gc_tuning import collect_rarely
    from infra.settings import get_settings
    from schemas.avro.codec import Codec
    from schemas.registry import Registry
    from streams.cli.times import nanoseconds
    from streams.evidence.replay.verify import verify as run
    from streams.evidence.replay.verify_scope import VerifyScope
    from streams.pipeline.journal.kafka_log import KafkaLogReader
    from streams.pipeline.reference.load_config import core_config

    settings = get_settings()
    collect_rarely()
    scope = VerifyScope(session_id=session, from_ns=nanoseconds("--from", from_), to_ns=nanoseconds("--to", to))
    if record and not (scope.is_everything and not from_snapshot):
        raise typer.BadParameter("--record is for the whole record: leave --session, --from, --to, --from-snapshot out")
    reader, codec = KafkaLogReader(settings), Codec(Registry(settings))
    result = run(core_config(settings), reader, codec, say, scope, from_snapshot)
    if record:
        from streams.evidence.gate.gate_desk import GateDesk, head_commit
        from streams.evidence.gate.proof_results import replay_results

        results = replay_results(result, settings.run_id, head_commit(), time.time_ns())
        GateDesk(settings).record_tests(results)
    print_verification(result, as_json)


def print_verification(result: Verification, as_json: bool) -> None:
    """Prints what was compared; exit code 1 where something differs."""
    if as_json:
        document = {
            "passed": result.passed,
            "transactions": result.transactions,
            "checked": result.checked,
            "differences": result.differences,
        }
        print(json.dumps(document, indent=2))
    else:
        for topic, count in sorted(result.checked.items()):
            print(f"{topic:<20} {count:>10} records equal")
        for sentence in result.differences:
            print(f"differs: {sentence}")
        print(f"{result.transactions} transactions replayed: {'all equal' if result.passed else 'NOT equal'}")
    if not result.passed:
        raise typer.Exit(1)


def run(
    run_id: str = typer.Option(..., help="Name of the run in every row; ^[\\w.-]+$."),
    with_: Path = WITH,
    data: list[Path] = DATA,
    strategies_only: bool = ALONE,
    as_json: bool = AS_JSON,
) -> None:
    """Sends recorded orders again, under other settings, into rows of a run of its own; topics are only read.

    Strategies that --with names trade anew on the replayed market.
    """
    from contextlib import closing

    from infra.clickhouse.client import connect
    from infra.gc_tuning import collect_rarely
    from infra.settings import get_settings
    from streams.evidence.replay import run_register
    from streams.evidence.replay.input_source import open_source
    from streams.evidence.replay.simulate import simulate
    from streams.evidence.replay.what_if import WhatIf
    from streams.pipeline.sink.tables import Tables

    settings = get_settings().model_copy(update={"run_id": run_id})
    collect_rarely()
    what_if = WhatIf.read(with_) if with_ else WhatIf()
    if strategies_only:
        what_if.require_strategies()
    source = open_source(get_settings(), data, strategies_only, say)
    with closing(connect(settings)) as client:
        if run_register.is_registered(client, run_id, what_if, source.name):
            say(f"run {run_id} is there already")
            return
        inputs = source.inputs(bool(what_if.strategies))
        with closing(Tables(settings, lambda seconds: None)) as tables:
            result = simulate(run_id, source.config, inputs, what_if, tables, lambda taken: say(f"{taken:,} inputs"))
        run_register.register_run(client, result, source.name)
    for sentence in result.refused:
        say(f"refused: {sentence}")
    if as_json:
        print(json.dumps({"run_id": run_id, "inputs": result.inputs, "outputs": result.outputs,
                          "outputs_sha256": result.outputs_sha256}))  # fmt: skip
    else:
        print(f"run {run_id}: {result.inputs:,} inputs, {result.outputs:,} records, sha256 {result.outputs_sha256}")


def compare(
    a: str = typer.Argument(help="A run id; the recorded run's is RUN_ID."),
    b: str = typer.Argument(help="Another."),
    most: int = typer.Option(20, min=1, help="Changed orders to show."),
    as_json: bool = AS_JSON,
) -> None:
    """Shows what each account came to in two runs, and the orders whose fate changed, with why."""
    from contextlib import closing

    from infra.clickhouse.client import connect
    from infra.settings import get_settings
    from streams.evidence.replay.compare_runs import compare_runs

    with closing(connect(get_settings())) as client:
        result = compare_runs(client, a, b, most)
    if as_json:
        document = {"accounts": result.accounts, "orders": result.orders, "changed": result.changed}
        print(json.dumps(document, indent=2, default=str))
    else:
        _print_comparison(result)


def _print_comparison(result: RunComparison) -> None:
    from streams.cli.output import print_rows

    rows = [
        {"account_id": row["account_id"], "what": name, "a": a, "b": b, "change": b - a}
        for row in result.accounts
        for name in FIGURES
        if (a := row[f"{name}_a"]) != (b := row[f"{name}_b"]) or name in ("fills", "equity")
    ]
    print(f"a: {result.run_a}, b: {result.run_b}")
    print_rows(rows, ACCOUNT_COLUMNS, as_json=False)
    print(f"{result.changed} orders ended otherwise")
    if result.orders:
        print_rows([row | {"why": _why(row)} for row in result.orders], ORDER_COLUMNS, as_json=False)


def _why(row: dict[str, Any]) -> str:
    return " → ".join(str(row[f"reason_{side}"] or row[f"status_{side}"]) for side in "ab")


def sweep(
    grid: Path = typer.Option(..., help="YAML: dotted names of what is changed, each with its values."),
    name: str = typer.Option("sweep", help="Beginning of the runs' names."),
    with_: Path = WITH,
    data: list[Path] = DATA,
    strategies_only: bool = ALONE,
    jobs: int = typer.Option(os.cpu_count(), min=1, help="Runs at a time."),
    as_json: bool = AS_JSON,
) -> None:
    """Runs every combination of a grid; started again, it does what is left. Each counts as a trial for the gate."""
    from tempfile import TemporaryDirectory

    from infra.settings import get_settings
    from streams.cli.archive import write
    from streams.evidence.replay.archive import MANIFEST
    from streams.evidence.replay.sweep import read_grid, sweep_points
    from streams.evidence.replay.sweep import sweep as run
    from streams.evidence.replay.what_if import read_document

    settings = get_settings()
    chosen = sweep_points(name, read_grid(grid), read_document(with_) if with_ else {})
    if strategies_only:
        for point in chosen:
            point.what_if.require_strategies()
    with TemporaryDirectory(prefix="paper-sweep-") as folder:
        if not strategies_only and not any((path / MANIFEST).is_file() for path in data):
            archive = Path(folder) / "archive"
            write(archive)
            data = [archive, *data]
        run(settings, data, strategies_only, chosen, jobs, lambda run_id, left: say(f"{run_id} is done, {left} left"))
    _print_sweep(chosen, as_json)


def _print_sweep(chosen: list[SweepPoint], as_json: bool) -> None:
    from contextlib import closing

    from infra.clickhouse.client import connect, query_file
    from infra.settings import get_settings
    from streams.cli.output import print_rows
    from streams.evidence.replay.sweep import point_texts

    with closing(connect(get_settings())) as client:
        result = client.query(query_file("replay_summary"), parameters={"run_ids": [point.run_id for point in chosen]})
    found = {row[0]: dict(zip(result.column_names, map(str, row), strict=True)) for row in result.result_rows}
    rows = [dict(point_texts(point)) | found[point.run_id] for point in chosen]
    columns = list(dict.fromkeys([*chosen[0].values, *result.column_names]))
    print_rows(rows, columns, as_json)


def list_runs(as_json: bool = AS_JSON) -> None:
    """Shows the re-simulations that are finished."""
    from contextlib import closing

    from infra.clickhouse.client import connect
    from infra.settings import get_settings
    from streams.cli.output import print_rows

    query = f"SELECT {', '.join(RUN_COLUMNS)} FROM replay_runs FINAL ORDER BY recorded_at"
    with closing(connect(get_settings())) as client:
        rows = client.query(query).result_rows
    print_rows([dict(zip(RUN_COLUMNS, map(str, row), strict=True)) for row in rows], RUN_COLUMNS, as_json)


def say(text: str) -> None:
    """Progress."""
    print(text, file=sys.stderr, flush=True)
