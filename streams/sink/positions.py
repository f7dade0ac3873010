"""Where the sink goes on: behind the highest record that has a row or a dead letter. Group offsets don't count."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from confluent_kafka import OFFSET_BEGINNING

from infra.settings import Settings
from infra.topics import DLQ_PREFIX, dead_letter_topic
from streams.journal.kafka_log import KafkaLogReader
from streams.journal.records import RawRecord
from streams.sink import dead_letters
from streams.sink.tables import Tables


def next_offsets(settings: Settings, tables: Tables, topics: Iterable[str]) -> dict[tuple[str, int], int]:
    """The next offset of each partition of some topics, by base name; a partition without rows is missing.

    Raises:
        SinkError: ClickHouse stays away.
        LogUnavailable: Kafka does.
    """
    found: dict[tuple[str, int], int] = defaultdict(int)
    for topic in topics:
        for partition, offset in _highest(settings, tables, topic):
            found[topic, partition] = max(found[topic, partition], offset + 1)
    return dict(found)


def _highest(settings: Settings, tables: Tables, topic: str) -> Iterator[tuple[int, int]]:
    yield from tables.ends(topic).items()
    if topic.startswith(DLQ_PREFIX):
        return
    yield from tables.sink_dead_letters(topic).items()
    # Dead letters that have no row yet: few, because the sink reads them itself.
    letters = dead_letter_topic(topic)
    with_row = tables.ends(letters).get(0, -1)
    for letter in KafkaLogReader(settings).read(letters, 0, with_row + 1):
        yield from _refused_in_run(letter, settings.run_id)


def _refused_in_run(letter: RawRecord, run_id: str) -> Iterator[tuple[int, int]]:
    headers = dict(letter.headers)
    if headers.get("stage") == dead_letters.STAGE.encode() and headers.get("run_id") == run_id.encode():
        partition, offset = dead_letters.place(headers)
        if partition >= 0 and offset >= 0:
            yield partition, offset


def start_offset(positions: dict[tuple[str, int], int], topic: str, partition: int) -> int:
    """The offset to seek to."""
    return positions.get((topic, partition), OFFSET_BEGINNING)
