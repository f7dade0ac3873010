"""Prints the results of proofs: the verification of a record, and its reconciliation."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import typer

from streams.cli.output import show

if TYPE_CHECKING:
    from streams.evidence.reconcile import Reconciliation
    from streams.evidence.replay.verify import Verification


def print_verification(result: Verification, as_json: bool) -> None:
    """Prints the number of equal records by topic, and each difference. Exits with 1 if there is one."""
    if as_json:
        document = {
            "passed": result.passed,
            "transactions": result.transactions,
            "proved_to": result.proved_to,
            "checked": result.checked,
            "differences": result.differences,
        }
        print(json.dumps(document, indent=2))
    else:
        for topic, count in sorted(result.checked.items()):
            print(f"{topic:<20} {count:>10} records equal")
        for sentence in result.differences:
            show(f"differs: {sentence}")
        ends = ", ".join(f"{shard} #{sequence}" for shard, sequence in sorted(result.proved_to.items()))
        print(f"the proof ends at these journal records: {ends}")
        print(f"{result.transactions} transactions replayed: {'all equal' if result.passed else 'NOT equal'}")
    if not result.passed:
        raise typer.Exit(1)


def reconciliation_document(report: Reconciliation) -> dict[str, Any]:
    """Returns a reconciliation as a JSON document."""
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


def print_reconciliation(report: Reconciliation) -> None:
    """Prints each check with its differences, the counts, and the dead letters by topic."""
    for check in report.checks:
        print(f"{'ok' if check.passed else 'DIFFERS':<8} {check.source:<10} {check.checked:>9}  {check.name}")
        for sentence in check.differences:
            show(f"         {sentence}")
    print(", ".join(f"{name.replace('_', ' ')} {count}" for name, count in report.counts.items()))
    for topic, count in sorted(report.dead_letters.items()):
        print(f"{topic}: {count} records could not be processed; `paper dlq list` says why")
    print("everything reconciles" if report.passed else "NOT reconciled")
