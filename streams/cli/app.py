"""Puts the commands together and turns errors into messages and exit codes.

Exit codes: 0 done, 1 a problem was found or a step failed, 2 the command line is wrong, 4 another worker has this
worker's name, 130 interrupted.
A command's file declares options only. It imports the code that does the work inside its functions, so that
`paper --help` stays fast.
"""

from __future__ import annotations

import sys

import typer

from infra.errors import PaperError
from infra.principal import ADMIN, act_as
from infra.short_command import act_shortly
from streams import __version__
from streams.cli import (
    access,
    archive,
    backup,
    bench,
    chaos,
    convert,
    demo,
    develop,
    dlq,
    drill,
    explain,
    export,
    feed,
    gate,
    instruments,
    metrics,
    notify,
    orders,
    parts,
    quotes,
    reconcile,
    replay,
    results,
    risk,
    serve,
    session,
    shard,
    sink,
    snapshots,
    stack,
    status,
    strategy,
    study,
    supervise,
    top,
    worker,
)
from streams.cli.help_pages import PaperGroup
from streams.cli.interrupts import end_by_signals
from streams.cli.output import say
from streams.cli.principals import DEVELOP, LONG, PRINCIPALS, RUN_BY_SUPERVISOR
from streams.cli.usage_errors import usage_line
from streams.errors import DeliveryError, LogUnavailable

HELP = {"-h", "--help"}
OWN_PROCESS = "own process"
"""The context's object of a command that has a process of its own, which may be changed for it."""
app = typer.Typer(
    name="paper",
    cls=PaperGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": sorted(HELP)},
)
GROUPS = (
    access,
    archive,
    backup,
    bench,
    chaos,
    convert,
    demo,
    develop,
    dlq,
    drill,
    explain,
    export,
    feed,
    gate,
    instruments,
    metrics,
    notify,
    orders,
    parts,
    quotes,
    reconcile,
    replay,
    results,
    risk,
    serve,
    session,
    shard,
    sink,
    snapshots,
    stack,
    status,
    strategy,
    study,
    supervise,
    top,
    worker,
)
for group in GROUPS:
    group.register(app)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"paper {__version__}")
        raise typer.Exit


@app.callback()
def connect(
    context: typer.Context,
    version: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
    ),
) -> None:
    """Trades on paper: orders pass risk controls and are executed in simulation against real market data.

    Begin with `paper demo`. `paper COMMAND --help` explains a command and shows an example.
    """
    if HELP & set(sys.argv) or context.invoked_subcommand in DEVELOP:
        return
    _say_strange_names()
    if context.invoked_subcommand in PRINCIPALS.keys() - RUN_BY_SUPERVISOR:
        _say_old_values()
    principal = PRINCIPALS.get(context.invoked_subcommand or "")
    if principal is not None:
        act_as(principal)
    if principal not in (None, ADMIN):
        from infra.kafka.diagnosis import demand_login
        from infra.settings import get_settings

        demand_login(get_settings())
    if context.obj == OWN_PROCESS and context.invoked_subcommand not in LONG:
        act_shortly()


def _say_strange_names() -> None:
    from infra.env_file import strange_names
    from infra.settings import BASE_FOLDER, Settings

    for sentence in strange_names(BASE_FOLDER / ".env", frozenset(map(str.upper, Settings.model_fields))):
        say(f"warning: {sentence}")


def _say_old_values() -> None:
    from infra.settings import get_settings
    from infra.stack.setting_drift import drifted_settings

    for sentence in drifted_settings(get_settings()):
        say(f"warning: {sentence}")


def main() -> None:
    """Runs one command."""
    end_by_signals()
    try:
        code = app(prog_name="paper", obj=OWN_PROCESS, standalone_mode=False)
    except typer.TyperException as error:
        # A group without a command has printed its help, and has nothing to add.
        if error.format_message():
            say(f"error: {usage_line(error)}")
        sys.exit(error.exit_code)
    except typer.Abort:
        print(file=sys.stderr)  # The question has left its line open.
        say("error: not confirmed; nothing was done")
        sys.exit(1)
    except (LogUnavailable, DeliveryError) as error:
        say(f"error: {_with_advice(str(error))}")
        sys.exit(1)
    except PaperError as error:
        say(f"error: {error}")
        sys.exit(error.exit_code)
    sys.exit(code)


def _with_advice(failure: str) -> str:
    from infra.kafka.diagnosis import advice
    from infra.settings import get_settings

    remedy = advice(get_settings(), failure)
    return f"{failure}; {remedy}" if remedy else failure
