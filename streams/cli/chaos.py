"""`paper chaos`: kills processes of a pipeline under load and proves that nothing is lost or duplicated."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import typer

from streams.cli.options import JSON

if TYPE_CHECKING:
    from streams.tools.chaos.drill import ChaosResult


def register(app: typer.Typer) -> None:
    """Adds the command to `paper`."""
    app.command()(chaos)


def chaos(
    kills: int = typer.Option(20, min=0, help="Number of processes to kill."),
    seed: int = typer.Option(1, help="Seed that draws the processes, the moments and the orders."),
    workers: int = typer.Option(2, min=1, help="Number of workers."),
    as_json: bool = JSON,
) -> None:
    """Kills workers, sink, ClickHouse and Kafka under load (kill -9) and proves that nothing is lost or duplicated.

    Runs on a stack of its own in a temporary folder. Exit code 1 if an order is lost, if anything happens twice, or if
    the record does not reconcile or replay.
    """
    from infra.settings import get_settings
    from streams.cli.output import say
    from streams.tools.chaos.drill import run_chaos

    result = run_chaos(get_settings(), kills, seed, workers, say)
    if as_json:
        print(json.dumps(_document(result)))
    else:
        _print(result)
    if not result.passed:
        raise typer.Exit(1)


def proven(result: ChaosResult) -> dict[str, Any]:
    """Returns what every drill found, for --json."""
    return {
        "kills": result.kills,
        "orders": result.orders,
        "fills": result.fills,
        "lost": result.lost,
        "duplicated": result.duplicated,
        "recovery_s_median": round(result.median_s, 2),
        "recovery_s_worst": round(result.worst_s, 2),
        "recoveries_s": {victim: [round(item, 2) for item in found] for victim, found in result.recoveries_s.items()},
        "transactions": result.transactions,
        "differences": result.differences,
    }


def print_proof(result: ChaosResult) -> None:
    """Prints what differs, and whether the record holds."""
    for sentence in result.differences:
        print(f"differs: {sentence}")
    proof = "the record reconciles and replays" if result.passed else "the record does NOT reconcile and replay"
    print(f"{result.transactions} transactions: {proof}")


def _document(result: ChaosResult) -> dict[str, Any]:
    memory = {"rss_mb_start": round(result.rss_mb_start, 1), "rss_mb_end": round(result.rss_mb_end, 1)}
    return proven(result) | memory


def _print(result: ChaosResult) -> None:
    print(f"{result.kills} kills under {result.orders} orders and {result.fills} fills")
    for victim, found in result.recoveries_s.items():
        print(f"  {victim:<12}{len(found):>3} times, back at work after {min(found):.1f} to {max(found):.1f} s")
    print(f"lost {result.lost}, duplicated {result.duplicated}")
    print(f"recovery: median {result.median_s:.1f} s, worst {result.worst_s:.1f} s")
    print(f"memory of workers and sink: {result.rss_mb_start:.0f} MB at first, {result.rss_mb_end:.0f} MB at the end")
    print_proof(result)
