"""Help pages: each command stands in a panel, begins with a verb, and shows an example that its options accept."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import typer.main
from typer.testing import CliRunner

from infra.settings import REPOSITORY
from streams import __version__
from streams.cli.app import app
from streams.cli.help_pages import EXAMPLES, PANELS

VERBS = re.compile(
    r"(Adds|Approves|Buys|Cancels|Changes|Checks|Closes|Compares|Compiles|Computes|Counts|Creates|Decides|Declares|"
    r"Drafts|Ends|Explains|Exports|Keeps|Kills|Imports|Lists|Manages|Measures|Opens|Prints|Proves|Rebuilds|Restores|Records|"
    r"Removes|Reports|Revokes|Runs|Sends|Serves|Sets|Shows|Starts|Stops|Verifies|Writes)\b"
)
COMMAND: Any = typer.main.get_command(app)


def commands(group: Any = COMMAND, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yields every command and sub-application with its path."""
    for name, command in group.commands.items():
        inner = f"{path} {name}".strip()
        yield inner, command
        if hasattr(command, "commands"):
            yield from commands(command, inner)


ALL = list(commands())


def parse(command: Any, name: str, arguments: list[str], parent: Any = None) -> str:
    """Parses a command line without running it, and returns the path of its command."""
    with command.make_context(name, arguments, parent=parent) as context:
        rest = [*context._protected_args, *context.args]
        if not hasattr(command, "commands") or not rest:
            return name
        inner, subcommand, rest = command.resolve_command(context, rest)
        return f"{name} {parse(subcommand, inner, rest, context)}"


@pytest.mark.parametrize(("path", "command"), ALL, ids=[path for path, _ in ALL])
def test_each_help_page_begins_with_a_verb_and_ends_with_an_example(path: str, command: Any) -> None:
    assert VERBS.match(command.help), f"paper {path}: begin the help with a verb, or add its verb to this test"
    first_paragraph = command.help.split("\n\n")[0]
    assert first_paragraph.endswith("."), first_paragraph
    assert f"paper {path}" in command.epilog, f"paper {path}: add an example to EXAMPLES in streams/cli/help_pages.py"
    undescribed = [item.name for item in command.params if not getattr(item, "help", None)]
    assert not undescribed, f"paper {path}: options without help"


def test_each_command_stands_in_one_panel() -> None:
    names = list(chain.from_iterable(PANELS.values()))
    assert list(COMMAND.commands) == names, "in the order of the panels, each once"
    for panel, members in PANELS.items():
        assert {COMMAND.commands[name].rich_help_panel for name in members} == {panel}


@pytest.mark.parametrize(("path", "line"), list(EXAMPLES.items()), ids=list(EXAMPLES))
def test_each_example_parses(path: str, line: str) -> None:
    paper, *arguments = shlex.split(line)
    assert parse(COMMAND, paper, arguments) == f"paper {path}"


def test_each_example_belongs_to_a_command() -> None:
    runnable = {path for path, command in ALL if not hasattr(command, "commands") or command.callback}
    assert set(EXAMPLES) == runnable


def test_help_and_version_are_printed() -> None:
    runner = CliRunner()
    shown = runner.invoke(app, ["--help"])
    assert (shown.exit_code, [panel for panel in PANELS if f"─ {panel} ─" not in shown.output]) == (0, [])
    version = runner.invoke(app, ["--version"])
    assert (version.exit_code, version.output) == (0, f"paper {__version__}\n")
    page = runner.invoke(app, ["orders", "submit", "--help"])
    assert EXAMPLES["orders submit"] in page.output
    group = runner.invoke(app, ["orders", "--help"])
    assert all(EXAMPLES[f"orders {name}"] in group.output for name in ("submit", "cancel", "load"))


def test_no_command_imports_in_a_circle() -> None:
    """Imports inside functions and for type checking count too."""
    folder = REPOSITORY / "streams" / "cli"
    arrows = {path.stem: imports(path) for path in folder.glob("*.py") if path.stem != "__init__"}
    while arrows:
        free = [name for name, targets in arrows.items() if not targets & set(arrows)]
        assert free, f"a circle of imports: {arrows}"
        arrows = {name: targets for name, targets in arrows.items() if name not in free}


def imports(path: Path) -> set[str]:
    nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
    package = {alias.name for node in nodes if node.module == "streams.cli" for alias in node.names}
    return package | {node.module.split(".")[2] for node in nodes if (node.module or "").startswith("streams.cli.")}  # type: ignore[union-attr]
