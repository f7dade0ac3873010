"""`paper strategy show`: what a strategy declares."""

from __future__ import annotations

import json

import typer

from streams.cli.options import JSON

COLUMNS = ("name", "type", "bounds", "default", "description")


def show_strategy(
    name: str = typer.Argument(..., help="Name from `paper strategy list`, or your own class as module:Class."),
    as_json: bool = JSON,
) -> None:
    """Shows a strategy's parameters with their types, bounds and defaults, and what it does with open orders."""
    from streams.cli.output import print_rows, show
    from streams.strategies.strategy_description import describe_strategy

    found = describe_strategy(name)
    rows = [parameter._asdict() for parameter in found.parameters]
    if as_json:
        print(json.dumps({**found._asdict(), "parameters": rows}))
        return
    show(f"{name}: {found.summary}")
    show(f"It trades {'any number of symbols' if found.symbols is None else _counted(found.symbols, 'symbol')}.")
    kept = "stay as they are" if found.keeps_orders else "are canceled first"
    show(f"Orders that are open when it starts {kept}.")
    given = "with --set NAME=VALUE, or under parameters in a file" if found.is_declared else "as options of their names"
    show(f"Its parameters, given {given}:\n" if rows else "It has no parameters.")
    if rows:
        print_rows(rows, COLUMNS, as_json=False)


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
