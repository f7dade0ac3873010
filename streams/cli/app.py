"""Puts the command groups together and turns errors into messages and exit codes.

Exit codes: 0 done, 1 a problem was found or a step failed, 2 the command line is wrong, 130 interrupted.
A command group's file declares options only; it imports what does the work inside its functions, so that
`paper --help` stays fast.
"""

from __future__ import annotations

import signal
import sys

import typer

from infra.errors import PaperError
from infra.principal import ADMIN, act_as
from streams.cli import (
    access,
    archive,
    bench,
    chaos,
    demo,
    develop,
    dlq,
    explain,
    feed,
    gate,
    instruments,
    metrics,
    orders,
    parts,
    reconcile,
    replay,
    results,
    risk,
    session,
    sink,
    snapshots,
    stack,
    status,
    strategy,
    study,
    supervise,
    worker,
)
from streams.cli.principals import PRINCIPALS
from streams.errors import DeliveryError, LogUnavailable

HELP = {"-h", "--help"}
app = typer.Typer(
    name="paper",
    help="Paper trading on Kafka.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": sorted(HELP)},
)
GROUPS = (
    demo,
    stack,
    access,
    status,
    supervise,
    worker,
    sink,
    feed,
    instruments,
    parts,
    session,
    risk,
    orders,
    explain,
    strategy,
    results,
    metrics,
    gate,
    reconcile,
    replay,
    archive,
    snapshots,
    dlq,
    bench,
    study,
    chaos,
    develop,
)
for group in GROUPS:
    group.register(app)


@app.callback()
def connect_as(context: typer.Context) -> None:
    """Paper trading on Kafka."""
    principal = PRINCIPALS.get(context.invoked_subcommand or "")
    if principal is None or HELP & set(sys.argv):
        return
    act_as(principal)
    if principal != ADMIN:
        from infra.kafka.diagnosis import demand_login
        from infra.settings import get_settings

        demand_login(get_settings())


def main() -> None:
    """Runs one command."""
    # Asked to end, a command ends as on Ctrl-C: it takes what it started with it.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        app(prog_name="paper")
    except (LogUnavailable, DeliveryError) as error:
        print(f"error: {_with_advice(str(error))}", file=sys.stderr)
        sys.exit(1)
    except PaperError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)


def _with_advice(failure: str) -> str:
    from infra.kafka.diagnosis import advice
    from infra.settings import get_settings

    said = advice(get_settings(), failure)
    return f"{failure}; {said}" if said else failure
