"""`paper up`, `paper down`, `paper prepare`, `paper doctor`: start, stop, prepare and check the servers."""

from __future__ import annotations

import json

import typer

from streams.cli.options import JSON


def register(app: typer.Typer) -> None:
    """Adds the commands to `paper`."""
    for command in (up, down, prepare, passwords, doctor):
        app.command()(command)


def up(
    workers: int = typer.Option(
        0, min=0, help="Number of workers to keep running, with a sink; 0 starts the servers only."
    ),
    brokers: int = typer.Option(
        0, min=0, max=9, help="Number of Kafka brokers: 1, or 3 and more for drills; 0: as PAPER_HOME has, at first 1."
    ),
    serve: bool = typer.Option(False, "--serve", help="Also start the HTTP service, as `paper serve` does."),
) -> None:
    """Starts Kafka, the schema registry and ClickHouse, and creates topics, schemas and tables.

    With --workers it returns when the workers have all partitions, so that orders are answered from then on.
    """
    from infra.settings import get_settings
    from infra.stack import local_stack
    from infra.stack.kafka_cluster import plan_brokers
    from streams.cli.output import say
    from streams.evidence.mock_notice import mock_is_default, mock_setting_notice
    from streams.operations.health.await_workers import await_workers
    from streams.pipeline.prepare import start_prepared_servers

    settings = plan_brokers(get_settings(), brokers) if brokers else get_settings()
    start_prepared_servers(settings, on_progress=say)
    if workers:
        local_stack.up_pipeline(settings, workers, on_progress=say)
        say("waits until the workers have their partitions")
        await_workers(settings, workers)
    if serve:
        local_stack.up_service(settings, on_progress=say)
        say(f"the console: http://127.0.0.1:{settings.serve_port}")
    if mock_is_default(settings):
        say(mock_setting_notice())


def down(
    purge: bool = typer.Option(False, help="Also delete all records, schemas and tables."),
    yes: bool = typer.Option(False, help="Delete without asking."),
) -> None:
    """Stops all servers, workers and the sink. The data stays, unless --purge is given."""
    from infra.settings import get_settings
    from infra.stack import local_stack
    from streams.cli.output import say

    settings = get_settings()
    if purge and not yes:
        typer.confirm(f"Delete all data in {settings.paper_home}?", abort=True, err=True)
    local_stack.down(settings, purge=purge, on_progress=say)


def prepare() -> None:
    """Creates topics, schemas and tables on servers that were started in another way, such as docker compose.

    Refuses a cluster that loses acknowledged records with one of its brokers.
    """
    from infra.settings import get_settings
    from infra.stack import local_stack
    from streams.cli.output import say
    from streams.pipeline.prepare import prepare_pipeline

    local_stack.wait_for_servers(get_settings())
    prepare_pipeline(get_settings(), say)


def passwords() -> None:
    """Prints the passwords of ClickHouse's and the registry's users as lines of `.env`, for docker compose.

    Makes the missing ones.
    """
    from infra.clickhouse.users import USERS, credentials_folder, make_passwords, read_password
    from infra.registry_access import registry_password
    from infra.settings import get_settings

    folder = credentials_folder(get_settings())
    make_passwords(folder)
    for user in USERS:
        print(f"CLICKHOUSE_{user.upper()}_PASSWORD={read_password(folder, user)}")
    print(f"REGISTRY_PASSWORD={registry_password(get_settings())}")


def doctor(as_json: bool = JSON) -> None:
    """Checks this machine and the servers' data, and names a remedy for each problem.

    Exit code 1 if there is a problem.
    """
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
