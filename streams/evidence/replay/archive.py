"""Archives a pipeline's topics as files with a manifest of hashes, so that they can be verified without Kafka.

A Parquet file holds the records of one partition: offset, Kafka time, key, value and headers. The manifest names each
file with its SHA-256, its number of records, and their first and last offset. It also holds the schemas, so that no
registry is needed. Its own SHA-256 stands for the whole archive.
"""

import json
from collections.abc import Callable, Generator, Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from infra.kafka.topics import BY_NAME
from schemas.avro.codec import HEADER, SchemaSource
from schemas.avro.compatibility import extends
from schemas.errors import UndecodableRecord
from schemas.topic_schemas import load_schema
from streams import __version__
from streams.errors import ArchiveError
from streams.evidence.replay.archive_check import WITHOUT_OFFSETS, ArchivedFile, check_archive, file_name, sha256_of
from streams.pipeline.journal.log import LogReader
from streams.pipeline.journal.raw_records import RawRecord

MANIFEST = "manifest.json"
FORMAT = 2
BATCH_ROWS = 20_000
NOT_ARCHIVED = 0
HEADERS = pa.list_(pa.struct([("name", pa.string()), ("value", pa.binary())]))
COLUMNS = pa.schema(
    [
        ("offset", pa.int64()),
        ("timestamp_ns", pa.int64()),
        ("key", pa.binary()),
        ("value", pa.large_binary()),
        ("headers", HEADERS),
    ]
)


