"""`paper demo`: a whole paper-trading session, from market data to reconciled results."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.settings import Settings
    from streams.pipeline.feed.table import MarketTable
    from streams.tools.demo.demo_summary import DemoSummary
    from streams.tools.demo.demonstration import DemoProgress, DemoResult

RESULT_COLUMNS = ("result", "reason", "count")
FILL_COLUMNS = ("symbol", "liquidity", "fills", "quantity", "notional", "commission", "currency")
ACCOUNT_COLUMNS = ("account", "fills", "opening_cash", "equity", "pnl", "realised_pnl", "commission", "currency")
POSITION_COLUMNS = ("account", "symbol", "quantity", "avg_px", "realised_pnl")


def register(app: typer.Typer) -> None:
    """Adds the group's commands."""
    app.command()(demo)


def demo(
    data: Path = typer.Option(None, help="Folder of recorded quotes and trades; else a seeded synthetic market."),
    seconds: float = typer.Option(60.0, min=5, help="Length of the synthetic market."),
    workers: int = typer.Option(1, min=1, help="Worker processes."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Starts the stack, trades three example strategies on every symbol, and proves the result.

    Exit code 1 if anything does not reconcile.
    """
    from infra.settings import get_settings
    from schemas.avro.codec import Codec
    from schemas.registry import Registry
    from streams.pipeline.feed.read_folder import read_folder
    from streams.pipeline.prepare import start_prepared_servers
    from streams.tools.demo.demo_market import synthetic_market
    from streams.tools.demo.demo_summary import summarise
    from streams.tools.demo.demonstration import run_demo
    from streams.tools.demo.namespace import NAME, fresh_namespace

    settings = get_settings()
    table = synthetic_market(settings, seconds) if data is None else read_folder(data, _say)
    start_prepared_servers(settings, on_progress=_say)
    settings = fresh_namespace(settings, NAME, _say)
    with _display(table) as show:
        result = run_demo(settings, table, 1.0 if data is None else None, workers, _say, show)
    summary = summarise(result.settings, Codec(Registry(result.settings)))
    if as_json:
        _print_json(result, summary)
    else:
        _print_tables(result, summary)
    if not result.report.passed:
        raise typer.Exit(1)


@contextmanager
def _display(table: MarketTable) -> Iterator[Callable[[DemoProgress], None]]:
    """A live line on stderr: market fed, requests sent, results received."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Display

    columns = (
        TextColumn("market updates"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("requests {task.fields[requests]}  results {task.fields[results]}"),
        TimeElapsedColumn(),
    )
    console = Console(stderr=True)
    with Display(*columns, console=console, disable=not console.is_terminal) as display:
        task = display.add_task("demo", total=len(table), requests=0, results=0)
        yield lambda progress: display.update(
            task, completed=progress.updates, requests=progress.requests, results=progress.results
        )


def _print_tables(result: DemoResult, summary: DemoSummary) -> None:
    from streams.cli.output import print_rows
    from streams.cli.reconcile import print_report

    print("\nOrders by result")
    print_rows(summary.results, RESULT_COLUMNS, as_json=False)
    print("Fills")
    print_rows(summary.fills, FILL_COLUMNS, as_json=False)
    print("Accounts")
    print_rows(summary.accounts, ACCOUNT_COLUMNS, as_json=False)
    print("Positions")
    print_rows(summary.positions, POSITION_COLUMNS, as_json=False)
    print("Reconciliation")
    print_report(result.report)
    print(_next_steps(result.settings))


def _next_steps(settings: Settings) -> str:
    query = f"SELECT symbol, sum(notional) FROM {settings.clickhouse_database}.fills GROUP BY symbol FORMAT Pretty"
    return (
        f"\nThis session's topics are {settings.topic_prefix}*, its rows have run_id = '{settings.run_id}'. Next:\n"
        f"  export TOPIC_PREFIX={settings.topic_prefix} RUN_ID={settings.run_id}\n"
        "  ./paper replay verify    the core makes every record again, byte for byte\n"
        "  ./paper results          what each order came to\n"
        f"  curl {settings.clickhouse_url} --data-binary '{query}'\n"
        "  ./paper down             stops the stack; the data stays"
    )


def _print_json(result: DemoResult, summary: DemoSummary) -> None:
    from streams.cli.reconcile import as_document

    document = {
        "run_id": result.settings.run_id,
        "topic_prefix": result.settings.topic_prefix,
        "updates": result.feed.updates,
        "quotes": result.feed.quotes,
        "feed_seconds": round(result.feed.seconds, 3),
        "requests": result.requests,
        "results": summary.results,
        "fills": summary.fills,
        "accounts": summary.accounts,
        "positions": summary.positions,
        "reconciliation": as_document(result.report),
    }
    print(json.dumps(document, indent=2))


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
