"""`paper feed`: market data into the pipeline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from infra.settings import Settings
    from streams.feed.table import MarketTable


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
    """Streams quotes and trades to market.data."""
    from rich.console import Console
    from rich.progress import Progress

    from infra.settings import get_settings
    from schemas.codec import Codec
    from schemas.registry import Registry
    from streams.feed.send import send

    if synthetic == bool(files):
        raise typer.BadParameter("give files or --synthetic, one of them")
    settings = get_settings()
    table = _synthetic(settings, seconds) if synthetic else _read(files)
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("market.data", total=len(table))
        pace = 1.0 if real_time else speed
        result = send(settings, Codec(Registry(settings)), table, pace, lambda n: progress.advance(task, n))
    rate = result.quotes / result.seconds
    if as_json:
        document = {
            "updates": result.updates,
            "quotes": result.quotes,
            "records": result.records,
            "seconds": round(result.seconds, 3),
            "quotes_per_s": round(rate),
        }
        print(json.dumps(document))
    else:
        sent = f"{result.updates:,} updates ({result.quotes:,} quotes) in {result.records:,} records"
        print(f"{sent}, {result.seconds:.1f} s, {rate:,.0f} quotes/s")


def _read(files: list[Path]) -> MarketTable:
    from streams.feed.read import read_file
    from streams.feed.table import MarketTable

    return MarketTable.merged([read_file(path) for path in files])


def _synthetic(settings: Settings, seconds: float) -> MarketTable:
    from infra.core_config import load_instruments
    from streams.feed.synthetic import SYNTHETIC_SUFFIX, SyntheticMarket, synthetic

    instruments = load_instruments(settings.reference_data)
    chosen = tuple(item for item in instruments if item.symbol.endswith(SYNTHETIC_SUFFIX))
    if not chosen:
        raise typer.BadParameter(f"{settings.reference_data} has no instrument named *{SYNTHETIC_SUFFIX}")
    return synthetic(SyntheticMarket(settings.run_seed, seconds), chosen)
