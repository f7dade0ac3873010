"""Archives: every record comes back, a changed file is refused, and an archive verifies."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infra.kafka.topics import TOPICS
from schemas.avro.codec import Codec
from schemas.memory_registry import MemoryRegistry
from streams.errors import ArchiveError
from streams.evidence.replay.archive import MANIFEST, Archive, write_archive
from streams.evidence.replay.recorded_inputs import recorded_config
from streams.evidence.replay.verify import verify
from tests.pipeline.journal.pipeline import PARTITIONS, MemoryPipeline, traded

COUNTS = {topic.name: PARTITIONS for topic in TOPICS}


def archived(folder: Path) -> tuple[MemoryPipeline, Archive]:
    pipeline = traded()
    pipeline.log.append("orders", 0, b"A", b"\x07garbage", headers=(("h", b"\x00\xff"),))
    write_archive(folder, pipeline.log, COUNTS, MemoryRegistry(), "live", lambda _: None)
    return pipeline, Archive(folder)


def test_every_record_comes_back_as_it_was(tmp_path: Path) -> None:
    pipeline, archive = archived(tmp_path / "a")
    assert archive.check() == sum(map(len, pipeline.log.partitions.values()))
    for topic in COUNTS:
        for partition in range(PARTITIONS):
            recorded = list(pipeline.log.read(topic, partition, 0))
            assert list(archive.read(topic, partition, 0)) == recorded
            assert list(archive.read(topic, partition, 3)) == recorded[3:]
            assert archive.bounds([topic], partition) == {topic: (0, len(recorded))}


def test_it_is_verified_without_a_server(tmp_path: Path) -> None:
    _, archive = archived(tmp_path / "a")
    codec = Codec(archive)
    result = verify(recorded_config(archive, codec), archive, codec)
    assert result.passed
    assert result.checked["fills"] > 0


def test_the_same_record_gives_the_same_files(tmp_path: Path) -> None:
    first, second = (archived(tmp_path / name)[1].manifest for name in "ab")
    assert first == second


def test_a_changed_or_missing_file_is_named(tmp_path: Path) -> None:
    _, archive = archived(tmp_path / "a")
    file = tmp_path / "a" / "fills-0.parquet"
    file.write_bytes(file.read_bytes()[:-1] + b"\x00")
    with pytest.raises(ArchiveError, match=r"fills-0\.parquet has sha256"):
        archive.check()
    file.unlink()
    with pytest.raises(ArchiveError, match=r"fills-0\.parquet is missing"):
        archive.check()


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=MANIFEST):
        Archive(tmp_path)
    (tmp_path / MANIFEST).write_text(json.dumps({"format": 99}))
    with pytest.raises(ArchiveError, match="format 99"):
        Archive(tmp_path)
    with pytest.raises(ArchiveError, match="not empty"):
        write_archive(tmp_path, traded().log, COUNTS, MemoryRegistry(), "live", lambda _: None)
