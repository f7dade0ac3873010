"""`paper instruments`: shows the tradable instruments, and drafts definitions of new ones."""

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
        "Lists the tradable instruments, and drafts definitions of new ones.",
        {"list": list_instruments, "infer": infer},
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
