"""`paper archive`: writes the record of a pipeline to files, verifies such files, and imports them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from streams.cli.command_group import add_group
from streams.cli.options import JSON, JSON_LINES

COLUMNS = ("exported_at", "run_id", "records", "files", "manifest_sha256")
FOLDER = typer.Argument(help="Folder of the archive.")
IMPORTED_RUN = typer.Option(None, "--run-id", help="Run of the imported rows; default: the archive's own run.")


def register(app: typer.Typer) -> None:
    """Adds the commands to `paper`."""
    add_group(
        app,
        "archive",
        "Keeps the record of a pipeline as files, which can be verified without any server.",
        {"export": export_archive, "list": list_archives, "verify": verify_archive, "import": import_archive},
    )


def export_archive(folder: Path = FOLDER) -> None:
    """Writes every topic of the pipeline to a new folder, with a manifest of hashes.

    ClickHouse keeps the hash of the manifest; `paper archive list` shows it.
    """
    from contextlib import closing

    from infra.clickhouse.client import connect
    from infra.settings import get_settings
    from streams.evidence.replay.archive import Archive
    from streams.evidence.replay.archive_register import record_archive

    with closing(connect(get_settings())) as client:
        manifest = write_pipeline(folder)
        archive = Archive(folder)
        record_archive(client, archive)
    records = sum(item["records"] for item in manifest["files"])
    print(f"{folder}: {records:,} records of run {manifest['run_id']} in {len(manifest['files'])} files")
    print(f"manifest sha256 {archive.sha256}, recorded in ClickHouse")


def list_archives(as_json: bool = JSON_LINES) -> None:
    """Lists the archives that were exported, newest first, with the hash of each manifest."""
    from contextlib import closing

    from infra.clickhouse.client import connect
    from infra.settings import get_settings
    from streams.cli.output import print_rows
    from streams.evidence.replay.archive_register import recorded_archives

    with closing(connect(get_settings())) as client:
        rows = recorded_archives(client)
    print_rows([row | {"exported_at": str(row["exported_at"])} for row in rows], COLUMNS, as_json)


def write_pipeline(folder: Path) -> dict[str, Any]:
    """Archives all topics of the pipeline and returns the manifest. Raises ArchiveError."""
    from infra.kafka.partition_check import check_partitions
    from infra.kafka.topics import BY_NAME
    from infra.settings import get_settings
    from schemas.registry import Registry
    from streams.cli.output import say
    from streams.evidence.replay.archive import write_archive
    from streams.pipeline.journal.kafka_log import KafkaLogReader

    settings = get_settings()
    check_partitions(settings)
    partitions = {topic.name: topic.partitions.count(settings) for topic in BY_NAME.values()}
    return write_archive(folder, KafkaLogReader(settings), partitions, Registry(settings), settings.run_id, say)


def verify_archive(folder: Path = FOLDER, as_json: bool = JSON) -> None:
    """Verifies an archive: each file against the manifest, then each record as `paper replay verify` does.

    Needs no server. Exit code 1 if a record differs, 2 if there is nothing to compare.
    """
    from schemas.avro.codec import Codec
    from streams.cli.output import say
    from streams.cli.proof_output import print_verification
    from streams.evidence.replay.archive import Archive
    from streams.evidence.replay.recorded_inputs import recorded_config
    from streams.evidence.replay.verify import verify

    archive = Archive(folder)
    say(f"{archive.check():,} records; every file is as the manifest says. manifest sha256 {archive.sha256}")
    codec = Codec(archive)
    print_verification(verify(recorded_config(archive, codec), archive, codec, say, left_out=archive.missing), as_json)


def import_archive(folder: Path = FOLDER, run_id: str = IMPORTED_RUN) -> None:
    """Imports an archive into ClickHouse, each record with its Kafka partition and offset."""
    from contextlib import closing

    from infra.settings import get_settings
    from streams.cli.output import say
    from streams.evidence.replay.archive import Archive
    from streams.evidence.replay.load_archive import load_archive
    from streams.pipeline.sink.tables import Tables

    archive = Archive(folder)
    say(f"{archive.check():,} records; every file is as the manifest says. manifest sha256 {archive.sha256}")
    settings = get_settings().model_copy(update={"run_id": run_id or archive.manifest["run_id"]})
    with closing(Tables(settings, lambda seconds: None)) as tables:
        rows = load_archive(archive, settings.run_id, tables, say)
    print(f"{rows:,} rows of run {settings.run_id}")
