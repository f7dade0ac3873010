"""`paper test`, `check`, `compile`, `lint`, `format`, `types`, `sbom`: the same commands here and in CI."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import typer

LINT = ("ruff", "check")
FORMAT = ("ruff", "format", "--check")
TYPES = ("mypy",)
IN_PARALLEL = ("--numprocesses=2", "--dist=worksteal")
FAST = ("-m", "not stack and not data and not slow")
PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


def register(app: typer.Typer) -> None:
    """Adds the group's commands."""
    app.command(context_settings=PASS_ON)(test)
    app.command()(check)
    app.command(name="compile")(compile_)
    app.command(context_settings=PASS_ON)(lint)
    app.command(name="format", context_settings=PASS_ON)(format_)
    app.command(context_settings=PASS_ON)(types)
    app.command()(sbom)


def test(
    context: typer.Context,
    fast: bool = typer.Option(False, "--fast", help="Only tests without servers and recorded data, under a minute."),
) -> None:
    """Runs all tests in two processes, each with a stack of its own; arguments go to pytest instead."""
    _install_tools()
    from infra.private_home import private_home
    from infra.settings import get_settings

    home = private_home(get_settings())
    chosen = (*IN_PARALLEL, *FAST, *context.args) if fast else (context.args or IN_PARALLEL)
    _become("pytest", f"--junitxml={home / 'junit.xml'}", *chosen)


def check() -> None:
    """Runs lint, format and types, all of them; fails if one fails."""
    _install_tools()
    failed = [tool for tool in (LINT, FORMAT, TYPES) if _run(*tool) != 0]
    for tool in failed:
        print(f"failed: {' '.join(tool)}", file=sys.stderr)
    raise typer.Exit(1 if failed else 0)


def compile_() -> None:
    """Compiles what has changed of the core; until then Python reads changed modules and those that import them."""
    from infra.build.compile import CompileError, compile_core
    from infra.settings import IS_CHECKOUT

    if not IS_CHECKOUT:
        print("error: an installed package is compiled when it is installed; only a checkout can be", file=sys.stderr)
        raise typer.Exit(1)
    try:
        made = compile_core()
    except CompileError as error:
        print(f"error: the core stays as it is: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
    print("compiled" if made else "it was compiled already")


def lint(context: typer.Context) -> None:
    """Runs the linter; arguments go to `ruff check`."""
    _install_tools()
    _become(*LINT, *context.args)


def format_(context: typer.Context, write: bool = typer.Option(False, help="Rewrite the files.")) -> None:
    """Checks the formatting; arguments go to `ruff format`."""
    _install_tools()
    _become(*(FORMAT[:-1] if write else FORMAT), *context.args)


def types(context: typer.Context) -> None:
    """Checks the types; arguments go to mypy."""
    _install_tools()
    _become(*TYPES, *context.args)


def sbom(
    folder: Path = typer.Option(Path(), help="Folder of the two files; default: the working folder."),
) -> None:
    """Writes what the locks pin, with its licences: sbom.cdx.json (CycloneDX 1.6) and licences.csv."""
    _install_tools()
    from cyclonedx.output.json import JsonV1Dot6

    from infra.stack.bill_of_materials import cyclonedx, licence_list, materials
    from streams import __version__

    found = materials()
    for name, text in (
        ("sbom.cdx.json", JsonV1Dot6(cyclonedx(found, __version__)).output_as_string(indent=2) + "\n"),
        ("licences.csv", licence_list(found)),
    ):
        (folder / name).write_text(text)
        print(folder / name)


def _install_tools() -> None:
    """Adds to the checkout's environment what tests and checks need, which users do without."""
    from infra.build import environment
    from infra.settings import IS_CHECKOUT, REPOSITORY

    if not IS_CHECKOUT:
        print("error: tests and checks need a checkout of the project", file=sys.stderr)
        raise typer.Exit(1)
    venv = REPOSITORY / ".venv"
    if Path(sys.prefix).resolve() != venv.resolve():
        return  # An environment that someone made by hand: pip install -e '.[dev]'.
    text = "paper: installing what tests and checks need (half a minute, once)"
    try:
        environment.add(venv, REPOSITORY / environment.DEV_LOCK_NAME, lambda: print(text, file=sys.stderr, flush=True))
    except subprocess.CalledProcessError as error:
        print(f"error: pip failed (exit code {error.returncode}); correct the cause above", file=sys.stderr)
        raise typer.Exit(1) from None


def _command(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]


def _run(module: str, *arguments: str) -> int:
    from infra.settings import REPOSITORY

    print(f"== {module} {' '.join(arguments)}", file=sys.stderr, flush=True)
    return subprocess.run(_command(module, *arguments), cwd=REPOSITORY, check=False).returncode


def _become(module: str, *arguments: str) -> NoReturn:
    """Replaces this process, so that signals and the exit code are the tool's."""
    from infra.settings import REPOSITORY

    os.chdir(REPOSITORY)
    os.execv(sys.executable, _command(module, *arguments))
