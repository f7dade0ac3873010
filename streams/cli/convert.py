"""`paper convert`: writes market data files as Parquet or Arrow."""

from __future__ import annotations

from pathlib import Path

import typer

from streams.cli.options import SYMBOL_OF_FILE


def register(app: typer.Typer) -> None:
    """Adds the command to `paper`."""
    app.command("convert")(convert_file)


def convert_file(
    file: Path = typer.Argument(..., help="Market data file of any known format (docs/files.md)."),
    target: Path = typer.Argument(..., help="File to write, whose name ends with .parquet or .arrow, or a new folder."),
    symbol: str = SYMBOL_OF_FILE,
    yes: bool = typer.Option(False, "--yes", help="Replace the target if it exists."),
) -> None:
    """Writes a file of market data as Parquet or Arrow, with the same rows.

    It checks the file as the feed does, and holds one block in memory. Prices and sizes become decimals. A folder gets
    a Parquet file for each kind of rows, and is one market for `paper feed` and `--data`.
    """
    from rich.console import Console
    from rich.progress import DownloadColumn, Progress

    from streams.cli.output import say
    from streams.pipeline.feed.convert import convert

    if target.exists() and not (yes and target.is_file()):
        raise typer.BadParameter(f"{target} exists; name another file, or replace it with --yes")
    total = file.stat().st_size if file.is_file() else 0
    with Progress(*Progress.get_default_columns(), DownloadColumn(), console=Console(stderr=True)) as progress:
        task = progress.add_task(file.name, total=total)
        rows = convert(file, target, lambda read: progress.update(task, completed=read), symbol)
    say(f"{target}: {rows:,} rows")
