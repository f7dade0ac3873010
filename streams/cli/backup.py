"""`paper backup` and `paper restore`: a pipeline at rest as a folder, and such a folder as a pipeline again."""

from __future__ import annotations

from pathlib import Path

import typer

FOLDER = typer.Argument(help="Folder of the backup.")


def register(app: typer.Typer) -> None:
    """Adds the commands to `paper`."""
    for command in (backup, restore):
        app.command()(command)


def backup(folder: Path = FOLDER) -> None:
    """Writes topics, schemas, tables and the offsets of consumer groups to a new folder, with a manifest of hashes.

    Workers, sink and feeds must be stopped. Passwords and keys are not in the backup; docs/deploy.md says what to keep
    beside it.
    """
    from infra.settings import get_settings
    from streams.cli.output import say
    from streams.tools.backup.backup_manifest import read_backup
    from streams.tools.backup.write_backup import write_backup

    write_backup(get_settings(), folder, say)
    manifest, archive = read_backup(folder)
    records = sum(item["records"] for item in archive.manifest["files"])
    rows = sum(content.rows for content in manifest.tables)
    print(f"{folder}: {records:,} records of run {manifest.run_id}, {rows:,} rows of {len(manifest.tables)} tables")


def restore(
    folder: Path = FOLDER,
    yes: bool = typer.Option(False, help="Restore without asking."),
) -> None:
    """Restores a backup into an empty stack, and compares each record, row, schema and offset with it.

    Starts the local servers if none answer. Exit code 1 if anything differs from the backup.
    """
    from infra.settings import get_settings
    from infra.stack import local_stack
    from streams.cli.output import say
    from streams.tools.backup.backup_manifest import read_backup
    from streams.tools.backup.restore_backup import demand_same_pipeline, restore_backup

    settings = get_settings()
    manifest, archive = read_backup(folder)
    demand_same_pipeline(settings, manifest, archive)
    if not yes:
        typer.confirm(f"Restore run {manifest.run_id} into {settings.kafka_bootstrap_servers}?", abort=True, err=True)
    if not all(server.is_ready(settings) for server in local_stack.servers_of(settings)):
        local_stack.up(settings, on_progress=say)
    compared = restore_backup(settings, folder, manifest, archive, say)
    for item in compared:
        print(f"{item.part:<28} {item.amount:>18}  {item.difference or 'equal'}")
    if any(item.difference for item in compared):
        raise typer.Exit(1)
