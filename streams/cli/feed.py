"""`paper feed`: sends market data to the pipeline."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Timer
from typing import TYPE_CHECKING

import typer

from streams.cli.command_group import DefaultGroup
from streams.cli.feed_live import feed_live
from streams.cli.interrupts import stop_by_signals
from streams.cli.options import JSON, SYMBOL_OF_FILE

if TYPE_CHECKING:
    from rich.progress import Progress

    from infra.settings import Settings
    from streams.pipeline.feed.file_market import FileMarket
    from streams.pipeline.feed.market_blocks import Market
    from streams.pipeline.feed.send import Feed, FeedResult
    from streams.pipeline.feed.table import MarketTable

STOPPED = 130
"""Exit code of a feed that was stopped before its end, as of any interrupted command."""
STOP_PATIENCE_S = 8.0
"""Seconds that a stopped feed waits for the broker."""


def register(app: typer.Typer) -> None:
    """Adds the commands to `paper`."""
    group = typer.Typer(
        cls=DefaultGroup, help="Sends market data to the topic market.data: files (the default), or a live market."
    )
    group.command("files")(feed_files)
    group.command("live")(feed_live)
    app.add_typer(group, name="feed")


def feed_files(
    files: list[Path] = typer.Argument(
        None, help="Market data files of any known format, or folders of them; several are merged by time."
    ),
    symbol: str = SYMBOL_OF_FILE,
    speed: float = typer.Option(
        None, min=0.001, help="Speed as a multiple of real time; default: as fast as the broker takes the data."
    ),
    real_time: bool = typer.Option(False, help="The same as --speed 1."),
    synthetic: bool = typer.Option(False, help="Send a synthetic market, drawn from the seed RUN_SEED, and no files."),
    seconds: float = typer.Option(60.0, min=1, help="Length of the synthetic market, in seconds of market time."),
    as_json: bool = JSON,
) -> None:
    """Sends quotes and trades to the topic market.data, each exactly once.

    After a stop or a crash, run the same command again: it continues with the first update that was not sent.
    """
    from rich.console import Console
    from rich.progress import Progress

    from infra.settings import get_settings
    from schemas.avro.codec import Codec
    from schemas.registry import Registry
    from streams.pipeline.feed.market_blocks import TableMarket
    from streams.pipeline.feed.send import Feed

    if synthetic == bool(files):
        raise typer.BadParameter("market data: give files or --synthetic, one of them")
    settings = get_settings()
    with Progress(console=Console(stderr=True)) as progress:
        market = TableMarket(_synthetic(settings, seconds)) if synthetic else _read(files, symbol, progress)
        sender = Feed(settings, Codec(Registry(settings)), market)
        _say_start(sender.row, market)
        pace = 1.0 if real_time else speed
        if files and (pace is None or pace > 1) and sender.row < len(market):
            print(_warning(pace), file=sys.stderr)
        task = progress.add_task("market.data", total=len(market), completed=sender.row)
        result = _run(sender, pace, lambda row: progress.update(task, completed=row))
    _show(result, as_json)
    if result.left:
        print(f"stopped with {result.left:,} updates left; run the same command again to continue", file=sys.stderr)
        raise typer.Exit(STOPPED)


def _say_start(row: int, market: Market) -> None:
    if row == len(market):
        print(f"all {row:,} updates were fed before; nothing is left to send", file=sys.stderr)
    elif row:
        print(f"resumes after {row:,} of {len(market):,} updates", file=sys.stderr)
    else:
        print(f"feeds {len(market):,} updates, source {market.source}", file=sys.stderr)


def _warning(pace: float | None) -> str:
    """Returns the warning for those who trade a recorded market that is faster than its own time."""
    from streams.cli.output import WAITING_MARKET

    how = "runs ahead of them" if pace is None else f"goes on for {pace:,.0f} s in each second that their orders travel"
    return f"warning: strategies that trade these updates live come late, because the market {how}; {WAITING_MARKET}"


def _run(feed: Feed, speed: float | None, on_progress: Callable[[int], None]) -> FeedResult:
    """Runs the feed in a thread, so that this one handles signals while the feed waits for the broker."""

    def stop() -> None:
        feed.stop()
        _exit_in(STOP_PATIENCE_S)

    stop_by_signals(stop)
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(feed.run, speed, on_progress).result()


def _exit_in(patience_s: float) -> None:
    """Ends the process after some seconds, even if the broker still has not taken the last transaction."""

    def give_up() -> None:
        print("the broker does not answer; run the same command again to continue", file=sys.stderr, flush=True)
        os._exit(STOPPED)

    timer = Timer(patience_s, give_up)
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


def _read(given: list[Path], symbol: str, progress: Progress) -> FileMarket:
    """Checks all files before anything is sent, and shows how far it is."""
    from streams.cli.output import say
    from streams.pipeline.feed.file_market import FileMarket
    from streams.pipeline.feed.read_folder import market_files

    files = [file for path in given for file in (market_files(path, say) if path.is_dir() else [path])]
    task = progress.add_task("checking", total=sum(path.stat().st_size for path in files if path.is_file()))
    return FileMarket(files, lambda read: progress.update(task, completed=read), symbol)


def _synthetic(settings: Settings, seconds: float) -> MarketTable:
    from streams.pipeline.feed.synthetic import SYNTHETIC_SUFFIX, SyntheticMarket, synthetic
    from streams.pipeline.reference.load_config import load_instruments

    instruments = load_instruments(settings.reference_data)
    chosen = tuple(item for item in instruments if item.symbol.endswith(SYNTHETIC_SUFFIX))
    if not chosen:
        raise typer.BadParameter(
            f"--synthetic: {settings.reference_data} has no instrument whose symbol ends in {SYNTHETIC_SUFFIX}; add one"
        )
    return synthetic(SyntheticMarket(settings.run_seed, seconds), chosen)
