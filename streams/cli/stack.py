"""`paper up`, `down`, `prepare`, `status`, `doctor`: the stack."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from infra.stack import PartStatus

AS_JSON = typer.Option(False, "--json", help="Print JSON.")


def register(app: typer.Typer) -> None:
    """Adds the group's commands."""
    for command in (up, down, prepare, status, doctor):
        app.command()(command)


def up() -> None:
    """Starts Kafka, the schema registry and ClickHouse; makes topics, schemas and tables."""
    from infra import stack
    from infra.settings import get_settings

    stack.up(get_settings(), on_progress=_say)


def down(
    purge: bool = typer.Option(False, help="Delete all records, schemas and tables as well."),
    yes: bool = typer.Option(False, help="Do not ask before deleting."),
) -> None:
    """Stops the stack. The data stays, unless --purge is given."""
    from infra import stack
    from infra.settings import get_settings

    settings = get_settings()
    if purge and not yes:
        typer.confirm(f"Delete all data of the stack in {settings.paper_home}?", abort=True, err=True)
    stack.down(settings, purge=purge, on_progress=_say)


def prepare() -> None:
    """Waits for servers started by other means and makes topics, schemas and tables on them."""
    from infra import stack
    from infra.settings import get_settings

    stack.wait_for_servers(get_settings())
    stack.prepare_pipeline(get_settings())


def status(as_json: bool = AS_JSON) -> None:
    """Shows each part of the stack. Exit code 0 only if all of them run and answer."""
    from infra import stack
    from infra.settings import get_settings

    rows = stack.status(get_settings())
    if as_json:
        _print_json([_row(row) for row in rows])
    else:
        _print_status(rows)
    if any(row.state is not stack.State.RUNNING for row in rows):
        raise typer.Exit(1)


def doctor(as_json: bool = AS_JSON) -> None:
    """Checks this machine and the stack's data. Exit code 1 if there is a problem."""
    from infra.doctor import examine
    from infra.settings import get_settings

    findings = examine(get_settings())
    if as_json:
        _print_json([finding._asdict() for finding in findings])
    else:
        for finding in findings:
            remedy = f"\n          {finding.remedy}" if finding.remedy else ""
            print(f"{'ok' if finding.ok else 'problem':<9} {finding.subject}: {finding.found}{remedy}")
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _print_json(value: object) -> None:
    import json

    print(json.dumps(value, indent=2))


def _row(row: PartStatus) -> dict[str, object]:
    return {
        "part": row.name,
        "state": row.state.value,
        "pid": row.pid,
        "port": row.port,
        "since": row.since,
        "rss_bytes": row.rss_bytes,
        "log": str(row.log),
    }


def _print_status(rows: list[PartStatus]) -> None:
    from datetime import datetime

    print(f"{'part':<12}{'state':<10}{'pid':>8}{'port':>7}  {'since':<20}{'rss':>8}  log")
    for row in rows:
        since = f"{datetime.fromtimestamp(row.since):%Y-%m-%d %H:%M:%S}" if row.since else "-"
        rss = f"{row.rss_bytes / 1e6:.0f} MB" if row.rss_bytes else "-"
        print(f"{row.name:<12}{row.state.value:<10}{row.pid or '-':>8}{row.port:>7}  {since:<20}{rss:>8}  {row.log}")
