"""`paper reconcile`: proves that orders, fills, money and rows agree."""

from __future__ import annotations

import json
import sys
import time

import typer

from streams.cli.options import JSON


def register(app: typer.Typer) -> None:
    """Adds the command to `paper`."""
    app.command()(reconcile)


def reconcile(
    wait: float = typer.Option(60.0, min=0, help="Most seconds to wait until ClickHouse has every record of Kafka."),
    as_json: bool = JSON,
    record: bool = typer.Option(False, help="Record the result on the topic test.results, for `paper gate watch`."),
) -> None:
    """Checks that orders, fills, money and rows agree, in Kafka and in ClickHouse.

    Stop sending orders and market data first. Exit code 1 if anything differs, 2 if it can't be checked: records are
    still being written, there is nothing to compare, or a server is away.
    """
    from infra.errors import PaperError
    from infra.settings import get_settings
    from streams.cli.output import say
    from streams.cli.proof_output import print_reconciliation, reconciliation_document
    from streams.evidence.reconcile import reconcile as run

    try:
        report = run(get_settings(), say, wait)
    except PaperError as error:
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(2) from error
    if record:
        from streams.evidence.gate.gate_desk import GateDesk, head_commit
        from streams.evidence.gate.proof_results import reconcile_results

        settings = get_settings()
        results = reconcile_results(report, settings.run_id, head_commit(), time.time_ns())
        GateDesk(settings).record_tests(results)
    if as_json:
        print(json.dumps(reconciliation_document(report), indent=2))
    else:
        print_reconciliation(report)
    if not report.passed:
        raise typer.Exit(1)
