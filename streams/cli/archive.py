"""`paper archive`: the record of a pipeline as files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

FOLDER = typer.Argument(help="Folder of the archive.")


def register(app: typer.Typer) -> None:
    """Adds the group's commands."""
    group = typer.Typer(help="The record of a pipeline as files, to be verified anywhere.", no_args_is_help=True)
    group.command()(export)
    group.command()(verify)
    group.command("import")(import_)
    app.add_typer(group, name="archive")


def export(folder: Path = FOLDER) -> None:
    """Writes every topic of the pipeline into a new folder, with a manifest of hashes."""
    manifest = write(folder)
    records = sum(item["records"] for item in manifest["files"])
    print(f"{folder}: {records:,} records of run {manifest['run_id']} in {len(manifest['files'])} files")


def write(folder: Path) -> dict[str, Any]:
    """Archives the pipeline; the manifest."""
    from infra.kafka.topics import TOPICS
    from infra.settings import get_settings
    from schemas.registry import Registry
    from streams.cli.replay import say
    from streams.evidence.replay.archive import write_archive
    from streams.pipeline.journal.kafka_log import KafkaLogReader

    settings = get_settings()
    partitions = {topic.name: topic.partitions.count(settings) for topic in TOPICS}
    return write_archive(folder, KafkaLogReader(settings), partitions, Registry(settings), settings.run_id, say)


def verify(folder: Path = FOLDER, as_json: bool = typer.Option(False, "--json", help="Print JSON.")) -> None:
    """Checks every file's hash, then proves the record as `paper replay verify` does. Needs no server.

    Exit code 1 if a record differs.
    """
    from schemas.avro.codec import Codec
    from streams.cli.replay import print_verification, say
    from streams.evidence.replay.archive import Archive
    from streams.evidence.replay.recorded_inputs import recorded_config
    from streams.evidence.replay.verify import verify as run

    archive = Archive(folder)
    say(f"{archive.check():,} records, all files as their hashes say")
    codec = Codec(archive)
    print_verification(run(recorded_config(archive, codec), archive, codec, say), as_json)


def import_(
    folder: Path = FOLDER, run_id: str = typer.Option(None, help="Name of the run in every row; the archive's own.")
) -> None:
    """Loads an archive into ClickHouse, each record with its place in Kafka."""
    from contextlib import closing

    from infra.settings import get_settings
    from streams.cli.replay import say
    from streams.evidence.replay.archive import Archive
    from streams.evidence.replay.load_archive import load_archive
    from streams.pipeline.sink.tables import Tables

    archive = Archive(folder)
    archive.check()
    settings = get_settings().model_copy(update={"run_id": run_id or archive.manifest["run_id"]})
    with closing(Tables(settings, lambda seconds: None)) as tables:
        rows = load_archive(archive, settings.run_id, tables, say)
    print(f"{rows:,} rows of run {settings.run_id}")
