"""Restores a backup into an empty stack, compares the two, and lets the pipeline go on there."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from infra.clickhouse.client import connect
from infra.kafka.refill import close_after_refill, open_for_refill
from infra.kafka.topics import BY_NAME, SETTING_NAMES, topic_name
from infra.settings import Settings
from schemas.registered_versions import VERSIONS, register_versions
from streams.errors import BackupError
from streams.evidence.replay.archive import Archive
from streams.pipeline.journal.kafka_log import KafkaLogReader, pipeline_proof
from streams.pipeline.journal.kinds import OWN_LOGS
from streams.pipeline.journal.provenance import only_genuine
from streams.pipeline.prepare import prepare_pipeline
from streams.tools.backup.backup_manifest import GROUPS_FILE, SUBJECTS_FILE, BackupManifest, table_file
from streams.tools.backup.compare_backup import Comparison, compare_backup
from streams.tools.backup.go_on import adopt_topics
from streams.tools.backup.group_offsets import OFFSETS, commit_offsets
from streams.tools.backup.refill_topics import refill_topics
from streams.tools.backup.table_files import content_of, insert_table, stored_tables
from streams.tools.backup.write_backup import demand_at_rest, partition_ends

Progress = Callable[[str], None]
T = TypeVar("T")
EMPTY_ONE = "restore into an empty stack: for a local one, set another PAPER_HOME"


def demand_same_pipeline(settings: Settings, manifest: BackupManifest, archive: Archive) -> None:
    """Demands the settings under which a backup was written, and its pipeline's key.

    Raises BackupError, and RecoveryError if the key is another.
    """
    for name, here, there in (
        ("TOPIC_PREFIX", settings.topic_prefix, manifest.topic_prefix),
        ("RUN_ID", settings.run_id, manifest.run_id),
    ):
        if here != there:
            raise BackupError(f"the backup is of {name}={there}, this stack has {name}={here}: set {name}={there}")
    for topic, count in archive.partitions.items():
        declared = BY_NAME[topic].partitions
        if declared.count(settings) != count:
            setting = SETTING_NAMES[declared]
            raise BackupError(
                f"the backup has {count} partitions of {topic}, {setting} declares {declared.count(settings)}: set "
                f"{setting}={count}"
            )
    proof = pipeline_proof(settings)
    if proof is not None:
        for topic in sorted(OWN_LOGS):
            for partition in range(archive.partitions[topic]):
                next(only_genuine(archive.read(topic, partition, 0), proof), None)


def restore_backup(
    settings: Settings, folder: Path, manifest: BackupManifest, archive: Archive, on_progress: Progress
) -> list[Comparison]:
    """Restores a backup that read_backup has checked, and returns how it compares. Servers must run.

    If everything is equal, the shards and the sink take the new topics for the old ones.

    Raises:
        BackupError: the stack is not empty, or has refused something.
        SchemaIdTaken: the registry can't give the schemas their ids.
        TopicError, MigrationError, LogUnavailable, RecoveryError: as preparing and taking over do.
    """
    offsets = _read(folder / GROUPS_FILE, OFFSETS)
    # 1. The schemas, because preparing the pipeline would take their ids.
    on_progress("restoring the schemas")
    register_versions(settings, _read(folder / SUBJECTS_FILE, VERSIONS))
    # 2. Topics and tables, which must be empty.
    prepare_pipeline(settings, on_progress)
    demand_at_rest(settings, "restore again")
    _demand_empty(settings, manifest)
    # 3. The records, each at its offset and with its time.
    open_for_refill(settings)
    refill_topics(settings, archive, manifest.ends, on_progress)
    # 4. The rows, and the groups' offsets.
    with closing(connect(settings)) as client:
        for content in manifest.tables:
            on_progress(f"restoring table {content.table}")
            insert_table(client, content.table, folder / table_file(content.table))
    commit_offsets(settings, offsets)
    # 5. The comparison, before compaction may begin.
    on_progress("comparing the stack with the backup")
    compared = compare_backup(settings, folder, manifest, archive)
    if any(item.difference for item in compared):
        return compared
    # 6. The pipeline goes on from here.
    close_after_refill(settings)
    adopt_topics(settings, archive, on_progress)
    return compared


def _read(path: Path, adapter: TypeAdapter[T]) -> T:
    try:
        return adapter.validate_json(path.read_bytes())
    except ValidationError as error:
        raise BackupError(f"{path}: {error.errors()[0]['msg']}; take another copy of the backup") from error


def _demand_empty(settings: Settings, manifest: BackupManifest) -> None:
    for topic, ends in partition_ends(settings, KafkaLogReader(settings)).items():
        for partition, end in enumerate(ends):
            if end:
                raise BackupError(f"topic {topic_name(settings, topic)}-{partition} has records; {EMPTY_ONE}")
    with closing(connect(settings)) as client:
        tables = stored_tables(client)
        for content in manifest.tables:
            if content.table not in tables:
                raise BackupError(f"this version has no table {content.table}; restore with {manifest.code_version}")
        for table in tables:
            if rows := content_of(client, tables, table).rows:
                raise BackupError(f"table {settings.clickhouse_database}.{table} has {rows:,} rows; {EMPTY_ONE}")
