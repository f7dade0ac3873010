"""`paper instruments`: shows the tradable instruments, drafts definitions, and fetches those of exchanges."""

from __future__ import annotations

from pathlib import Path

import typer

from streams.cli.command_group import add_group
from streams.cli.options import JSON_LINES

COLUMNS = ("symbol", "currency", "tick_size", "lot_size", "min_quantity", "max_quantity", "timezone", "day_end")


def register(app: typer.Typer) -> None:
    """Adds the commands to `paper`."""
    add_group(
        app,
        "instruments",
        "Lists the tradable instruments, drafts definitions of new ones, and fetches those of exchanges.",
        {"list": list_instruments, "infer": infer, "fetch": fetch},
    )


def list_instruments(as_json: bool = JSON_LINES) -> None:
    """Lists the instruments of the reference data file (setting REFERENCE_DATA)."""
    from infra.settings import get_settings
    from streams.cli.output import print_rows
    from streams.pipeline.reference.load_config import load_instruments

    rows = [item.model_dump(mode="json") for item in load_instruments(get_settings().reference_data)]
    print_rows(rows, COLUMNS, as_json)


def infer(files: list[Path] = typer.Argument(..., help="Market data files of the instruments.")) -> None:
    """Drafts a definition of each symbol in market data files.

    Check the printed TOML and add it to the reference data file (setting REFERENCE_DATA).
    """
    from streams.pipeline.feed.infer_instruments import infer_from, to_toml
    from streams.pipeline.feed.read_file import read_blocks

    print(to_toml(infer_from(block for path in files for block in read_blocks(path))))


def fetch(
    venue: str = typer.Argument(help="Exchange, such as binance, or alpaca."),
    symbols: list[str] = typer.Argument(help="Symbols, such as BTC/USDT, or BTC/USDT:USDT for a perpetual."),
    url: list[str] = typer.Option(
        [], help="NAME=URL: another address in place of one of the exchange; may be given several times."
    ),
    yes: bool = typer.Option(False, "--yes", help="Write the file without asking."),
) -> None:
    """Writes the definitions of an exchange into the reference data file, after it has shown the change.

    Steps, bounds and fees are the exchange's; other fields of an instrument that is there already stay.
    """
    import asyncio
    import sys
    from difflib import unified_diff

    from infra.settings import get_settings
    from streams.pipeline.live.ccxt_urls import urls_of
    from streams.pipeline.live.exchange_instruments import instruments_of
    from streams.pipeline.reference.instruments_text import with_instrument
    from streams.pipeline.reference.load_config import load_instruments
    from streams.whole_file import whole_file

    path = get_settings().reference_data
    load_instruments(path)
    listed = asyncio.run(instruments_of(venue, symbols, urls_of(url)))
    old = path.read_text()
    new = old
    for item in listed:
        new = with_instrument(new, item.instrument)
        for remark in item.remarks:
            print(f"{item.instrument.symbol}: {remark}", file=sys.stderr)
    if new == old:
        print(f"{path} has these definitions already", file=sys.stderr)
        return
    name = str(path)
    print("".join(unified_diff(old.splitlines(True), new.splitlines(True), name, name)), end="")
    if not yes:
        typer.confirm(f"Write {path}?", abort=True, err=True)
    with whole_file(path) as part:
        part.write_text(new)
        load_instruments(part)
