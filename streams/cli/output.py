"""Prints rows: a table for people, one JSON object per line for scripts; progress goes to stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from infra.harmless_text import harmless
from schemas.records.numbers import money_text, price_text
from streams.cli.cell_text import MONEY_FIELDS, PRICE_FIELDS, cell, is_number, json_value

if TYPE_CHECKING:
    from rich.table import Table

WIDEST = 10_000
"""Characters of the widest table."""
WAITING_MARKET = "`paper replay run --strategies-only --data FOLDER` waits for every strategy"
"""The advice to whom a recorded market runs ahead."""


def show(text: str) -> None:
    """Prints a result with texts of records on stdout."""
    print(harmless(text), flush=True)


def say(text: str) -> None:
    """Prints progress on stderr, so that stdout holds nothing but the result."""
    print(harmless(text), file=sys.stderr, flush=True)


def readable(message: Any) -> dict[str, Any]:
    """Returns a record as plain values by name: decimals as text, times in UTC nanoseconds."""
    return {name: _value(name, value) for name, value in message._asdict().items()}


def _value(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name in MONEY_FIELDS:
        return money_text(value)
    if name in PRICE_FIELDS:
        return price_text(value)
    return value


def print_rows(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], as_json: bool) -> None:
    """Prints rows as JSON lines with every field, or as a table of the columns.

    A terminal that is too narrow gets lines of a name and a value each. A pipe gets the table's full width.
    """
    if as_json:
        for row in rows:
            print(json.dumps({name: json_value(value) for name, value in row.items()}))
        return
    from rich.console import Console

    table = table_of(rows, columns)
    console = Console()
    width = console.measure(table, options=console.options.update(max_width=WIDEST)).maximum
    if not console.is_terminal:
        console.width = max(width, 1)
    if width <= console.width:
        console.print(table)
    else:
        print(_lines(columns, _cells(rows, columns)))


def _cells(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> list[list[str]]:
    return [[harmless(cell(name, row.get(name))) for name in columns] for row in rows]


def table_of(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> Table:
    """Returns rows as a table of the columns, numbers on the right."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False, pad_edge=False)
    for name in columns:
        values = [row[name] for row in rows if row.get(name) not in (None, "")]
        is_right = bool(rows) and all(is_number(name, value) for value in values)
        table.add_column(name, justify="right" if is_right else "left", no_wrap=True)
    for line in _cells(rows, columns):
        table.add_row(*map(Text, line))
    return table


def _lines(columns: Sequence[str], cells: Sequence[Sequence[str]]) -> str:
    """Returns rows as lines of a name and a value each, with an empty line between two rows."""
    longest = max(map(len, columns))
    return "\n\n".join(
        "\n".join(f"{name:<{longest}}  {text}" for name, text in zip(columns, row, strict=True) if text)
        for row in cells
    )
