"""Puts the command groups together and turns errors into messages and exit codes.

Exit codes: 0 done, 1 a problem was found or a step failed, 2 the command line is wrong, 130 interrupted.
A command group's file declares options only; it imports what does the work inside its functions, so that
`paper --help` stays fast.
"""

from __future__ import annotations

import signal
import sys

import typer

from streams.cli import (
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
from streams.errors import PaperError

app = typer.Typer(
    name="paper",
    help="Paper trading on Kafka.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
GROUPS = (
    demo,
    stack,
    status,
    supervise,
    worker,
    sink,
    feed,
    instruments,
    parts,
    session,
    orders,
    explain,
    strategy,
    results,
    metrics,
    gate,
    reconcile,
    replay,
    snapshots,
    dlq,
    bench,
    study,
    chaos,
    develop,
)
for group in GROUPS:
    group.register(app)


def main() -> None:
    """Runs one command."""
    # Asked to end, a command ends as on Ctrl-C: it takes what it started with it.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        app(prog_name="paper")
    except PaperError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
