"""Groups of commands, such as `paper session open` and `paper session close`."""

from collections.abc import Callable
from typing import Any

import typer


def add_group(parent: typer.Typer, name: str, help_text: str, commands: dict[str, Callable[..., Any]]) -> typer.Typer:
    """Adds a group of commands to `paper`, or to another group, and returns it."""
    group = typer.Typer(help=help_text, no_args_is_help=True)
    for command, function in commands.items():
        group.command(command)(function)
    parent.add_typer(group, name=name)
    return group
