"""`paper up`, `down`, `prepare`, `doctor`: the stack. `paper status` is in status.py."""

from __future__ import annotations

import sys

import typer

AS_JSON = typer.Option(False, "--json", help="Print JSON.")


def register(app: typer.Typer) -> None:
    """Adds the group's commands."""
    for command in (up, down, prepare, doctor):
        app.command()(command)


def up(
    workers: int = typer.Option(0, min=0, help="Keep so many workers and a sink running; 0: leave them as they are."),
) -> None:
    """Starts Kafka, the schema registry and ClickHouse; makes topics, schemas and tables."""
    from infra.settings import get_settings
    from infra.stack import local_stack
    from streams.pipeline.prepare import start_prepared_servers

    start_prepared_servers(get_settings(), on_progress=_say)
    if workers:
        local_stack.up_pipeline(get_settings(), workers, on_progress=_say)


def down(
    purge: bool = typer.Option(False, help="Delete all records, schemas and tables as well."),
    yes: bool = typer.Option(False, help="Do not ask before deleting."),
) -> None:
    """Stops the stack. The data stays, unless --purge is given."""
    from infra.settings import get_settings
    from infra.stack import local_stack

    settings = get_settings()
    if purge and not yes:
        typer.confirm(f"Delete all data of the stack in {settings.paper_home}?", abort=True, err=True)
    local_stack.down(settings, purge=purge, on_progress=_say)


def prepare() -> None:
    """Waits for servers started by other means and makes topics, schemas and tables on them."""
    from infra.settings import get_settings
    from infra.stack import local_stack
    from streams.pipeline.prepare import prepare_pipeline

    local_stack.wait_for_servers(get_settings())
    prepare_pipeline(get_settings())


def doctor(as_json: bool = AS_JSON) -> None:
    """Checks this machine and the stack's data. Exit code 1 if there is a problem."""
    import json

    from infra.settings import get_settings
    from infra.stack.doctor import examine

    findings = examine(get_settings())
    if as_json:
        print(json.dumps([finding._asdict() for finding in findings], indent=2))
    else:
        for finding in findings:
            remedy = f"\n          {finding.remedy}" if finding.remedy else ""
            print(f"{'ok' if finding.ok else 'problem':<9} {finding.subject}: {finding.found}{remedy}")
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
