"""`paper drill`: kills brokers of the local cluster one at a time and proves that nothing is lost or duplicated."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import typer

from streams.cli.chaos import print_proof, proven
from streams.cli.options import JSON

if TYPE_CHECKING:
    from streams.tools.chaos.broker_drill import BrokerDrillResult


def register(app: typer.Typer) -> None:
    """Adds the command to `paper`."""
    app.command()(drill)


def drill(
    kills: int = typer.Option(12, min=1, help="Number of kills; each broker is back before the next."),
    seed: int = typer.Option(1, help="Seed that draws the brokers and the orders."),
    workers: int = typer.Option(2, min=1, help="Number of workers of the drill's own pipeline."),
    yes: bool = typer.Option(False, help="Kill without asking."),
    as_json: bool = JSON,
) -> None:
    """Kills brokers of the cluster of `paper up --brokers 3` under load (kill -9), and proves the record.

    A pipeline with topics and rows of its own trades meanwhile; they are removed at the end. Exit code 1 if an order
    is lost, if anything happens twice, or if the record does not reconcile or replay.
    """
    from infra.settings import get_settings
    from streams.cli.output import say
    from streams.tools.chaos.broker_drill import cluster_brokers, drill_brokers

    settings = get_settings()
    names = ", ".join(broker.name for broker in cluster_brokers(settings))
    if not yes:
        typer.confirm(f"Kill {names} of {settings.paper_home}, {kills} times?", abort=True, err=True)
    result = drill_brokers(settings, kills, seed, workers, say)
    if as_json:
        print(json.dumps(_document(result), indent=2))
    else:
        _print(result)
    if not result.passed:
        raise typer.Exit(1)


def _document(result: BrokerDrillResult) -> dict[str, Any]:
    return proven(result) | {
        "longest_pause_s": round(result.longest_pause_s, 2),
        "returns_s": [round(item, 2) for item in result.returns_s],
    }


def _print(result: BrokerDrillResult) -> None:
    print(f"{result.kills} kills under {result.orders} orders and {result.fills} fills")
    for broker, found in result.recoveries_s.items():
        print(f"  {broker:<10}{len(found):>3} times, orders had results after {min(found):.1f} to {max(found):.1f} s")
    print(f"all copies in sync after {min(result.returns_s):.1f} to {max(result.returns_s):.1f} s")
    print(f"longest pause of a partition of results: {result.longest_pause_s:.1f} s")
    print(f"lost {result.lost}, duplicated {result.duplicated}")
    print_proof(result)
