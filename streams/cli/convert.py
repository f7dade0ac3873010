"""`paper convert`: writes market data files as Parquet or Arrow."""

from __future__ import annotations

from pathlib import Path

import typer


def register(app: typer.Typer) -> None:
    """Adds the command to `paper`."""
    app.command("convert")(convert_file)


def convert_file(
    file: Path = typer.Argument(..., help="File of quotes, trades, books, splits or halts: CSV, Parquet or Arrow."),
    target: Path = typer.Argument(..., help="File to write, whose name ends with .parquet or .arrow."),
    yes: bool = typer.Option(False, "--yes", help="Replace the target if it exists."),
) -> None:
    """Writes a file of market data as Parquet or Arrow, with the same rows.

    It checks the file as the feed does, and holds one block in memory. Prices and sizes become decimals.
    """
    from rich.console import Console
    from rich.progress import DownloadColumn, Progress

    from streams.cli.output import say
    from streams.pipeline.feed.convert import convert

    if target.exists() and not yes:
        raise typer.BadParameter(f"{target} exists; name another file, or replace it with --yes")
    total = file.stat().st_size if file.is_file() else 0
    with Progress(*Progress.get_default_columns(), DownloadColumn(), console=Console(stderr=True)) as progress:
        task = progress.add_task(file.name, total=total)
        rows = convert(file, target, lambda read: progress.update(task, completed=read))
    say(f"{target}: {rows:,} rows")
