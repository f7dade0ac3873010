"""Writes docs/cli.md from the commands themselves: `python -m streams.cli.command_pages`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import typer.main

from infra.settings import REPOSITORY
from streams.cli.app import app
from streams.cli.help_pages import EXAMPLES, PANELS

PAGE = REPOSITORY / "docs" / "cli.md"
BEGIN = "<!-- From here on written by `python -m streams.cli.command_pages`. -->\n"
SILENT_DEFAULTS: tuple[Any, ...] = (None, False, "", [], ())
"""Defaults that say nothing; the help of the option tells what comes of them."""
HIDDEN = {"help"}


def page(present: str) -> str:
    """Returns the page with its first part as it is, up to BEGIN, and the commands as they are now."""
    introduction, mark, _ = present.partition(BEGIN)
    if not mark:
        raise ValueError(f"{PAGE}: has no line {BEGIN.strip()}; put it before the first command")
    return introduction + BEGIN + "\n".join(_commands()) + "\n"


def _commands() -> Iterator[str]:
    root: Any = typer.main.get_command(app)
    for panel, names in PANELS.items():
        yield f"\n## {panel}"
        for name in names:
            yield from _command(name, root.commands[name])


def _command(path: str, command: Any) -> Iterator[str]:
    yield f"\n### paper {path}\n"
    yield _paragraphs(command.help)
    if path in EXAMPLES:
        yield f"\n    {EXAMPLES[path]}"
    rows = [_row(item) for item in command.params if item.name not in HIDDEN]
    if rows:
        yield "\n| argument or option | meaning |\n|---|---|"
        yield from rows
    for name, subcommand in getattr(command, "commands", {}).items():
        yield from _command(f"{path} {name}", subcommand)


def _paragraphs(text: str) -> str:
    return "\n\n".join(re.sub(r"\s+", " ", paragraph.strip()) for paragraph in text.split("\n\n"))


def _row(item: Any) -> str:
    is_argument = item.param_type_name == "argument"
    names = item.name.upper() if is_argument else "`, `".join([*item.opts, *item.secondary_opts])
    meaning = re.sub(r"\s+", " ", item.help).replace("|", "\\|")
    if item.required:
        meaning += " Required."
    elif item.default not in SILENT_DEFAULTS and "default" not in meaning.lower():
        meaning += f" Default: {_default(item.default)}."
    return f"| `{names}` | {meaning} |"


def _default(value: Any) -> str:
    if value is True:
        return "yes"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
