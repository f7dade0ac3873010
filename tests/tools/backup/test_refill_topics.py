"""Archived records on a real broker: each has its offset, time, key, value and headers again, whatever the gaps."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.errors import TopicError
from infra.kafka.refill import close_after_refill, open_for_refill
from infra.kafka.topics import ensure_topics
from infra.settings import Settings
from schemas.memory_registry import MemoryRegistry
from schemas.records.numbers import NANOS_PER_MS
from streams.errors import BackupError
from streams.evidence.replay.archive import Archive, write_archive
from streams.pipeline.journal.kafka_log import KafkaLogReader
from streams.pipeline.journal.memory_log import MemoryLog
from streams.pipeline.journal.raw_records import RawRecord
from streams.tools.backup.refill_topics import refill_topics

TIME_NS = 1_381_305_600_000 * NANOS_PER_MS
OFFSETS = {0: [0, 1, 3, 4, 7, 11, 12], 1: [5, 6, 8, 20], 2: [0, 1, 2], 3: []}
"""Gaps of one, two and more offsets, records that begin later, none at all."""
ENDS = {0: 14, 1: 21, 2: 5, 3: 4}
TOPIC = "positions"


def archived(folder: Path) -> Archive:
    log = MemoryLog()
    for partition, offsets in OFFSETS.items():
        log.partitions[TOPIC, partition] = [
            RawRecord(
                TOPIC,
                partition,
                offset,
                f"key {offset}".encode(),
                None if offset == 4 else b"value" * offset,
                TIME_NS + offset * NANOS_PER_MS,
                (("a", b"\x00\xff"), ("a", b"")) if offset % 2 else (),
            )
            for offset in offsets
        ]
    write_archive(folder, log, {TOPIC: len(OFFSETS)}, MemoryRegistry(), "live", lambda _: None)
    return Archive(folder)


def test_records_come_back_at_their_offsets(pipeline_settings: Settings, tmp_path: Path) -> None:
    archive, ends = archived(tmp_path / "archive"), {TOPIC: list(ENDS.values())}
    open_for_refill(pipeline_settings)
    refill_topics(pipeline_settings, archive, ends, lambda _: None)
    reader = KafkaLogReader(pipeline_settings)
    for partition, end in ENDS.items():
        assert list(reader.read(TOPIC, partition, 0)) == list(archive.read(TOPIC, partition, 0))
        first = OFFSETS[partition][0] if OFFSETS[partition] else end
        assert reader.bounds([TOPIC], partition) == {TOPIC: (first, end)}

    with pytest.raises(TopicError, match=r"cleanup\.policy is delete, declared compact"):
        ensure_topics(pipeline_settings)
    close_after_refill(pipeline_settings)
    assert not ensure_topics(pipeline_settings).created, "the topics are as they are declared"

    with pytest.raises(BackupError, match="restore into another empty stack"):
        refill_topics(pipeline_settings, archive, ends, lambda _: None)
