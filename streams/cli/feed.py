"""`paper feed`: market data into the pipeline."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event, Timer
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from infra.settings import Settings
    from streams.pipeline.feed.send import Feed, FeedResult
    from streams.pipeline.feed.table import MarketTable

STOPPED = 130
"""Exit code when asked to end before all was fed, as shells have it for a command that was interrupted."""
STOP_PATIENCE_S = 8.0


def register(app: typer.Typer) -> None:
    """Adds the group's commands."""
    app.command()(feed)


def feed(
    files: list[Path] = typer.Argument(None, help="Quotes and trades files; several are merged by time."),
    speed: float = typer.Option(None, min=0.001, help="Times real time; without it as fast as the broker takes it."),
    real_time: bool = typer.Option(False, help="Same as --speed 1."),
    synthetic: bool = typer.Option(False, help="A seeded synthetic market instead of files (RUN_SEED)."),
    seconds: float = typer.Option(60.0, min=1, help="Length of the synthetic market, in market time."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Streams quotes and trades to market.data, each once: run again after a crash, it goes on where it stood."""
    from rich.console import Console
    from rich.progress import Progress

    from infra.settings import get_settings
    from schemas.avro.codec import Codec
    from schemas.registry import Registry
    from streams.pipeline.feed.send import Feed

    if synthetic == bool(files):
        raise typer.BadParameter("give files or --synthetic, one of them")
    settings = get_settings()
    table = _synthetic(settings, seconds) if synthetic else _read(files)
    going = Feed(settings, Codec(Registry(settings)), table)
    _say_where(going.row, table)
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("market.data", total=len(table), completed=going.row)
        pace = 1.0 if real_time else speed
        result = _run(going, pace, lambda row: progress.update(task, completed=row))
    _show(result, as_json)
    if result.left:
        print(f"stopped with {result.left:,} updates left: run it again to go on", file=sys.stderr)
        raise typer.Exit(STOPPED)


def _say_where(row: int, table: MarketTable) -> None:
    if row == len(table):
        print(f"these {row:,} updates were fed before: nothing to send", file=sys.stderr)
    elif row:
        at = int(table.time[row])
        print(f"resumes behind {row:,} of {len(table):,} updates, at market time {at}", file=sys.stderr)
    else:
        print(f"feeds {len(table):,} updates", file=sys.stderr)


def _run(feed: Feed, speed: float | None, on_progress: Callable[[int], None]) -> FeedResult:
    """In a thread of its own: a signal is heard also while that one waits for the broker."""
    asked = Event()

    def stop(*_: object) -> None:
        if not asked.is_set():
            asked.set()
            feed.stop()
            _leave_in(STOP_PATIENCE_S)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(feed.run, speed, on_progress).result()


def _leave_in(patience_s: float) -> None:
    """Ends the process after that time: a transaction that the broker does not take must not hold it."""

    def leave() -> None:
        print("the broker does not answer: leaving; run it again to go on", file=sys.stderr, flush=True)
        os._exit(STOPPED)

    timer = Timer(patience_s, leave)
    timer.daemon = True
    timer.start()


def _show(result: FeedResult, as_json: bool) -> None:
    rate = result.quotes / result.seconds
    if as_json:
        document = {
            "updates": result.updates,
            "quotes": result.quotes,
            "records": result.records,
            "seconds": round(result.seconds, 3),
            "quotes_per_s": round(rate),
            "fed_before": result.before,
            "left": result.left,
        }
        print(json.dumps(document))
    else:
        sent = f"{result.updates:,} updates ({result.quotes:,} quotes) in {result.records:,} records"
        print(f"{sent}, {result.seconds:.1f} s, {rate:,.0f} quotes/s")


def _read(files: list[Path]) -> MarketTable:
    from streams.pipeline.feed.read_csv import read_file
    from streams.pipeline.feed.table import MarketTable

    return MarketTable.merged([read_file(path) for path in files])


def _synthetic(settings: Settings, seconds: float) -> MarketTable:
    from streams.pipeline.feed.synthetic import SYNTHETIC_SUFFIX, SyntheticMarket, synthetic
    from streams.pipeline.reference.load_config import load_instruments

    instruments = load_instruments(settings.reference_data)
    chosen = tuple(item for item in instruments if item.symbol.endswith(SYNTHETIC_SUFFIX))
    if not chosen:
        raise typer.BadParameter(f"{settings.reference_data} has no instrument named *{SYNTHETIC_SUFFIX}")
    return synthetic(SyntheticMarket(settings.run_seed, seconds), chosen)
