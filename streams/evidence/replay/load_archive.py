"""Loads an archive into ClickHouse: inserts the rows that the sink would have made of its topics."""

from collections.abc import Callable
from itertools import islice

from infra.kafka.topics import DLQ_PREFIX
from schemas.avro.codec import HEADER, Codec
from schemas.errors import UndecodableRecord
from schemas.records.numbers import NANOS_PER_MS
from streams.evidence.replay.archive import Archive
from streams.evidence.replay.run_results import BLOCK_ROWS, RowStore
from streams.evidence.replay.verify import CLIENT_TOPICS
from streams.pipeline.journal.raw_records import RawRecord
from streams.pipeline.sink import dead_letter_rows
from streams.pipeline.sink.avro_container import ContainerWriter, Row


def load_archive(archive: Archive, run_id: str, store: RowStore, on_progress: Callable[[str], None]) -> int:
    """Inserts every readable record under the schema that it was written with. Returns the number of rows."""
    rows, codec = 0, Codec(archive)
    for topic, partitions in archive.partitions.items():
        on_progress(f"loading {topic}")
        if topic.startswith(DLQ_PREFIX):
            rows += _load_letters(topic, partitions, archive, run_id, store)
            continue
        for partition in range(partitions):
            block: list[RawRecord] = []
            for record in archive.read(topic, partition, 0):
                if not _is_readable(record, codec):
                    continue
                if block and (_schema_id(block[-1]) != _schema_id(record) or len(block) == BLOCK_ROWS):
                    rows += _insert(topic, block, archive, run_id, store)
                    block = []
                block.append(record)
            if block:
                rows += _insert(topic, block, archive, run_id, store)
    return rows


def _load_letters(topic: str, partitions: int, archive: Archive, run_id: str, store: RowStore) -> int:
    writer, rows = ContainerWriter(dead_letter_rows.SCHEMA, run_id), 0
    for partition in range(partitions):
        records = archive.read(topic, partition, 0)
        while block := list(islice(records, BLOCK_ROWS)):
            letters = [dead_letter_rows.row_of(letter) for letter in block]
            store.insert(topic, letters, writer.build(letters))
            rows += len(letters)
    return rows


def _is_readable(record: RawRecord, codec: Codec) -> bool:
    """Returns whether a record becomes a row. Only clients write unreadable records, which have no row in any run."""
    if record.value is None:
        return False
    if record.topic in CLIENT_TOPICS:
        try:
            codec.decode(record.topic, record.value)
        except UndecodableRecord:
            return False
    return True


def _schema_id(record: RawRecord) -> int:
    assert record.value is not None
    schema_id: int = HEADER.unpack_from(record.value)[1]
    return schema_id


def _insert(topic: str, block: list[RawRecord], archive: Archive, run_id: str, store: RowStore) -> int:
    writer = ContainerWriter(archive.schema_by_id(topic, _schema_id(block[0])), run_id)
    rows = [
        Row(record.partition, record.offset, record.timestamp_ns // NANOS_PER_MS, record.value[HEADER.size :])
        for record in block
        if record.value is not None
    ]
    store.insert(topic, rows, writer.build(rows))
    return len(rows)
