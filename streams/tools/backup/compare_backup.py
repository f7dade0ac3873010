"""Compares a restored pipeline with its backup: each record, schema, row and offset."""

from collections.abc import Iterable
from contextlib import closing
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

from infra.clickhouse.client import connect
from infra.settings import Settings
from schemas.registered_versions import VERSIONS, registered_versions
from streams.evidence.replay.archive import Archive
from streams.pipeline.journal.kafka_log import KafkaLogReader
from streams.pipeline.journal.raw_records import RawRecord
from streams.tools.backup.backup_manifest import GROUPS_FILE, SUBJECTS_FILE, BackupManifest, TableContent
from streams.tools.backup.group_offsets import OFFSETS, read_offsets
from streams.tools.backup.table_files import content_of, stored_tables
from streams.tools.backup.write_backup import partition_ends


class Comparison(NamedTuple):
    """A part of a restored pipeline beside the backup. difference: the first one; empty if the part is equal."""

    part: str
    amount: str
    difference: str = ""


def compare_backup(settings: Settings, folder: Path, manifest: BackupManifest, archive: Archive) -> list[Comparison]:
    """Compares everything that a backup holds. Raises LogUnavailable, ClickHouseError, RegistryUnavailable."""
    reader = KafkaLogReader(settings)
    found = partition_ends(settings, reader)
    topics = [
        _compare_topic(reader, archive, topic, ends, found[topic]) for topic, ends in sorted(manifest.ends.items())
    ]
    return [
        *topics,
        _compare_schemas(settings, folder),
        *_compare_tables(settings, manifest.tables),
        _compare_groups(settings, folder),
    ]


def _compare_topic(
    reader: KafkaLogReader, archive: Archive, topic: str, ends: list[int], found_ends: list[int]
) -> Comparison:
    records, difference = 0, ""
    for partition, (end, found_end) in enumerate(zip(ends, found_ends, strict=True)):
        if found_end != end:
            difference = difference or f"{topic}-{partition} ends at offset {found_end}, in the backup at {end}"
        if not found_end:
            # An empty partition needs no connection, which costs more than the rest.
            count, unequal = first_unequal(archive.read(topic, partition, 0), ())
        else:
            with closing(reader.read(topic, partition, 0)) as found:
                count, unequal = first_unequal(archive.read(topic, partition, 0), found)
        records += count
        difference = difference or unequal
    return Comparison(f"topic {topic}", f"{records:,} records", difference)


def first_unequal(expected: Iterable[RawRecord], found: Iterable[RawRecord]) -> tuple[int, str]:
    """Returns the number of equal records before the first difference, and that difference; empty if there is none."""
    count = 0
    for wanted, present in zip_longest(expected, found):
        if wanted != present:
            if wanted is None or present is None:
                extra = present or wanted
                return count, f"{extra.place} is only in {'the backup' if present is None else 'the topic'}"
            fields = [name for name in RawRecord._fields if getattr(wanted, name) != getattr(present, name)]
            return count, f"{wanted.place} has another {fields[0]} than in the backup"
        count += 1
    return count, ""


def _compare_schemas(settings: Settings, folder: Path) -> Comparison:
    expected = {(item.topic, item.schema_id) for item in VERSIONS.validate_json((folder / SUBJECTS_FILE).read_bytes())}
    present = {(item.topic, item.schema_id) for item in registered_versions(settings)}
    lost = sorted(expected - present)
    difference = f"id {lost[0][1]} of {lost[0][0]} is missing" if lost else ""
    return Comparison("registry", f"{len(expected)} schema ids", difference)


def _compare_tables(settings: Settings, contents: list[TableContent]) -> list[Comparison]:
    compared = []
    with closing(connect(settings)) as client:
        tables = stored_tables(client)
        for expected in contents:
            found = content_of(client, tables, expected.table)
            difference = ""
            if found.rows != expected.rows:
                difference = f"{found.rows:,} rows, in the backup {expected.rows:,}"
            elif found.digest != expected.digest:
                difference = "a row is another than in the backup"
            compared.append(Comparison(f"table {expected.table}", f"{expected.rows:,} rows", difference))
    return compared


def _compare_groups(settings: Settings, folder: Path) -> Comparison:
    expected = OFFSETS.validate_json((folder / GROUPS_FILE).read_bytes())
    present = set(read_offsets(settings))
    lost = [item for item in expected if item not in present]
    difference = (
        f"group {lost[0].group} does not stand at {lost[0].topic}-{lost[0].partition}@{lost[0].offset}" if lost else ""
    )
    return Comparison("consumer groups", f"{len(expected)} offsets", difference)
