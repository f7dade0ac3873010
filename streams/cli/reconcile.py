"""`paper reconcile`: the proof that everything agrees."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from streams.evidence.reconcile import Reconciliation


def register(app: typer.Typer) -> None:
    """Adds the group's commands."""
    app.command()(reconcile)


def reconcile(
    wait: float = typer.Option(60.0, min=0, help="Seconds to wait for the sink to land what Kafka holds."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
    record: bool = typer.Option(False, help="Record the outcome on test.results, for the gate."),
) -> None:
    """Checks orders, fills, money and rows, from Kafka and from ClickHouse, of a pipeline at rest.

    Exit code 1 if anything differs, 2 if it can't be checked.
    """
    from infra.errors import PaperError
    from infra.settings import get_settings
    from streams.evidence.reconcile import reconcile as run

    try:
        report = run(get_settings(), lambda text: print(text, file=sys.stderr, flush=True), wait)
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
        print(json.dumps(as_document(report), indent=2))
    else:
        print_report(report)
    if not report.passed:
        raise typer.Exit(1)


def as_document(report: Reconciliation) -> dict[str, Any]:
    """The report as JSON."""
    checks = [
        {
            "name": check.name,
            "source": check.source,
            "passed": check.passed,
            "checked": check.checked,
            "different": check.different,
            "differences": check.differences,
        }
        for check in report.checks
    ]
    return {
        "passed": report.passed,
        "counts": report.counts,
        "dead_letters": report.dead_letters,
        "checks": checks,
    }


def print_report(report: Reconciliation) -> None:
    """The report for people."""
    for check in report.checks:
        print(f"{'ok' if check.passed else 'DIFFERS':<8} {check.source:<10} {check.checked:>9}  {check.name}")
        for sentence in check.differences:
            print(f"         {sentence}")
    print(", ".join(f"{name.replace('_', ' ')} {count}" for name, count in report.counts.items()))
    for topic, count in sorted(report.dead_letters.items()):
        print(f"{topic}: {count} records were refused; their headers say why")
    print("everything reconciles" if report.passed else "NOT reconciled")
