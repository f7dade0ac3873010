"""Groups of commands, such as `paper session open` and `paper session close`."""

import re
from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

NEGATIVE = re.compile(r"-\d+(\.\d*)?")
MINUS = "\N{MINUS SIGN}"


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


class NegativeNumbers(TyperCommand):
    """A command with numbers among its arguments: `-5` is a number, and no option, so that it is refused as one."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Hides the sign of a negative number that follows no option while the arguments are parsed."""
        before = ["", *args]
        hidden = [
            MINUS + arg[1:] if NEGATIVE.fullmatch(arg) and not last.startswith("--") else arg
            for last, arg in zip(before, args, strict=False)
        ]
        rest = super().parse_args(ctx, hidden)
        for name, value in ctx.params.items():
            if isinstance(value, str) and value.startswith(MINUS):
                ctx.params[name] = f"-{value.removeprefix(MINUS)}"
        return rest