def write_archive(
    folder: Path,
    reader: LogReader,
    partitions: Mapping[str, int],
    schemas: SchemaSource,
    run_id: str,
    on_progress: Callable[[str], None],
) -> dict[str, Any]:
    """Writes all records of the topics and returns the manifest. partitions: number of partitions of each topic.

    Raises ArchiveError.
    """
    if folder.exists() and any(folder.iterdir()):
        raise ArchiveError(f"{folder} is not empty; name a new folder")
    folder.mkdir(parents=True, exist_ok=True)
    files, ids = [], {topic: {schemas.writer_id(topic)} for topic in partitions if BY_NAME[topic].has_schema}
    for topic, count in sorted(partitions.items()):
        for partition in range(count):
            on_progress(f"archiving {topic}-{partition}")
            files.append(_write_partition(folder, reader, topic, partition, ids.get(topic, set())))
    manifest = {
        "format": FORMAT,
        "run_id": run_id,
        "code_version": __version__,
        "partitions": dict(sorted(partitions.items())),
        "topic_ids": reader.topic_ids(partitions),
        "files": files,
        "schemas": _schemas(ids, schemas),
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n")
    return manifest


def _schemas(ids: dict[str, set[int]], schemas: SchemaSource) -> dict[str, Any]:
    """Returns the schemas by id. ids: of the records by topic; unknown ones come from values that are no records."""
    for topic, numbers in ids.items():
        schemas.learn(topic, schemas.unknown(topic, numbers))
    found = {}
    for topic, numbers in ids.items():
        for number in numbers:
            try:
                found[number] = schemas.schema_by_id(topic, number)
            except UndecodableRecord:
                continue
    return {str(number): found[number] for number in sorted(found)}


def _write_partition(folder: Path, reader: LogReader, topic: str, partition: int, ids: set[int]) -> dict[str, Any]:
    path = folder / file_name(topic, partition)
    records, waiting = 0, list[RawRecord]()
    first: int | None = None
    last: int | None = None
    with pq.ParquetWriter(path, COLUMNS, compression="zstd") as writer:
        for record in reader.read(topic, partition, 0):
            if record.value is not None and len(record.value) >= HEADER.size:
                ids.add(HEADER.unpack_from(record.value)[1])
            waiting.append(record)
            records += 1
            first, last = record.offset if first is None else first, record.offset
            if len(waiting) == BATCH_ROWS:
                writer.write_batch(_batch(waiting))
                waiting = []
        writer.write_batch(_batch(waiting))
    return ArchivedFile(path.name, topic, partition, records, sha256_of(path), first, last)._asdict()


def _batch(records: list[RawRecord]) -> pa.RecordBatch:
    columns = [
        [record.offset for record in records],
        [record.timestamp_ns for record in records],
        [record.key for record in records],
        [record.value for record in records],
        [[{"name": name, "value": value} for name, value in record.headers] for record in records],
    ]
    arrays = [pa.array(column, type=field.type) for column, field in zip(columns, COLUMNS, strict=True)]
    return pa.record_batch(arrays, schema=COLUMNS)


class Archive:
    """An archive for reading: a LogReader and a SchemaSource.

    Raises ArchiveError if the manifest is missing or can't be read.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            text = (folder / MANIFEST).read_bytes()
            self.manifest: dict[str, Any] = json.loads(text)
            found = self.manifest["format"]
            self.partitions: dict[str, int] = dict(self.manifest["partitions"])
        except OSError as error:
            raise ArchiveError(
                f"{folder / MANIFEST}: {error.strerror}; `paper archive export` writes archives"
            ) from error
        except (ValueError, KeyError, TypeError) as error:
            raise ArchiveError(f"{folder / MANIFEST}: {error!r}; `paper archive export` writes archives") from error
        if found not in (WITHOUT_OFFSETS, FORMAT):
            raise ArchiveError(
                f"{folder / MANIFEST}: format {found}, this version reads {WITHOUT_OFFSETS} and {FORMAT}"
            )
        self.sha256 = sha256(text).hexdigest()

    @property
    def missing(self) -> list[str]:
        """The topics that the archive does not hold: dead letters, if an earlier version wrote it."""
        return [topic for topic in BY_NAME if topic not in self.partitions]

    def check(self) -> int:
        """Compares every file with the manifest and returns the number of records. Raises ArchiveError."""
        return check_archive(self._folder, self.manifest)

    def read(self, topic: str, partition: int, first_offset: int) -> Generator[RawRecord, None, None]:
        """See streams.pipeline.journal.log.LogReader."""
        if partition >= self.partitions.get(topic, 0):
            return
        file = pq.ParquetFile(self._folder / file_name(topic, partition))
        for batch in file.iter_batches(BATCH_ROWS):
            for offset, time_ns, key, value, headers in zip(*(column.to_pylist() for column in batch), strict=True):
                if offset >= first_offset:
                    pairs = tuple((header["name"], header["value"]) for header in headers)
                    yield RawRecord(topic, partition, offset, key, value, time_ns, pairs)

    def bounds(self, topics: Iterable[str], partition: int) -> dict[str, tuple[int, int]]:
        """See streams.pipeline.journal.log.LogReader."""
        ends = {}
        for topic in topics:
            if partition >= self.partitions.get(topic, 0):
                ends[topic] = (0, 0)
                continue
            offsets = pq.read_table(self._folder / file_name(topic, partition), columns=["offset"])["offset"]
            ends[topic] = (offsets[0].as_py(), offsets[-1].as_py() + 1) if len(offsets) else (0, 0)
        return ends

    def topic_ids(self, topics: Iterable[str]) -> dict[str, str]:
        """See streams.pipeline.journal.log.LogReader."""
        return {topic: self.manifest["topic_ids"][topic] for topic in topics}

    def writer_id(self, topic: str) -> int:
        """Returns the archived id of the longest schema that today's extends, or NOT_ARCHIVED."""
        return self._written(topic)[0]

    def written_as(self, topic: str) -> dict[str, Any]:
        """See schemas.avro.codec.SchemaSource."""
        return self._written(topic)[1]

    def _written(self, topic: str) -> tuple[int, dict[str, Any]]:
        today = load_schema(topic)
        known = [(int(number), schema) for number, schema in self.manifest["schemas"].items() if extends(today, schema)]
        return max(known, key=lambda item: len(item[1]["fields"]), default=(NOT_ARCHIVED, today))

    def schema_by_id(self, topic: str, schema_id: int) -> dict[str, Any]:
        """See schemas.avro.codec.SchemaSource."""
        schema: dict[str, Any] | None = self.manifest["schemas"].get(str(schema_id))
        if schema is None:
            raise UndecodableRecord("UNKNOWN_SCHEMA", f"schema id {schema_id} is not in the archive")
        return schema

    def unknown(self, topic: str, schema_ids: Iterable[int]) -> set[int]:
        """See schemas.avro.codec.SchemaSource."""
        return set()

    def learn(self, topic: str, schema_ids: Iterable[int]) -> None:
        """See schemas.avro.codec.SchemaSource."""
