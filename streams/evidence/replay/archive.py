"""Archives a pipeline's topics as files with a manifest of hashes, so that they can be verified without Kafka.

A Parquet file holds the records of one partition: offset, Kafka time, key, value and headers. The manifest names each
file with its SHA-256. It also holds the schemas, so that no registry is needed.
"""

import json
from collections.abc import Callable, Generator, Iterable, Mapping
from hashlib import file_digest
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.avro.codec import HEADER, SchemaSource
from schemas.avro.compatibility import writes_alike
from schemas.errors import UndecodableRecord
from schemas.topic_schemas import load_schema
from streams import __version__
from streams.errors import ArchiveError
from streams.pipeline.journal.log import LogReader
from streams.pipeline.journal.raw_records import RawRecord

MANIFEST = "manifest.json"
FORMAT = 1
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
    files, ids = [], {topic: {schemas.writer_id(topic)} for topic in partitions}
    for topic, count in sorted(partitions.items()):
        for partition in range(count):
            on_progress(f"archiving {topic}-{partition}")
            files.append(_write_partition(folder, reader, topic, partition, ids[topic]))
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
    path = folder / f"{topic}-{partition}.parquet"
    records, waiting = 0, list[RawRecord]()
    with pq.ParquetWriter(path, COLUMNS, compression="zstd") as writer:
        for record in reader.read(topic, partition, 0):
            if record.value is not None and len(record.value) >= HEADER.size:
                ids.add(HEADER.unpack_from(record.value)[1])
            waiting.append(record)
            records += 1
            if len(waiting) == BATCH_ROWS:
                writer.write_batch(_batch(waiting))
                waiting = []
        writer.write_batch(_batch(waiting))
    return {"file": path.name, "topic": topic, "partition": partition, "records": records, "sha256": _sha256(path)}


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


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


class Archive:
    """An archive for reading: a LogReader and a SchemaSource.

    Raises ArchiveError if the manifest is missing or can't be read.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            self.manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
        except (OSError, json.JSONDecodeError) as error:
            raise ArchiveError(f"{folder / MANIFEST}: {error}; `paper archive export` writes archives") from error
        if self.manifest.get("format") != FORMAT:
            raise ArchiveError(
                f"{folder / MANIFEST}: format {self.manifest.get('format')}, this version reads {FORMAT}"
            )
        self.partitions: dict[str, int] = self.manifest["partitions"]

    def check(self) -> int:
        """Compares every file with its hash and returns the number of records. Raises ArchiveError."""
        for item in self.manifest["files"]:
            path = self._folder / item["file"]
            if not path.is_file():
                raise ArchiveError(f"{path} is missing; the manifest names it")
            found = _sha256(path)
            if found != item["sha256"]:
                raise ArchiveError(f"{path} has sha256 {found}, the manifest says {item['sha256']}: it was changed")
        return sum(item["records"] for item in self.manifest["files"])

    def read(self, topic: str, partition: int, first_offset: int) -> Generator[RawRecord, None, None]:
        """See streams.pipeline.journal.log.LogReader."""
        file = pq.ParquetFile(self._folder / f"{topic}-{partition}.parquet")
        for batch in file.iter_batches(BATCH_ROWS):
            for offset, time_ns, key, value, headers in zip(*(column.to_pylist() for column in batch), strict=True):
                if offset >= first_offset:
                    pairs = tuple((header["name"], header["value"]) for header in headers)
                    yield RawRecord(topic, partition, offset, key, value, time_ns, pairs)

    def bounds(self, topics: Iterable[str], partition: int) -> dict[str, tuple[int, int]]:
        """See streams.pipeline.journal.log.LogReader."""
        ends = {}
        for topic in topics:
            offsets = pq.read_table(self._folder / f"{topic}-{partition}.parquet", columns=["offset"])["offset"]
            ends[topic] = (offsets[0].as_py(), offsets[-1].as_py() + 1) if len(offsets) else (0, 0)
        return ends

    def topic_ids(self, topics: Iterable[str]) -> dict[str, str]:
        """See streams.pipeline.journal.log.LogReader."""
        return {topic: self.manifest["topic_ids"][topic] for topic in topics}

    def writer_id(self, topic: str) -> int:
        """Returns the archived id of a schema in which this version's records have the same bytes, or NOT_ARCHIVED."""
        today = load_schema(topic)
        schemas = self.manifest["schemas"].items()
        return int(next((number for number, schema in schemas if writes_alike(today, schema)), NOT_ARCHIVED))

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
