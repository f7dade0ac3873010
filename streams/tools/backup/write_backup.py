"""Writes a backup: all that a pipeline at rest has in Kafka, the schema registry and ClickHouse, in one folder."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from infra.clickhouse.client import connect
from infra.kafka.partition_check import check_partitions
from infra.kafka.topics import BY_NAME
from infra.settings import Settings
from schemas.registered_versions import VERSIONS, registered_versions
from schemas.registry import Registry
from streams import __version__
from streams.errors import BackupError
from streams.evidence.replay.archive import MANIFEST, write_archive
from streams.evidence.replay.archive_check import sha256_of
from streams.pipeline.journal.kafka_log import KafkaLogReader
from streams.pipeline.sink.sink import group_id as sink_group
from streams.pipeline.worker.worker_group import group_id as worker_group
from streams.tools.backup.backup_manifest import (
    FORMAT,
    GROUPS_FILE,
    SUBJECTS_FILE,
    TABLES_FOLDER,
    TOPICS_FOLDER,
    BackupManifest,
    TableContent,
    table_file,
)
from streams.tools.backup.group_offsets import OFFSETS, demand_no_members, read_offsets
from streams.tools.backup.table_files import content_of, stored_tables, write_table

Progress = Callable[[str], None]
Ends = dict[str, list[int]]


def write_backup(settings: Settings, folder: Path, on_progress: Progress) -> BackupManifest:
    """Writes a backup to a new folder and returns its manifest.

    Raises BackupError if workers or a sink work, or if anything is written meanwhile; ArchiveError if the folder is not
    empty; LogUnavailable, ClickHouseError, RegistryUnavailable.
    """
    check_partitions(settings)
    demand_at_rest(settings, "take the backup again")
    if folder.exists() and any(folder.iterdir()):
        raise BackupError(f"{folder} is not empty; name a new folder")
    reader = KafkaLogReader(settings)
    ends = partition_ends(settings, reader)
    partitions = {topic: len(offsets) for topic, offsets in ends.items()}
    write_archive(folder / TOPICS_FOLDER, reader, partitions, Registry(settings), settings.run_id, on_progress)
    (folder / SUBJECTS_FILE).write_bytes(VERSIONS.dump_json(registered_versions(settings), indent=1))
    (folder / GROUPS_FILE).write_bytes(OFFSETS.dump_json(read_offsets(settings), indent=1))
    tables = _write_tables(settings, folder, on_progress)
    _demand_unchanged(ends, partition_ends(settings, reader))
    names = [f"{TOPICS_FOLDER}/{MANIFEST}", SUBJECTS_FILE, GROUPS_FILE, *(table_file(item.table) for item in tables)]
    manifest = BackupManifest(
        format=FORMAT,
        code_version=__version__,
        run_id=settings.run_id,
        topic_prefix=settings.topic_prefix,
        ends=ends,
        tables=tables,
        files={name: sha256_of(folder / name) for name in names},
    )
    manifest.write(folder)
    return manifest


def demand_at_rest(settings: Settings, what: str) -> None:
    """Demands that no workers and no sink work. what: to be done once they are stopped. Raises BackupError."""
    demand_no_members(settings, [worker_group(settings), sink_group(settings)], what)


def partition_ends(settings: Settings, reader: KafkaLogReader) -> Ends:
    """Returns the next offset to be written of each partition, by topic. Raises LogUnavailable."""
    counts = {base: topic.partitions.count(settings) for base, topic in BY_NAME.items()}
    # One connection for each number of a partition: a connection costs more than the answer.
    bounds = [
        reader.bounds([base for base, count in counts.items() if partition < count], partition)
        for partition in range(max(counts.values()))
    ]
    return {base: [bounds[partition][base][1] for partition in range(count)] for base, count in sorted(counts.items())}


def _write_tables(settings: Settings, folder: Path, on_progress: Progress) -> list[TableContent]:
    (folder / TABLES_FOLDER).mkdir()
    contents = []
    with closing(connect(settings)) as client:
        tables = stored_tables(client)
        for table in tables:
            on_progress(f"copying table {table}")
            before = content_of(client, tables, table)
            write_table(client, tables, table, folder / table_file(table))
            if content_of(client, tables, table) != before:
                raise BackupError(f"table {table} has changed meanwhile; stop what writes to it, and take it again")
            contents.append(before)
    return contents


def _demand_unchanged(before: Ends, after: Ends) -> None:
    for topic, offsets in before.items():
        if after[topic] != offsets:
            raise BackupError(
                f"records have been written to {topic} meanwhile; stop feeds, workers and clients, and take the backup "
                "again"
            )
