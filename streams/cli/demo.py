"""`paper demo`: runs a whole paper-trading session, from market data to reconciled results."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from streams.cli.options import JSON

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.settings import Settings
    from streams.pipeline.feed.table import MarketTable
    from streams.tools.demo.demo_summary import DemoSummary
    from streams.tools.demo.demonstration import DemoProgress, DemoResult

RESULT_COLUMNS = ("result", "reason", "count")
FILL_COLUMNS = ("symbol", "liquidity", "fills", "quantity", "notional", "commission", "currency")
AMOUNTS = ("opening_cash", "equity", "pnl", "realised_pnl", "commission", "currency")
ACCOUNT_COLUMNS = ("account", "simulator", "fills", *AMOUNTS)
COMPARED_COLUMNS = ("account", "simulator", "fills", "pnl", "commission", "currency")
ARRIVAL_COLUMNS = ("session", "orders", "median_ms", "p99_ms", "max_ms")
POSITION_COLUMNS = ("account", "symbol", "quantity", "avg_px", "realised_pnl")


def register(app: typer.Typer) -> None:
    """Adds the command to `paper`."""
    app.command()(demo)


def demo(
    data: Path = typer.Option(None, help="Folder of recorded quotes and trades; default: a synthetic market."),
    seconds: float = typer.Option(60.0, min=5, help="Length of the synthetic market, in seconds."),
    workers: int = typer.Option(1, min=1, help="Number of worker processes."),
    as_json: bool = JSON,
) -> None:
    """Starts everything, trades three example strategies on every symbol, and proves the result.

    Exit code 1 if the result does not reconcile.
    """
    from infra.settings import get_settings
    from schemas.avro.codec import Codec
    from schemas.registry import Registry
    from streams.cli.output import say
    from streams.errors import InputError
    from streams.pipeline.feed.read_folder import read_folder
    from streams.pipeline.prepare import start_servers_with_tables
    from streams.tools.demo.demo_market import synthetic_market
    from streams.tools.demo.demo_summary import summarise
    from streams.tools.demo.demonstration import run_demo
    from streams.tools.demo.namespace import NAME, fresh_namespace

    settings = get_settings()
    if data is not None and settings.time_source == "record":
        raise InputError("--data: a recorded market has its own time, not Kafka's; set TIME_SOURCE=event")
    table = synthetic_market(settings, seconds) if data is None else read_folder(data, say)
    start_servers_with_tables(settings, on_progress=say)
    settings = fresh_namespace(settings, NAME, say)
    with _display(table) as show:
        result = run_demo(settings, table, 1.0 if data is None else None, workers, say, show)
    summary = summarise(result.settings, Codec(Registry(result.settings)))
    if as_json:
        _print_json(result, summary)
    else:
        _print_tables(result, summary)
    if not result.report.passed:
        raise typer.Exit(1)


@contextmanager
def _display(table: MarketTable) -> Iterator[Callable[[DemoProgress], None]]:
    """Shows progress on stderr: market updates fed, requests sent, results received."""
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
    from streams.cli.proof_output import print_reconciliation

    print("\nOrders by result")
    print_rows(summary.results, RESULT_COLUMNS, as_json=False)
    print("Fills")
    print_rows(summary.fills, FILL_COLUMNS, as_json=False)
    print("Accounts")
    print_rows(summary.accounts, ACCOUNT_COLUMNS, as_json=False)
    if summary.compared:
        print("The same strategy on two simulators")
        print_rows(summary.compared, COMPARED_COLUMNS, as_json=False)
    if summary.mock:
        print(f"{summary.mock}\n")
    print("Positions")
    print_rows(summary.positions, POSITION_COLUMNS, as_json=False)
    print("From decision to arrival at the venue, in market time")
    print_rows(summary.arrivals, ARRIVAL_COLUMNS, as_json=False)
    print("Reconciliation")
    print_reconciliation(result.report)
    print(_next_steps(result.settings))


def _next_steps(settings: Settings) -> str:
    from infra.clickhouse.users import READER, credentials_folder

    host, port = settings.clickhouse_host_port
    password = f"$(cat {credentials_folder(settings) / READER})"
    query = f"SELECT symbol, sum(notional) FROM {settings.clickhouse_database}.fills GROUP BY symbol FORMAT Pretty"
    return (
        f"\nThe session's topics begin with {settings.topic_prefix}, its rows have run_id = '{settings.run_id}'.\n"
        "Next:\n"
        f"  export TOPIC_PREFIX={settings.topic_prefix} RUN_ID={settings.run_id}\n"
        "  ./paper replay verify    computes every record again and compares it byte for byte\n"
        "  ./paper results          shows the result of each order\n"
        "  ./paper serve            shows all of it in the console at http://127.0.0.1:8800; sign in with the key of\n"
        "                           ./paper access key NAME --role operator\n"
        f"  curl -u \"{READER}:{password}\" http://{host}:{port} --data-binary '{query}'\n"
        "  ./paper down             stops the stack; the data stays"
    )


def _print_json(result: DemoResult, summary: DemoSummary) -> None:
    from streams.cli.proof_output import reconciliation_document

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
        "compared": summary.compared,
        "mock": summary.mock,
        "arrivals": summary.arrivals,
        "reconciliation": reconciliation_document(result.report),
    }
    print(json.dumps(document, indent=2))
