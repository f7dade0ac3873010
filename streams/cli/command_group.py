"""Groups of commands, such as `paper session open` and `paper session close`."""

from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperGroup


def add_group(parent: typer.Typer, name: str, help_text: str, commands: dict[str, Callable[..., Any]]) -> typer.Typer:
    """Adds a group of commands to `paper`, or to another group, and returns it."""
    group = typer.Typer(help=help_text, no_args_is_help=True)
    for command, function in commands.items():
        group.command(command)(function)
    parent.add_typer(group, name=name)
    return group


class DefaultGroup(TyperGroup):
    """A group whose first command is meant when none is named: `paper feed FILES` is `paper feed files FILES`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Puts the default command before arguments that begin with neither a command nor a help option."""
        if not args or args[0] not in (*self.commands, *self.get_help_option_names(ctx)):
            args = [next(iter(self.commands)), *args]
        return super().parse_args(ctx, args)
