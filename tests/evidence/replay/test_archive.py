"""Archives: every record comes back, a changed file is refused, and an archive verifies."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from infra.kafka.topics import BY_NAME, Partitions
from schemas.avro.codec import Codec
from schemas.memory_registry import MemoryRegistry
from streams.errors import ArchiveError
from streams.evidence.replay.archive import MANIFEST, Archive, write_archive
from streams.evidence.replay.archive_check import sha256_of
from streams.evidence.replay.recorded_inputs import recorded_config
from streams.evidence.replay.verify import verify
from tests.pipeline.journal.pipeline import PARTITIONS, MemoryPipeline, traded

COUNTS = {name: 1 if topic.partitions is Partitions.SINGLE else PARTITIONS for name, topic in BY_NAME.items()}


def archived(folder: Path) -> tuple[MemoryPipeline, Archive]:
    pipeline = traded()
    pipeline.log.append("orders", 0, b"A", b"\x07garbage", headers=(("h", b"\x00\xff"),))
    write_archive(folder, pipeline.log, COUNTS, MemoryRegistry(), "live", lambda _: None)
    return pipeline, Archive(folder)


def test_every_record_comes_back_as_it_was(tmp_path: Path) -> None:
    pipeline, archive = archived(tmp_path / "a")
    assert archive.check() == sum(map(len, pipeline.log.partitions.values()))
    for topic, count in COUNTS.items():
        for partition in range(count):
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


def test_dead_letters_are_archived_and_verified(tmp_path: Path) -> None:
    pipeline = traded()
    pipeline.send_bytes("orders", b"A", b"garbage")
    pipeline.run()
    write_archive(tmp_path / "a", pipeline.log, COUNTS, MemoryRegistry(), "live", lambda _: None)
    archive = Archive(tmp_path / "a")
    assert archive.check()
    codec = Codec(archive)
    result = verify(recorded_config(archive, codec), archive, codec)
    assert result.differences == []
    assert result.checked["dlq.orders"] == 1


def test_an_archive_of_an_earlier_version_need_not_hold_dead_letters(tmp_path: Path) -> None:
    pipeline = traded()
    pipeline.send_bytes("orders", b"A", b"garbage")
    pipeline.run()
    counts = {topic: count for topic, count in COUNTS.items() if not topic.startswith("dlq.")}
    write_archive(tmp_path / "a", pipeline.log, counts, MemoryRegistry(), "live", lambda _: None)
    with pytest.raises(ArchiveError, match=r"lacks topics: dlq\.orders"):
        Archive(tmp_path / "a").check()
    forge(tmp_path / "a", lambda manifest: manifest | {"format": 1})
    archive = Archive(tmp_path / "a")
    assert archive.check()
    codec = Codec(archive)
    assert verify(recorded_config(archive, codec), archive, codec, left_out=archive.missing).passed


def forge(folder: Path, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Rewrites the manifest."""
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps(change(manifest)))


def without(manifest: dict[str, Any], file: str) -> dict[str, Any]:
    return manifest | {"files": [item for item in manifest["files"] if item["file"] != file]}


def changed(manifest: dict[str, Any], name: str, /, **fields: Any) -> dict[str, Any]:
    files = [item | fields if item["file"] == name else item for item in manifest["files"]]
    return manifest | {"files": files}


FORGERIES: dict[str, tuple[Callable[[dict[str, Any]], dict[str, Any]], str]] = {
    "a file that is not listed": (lambda m: without(m, "fills-1.parquet"), r"lists no file of fills-1"),
    "a topic that is not listed": (
        lambda m: (
            without(without(m, "fills-0.parquet"), "fills-1.parquet")
            | {"partitions": {name: count for name, count in m["partitions"].items() if name != "fills"}}
        ),
        r"lacks topics: fills",
    ),
    "a path out of the folder": (
        lambda m: changed(m, "fills-0.parquet", file="../fills-0.parquet"),
        r"lists '\.\./fills-0\.parquet' as the file of fills-0",
    ),
    "a topic with a path": (
        lambda m: changed(m, "fills-0.parquet", topic="../fills", file="../fills-0.parquet"),
        r"lists no file of fills-0",
    ),
    "a file that is listed twice": (
        lambda m: m | {"files": [*m["files"], m["files"][0]]},
        r"which is no partition, or lists it twice",
    ),
    "an entry without a hash": (lambda m: m | {"files": [{"file": "fills-0.parquet"}]}, r"list of files can't be read"),
}


@pytest.mark.parametrize(("change", "names"), FORGERIES.values(), ids=FORGERIES)
def test_a_forged_manifest_is_refused(
    tmp_path: Path, change: Callable[[dict[str, Any]], dict[str, Any]], names: str
) -> None:
    archived(tmp_path / "a")
    (tmp_path / "fills-0.parquet").write_bytes((tmp_path / "a" / "fills-0.parquet").read_bytes())
    forge(tmp_path / "a", change)
    with pytest.raises(ArchiveError, match=names):
        Archive(tmp_path / "a").check()


@pytest.mark.parametrize(
    ("rows", "told", "names"),
    [
        (lambda table: table.slice(0, len(table) - 1), {}, r"the manifest says \d+: records are missing"),
        (lambda table: table.slice(1), {"records": -1}, r"holds offsets 1 to"),
        (lambda table: table.take([0, 2, 1, *range(3, len(table))]), {}, r"do not rise"),
        (None, {}, r"is no Parquet file of records"),
    ],
    ids=["a lost record", "a lost record that is not counted", "another order", "no Parquet"],
)
def test_a_changed_file_with_a_new_hash_is_refused(
    tmp_path: Path, rows: Callable[[pa.Table], pa.Table] | None, told: dict[str, int], names: str
) -> None:
    _, archive = archived(tmp_path / "a")
    path = tmp_path / "a" / "fills-0.parquet"
    if rows is None:
        path.write_bytes(b"garbage")
    else:
        pq.write_table(rows(pq.read_table(path)), path)
    (item,) = (item for item in archive.manifest["files"] if item["file"] == path.name)
    fields = {"sha256": sha256_of(path)} | {name: item[name] + by for name, by in told.items()}
    forge(tmp_path / "a", lambda manifest: changed(manifest, path.name, **fields))
    with pytest.raises(ArchiveError, match=names):
        Archive(tmp_path / "a").check()
    assert Archive(tmp_path / "a").sha256 != archive.sha256, "the manifest's own hash tells every forgery"


def test_a_file_that_links_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    archived(tmp_path / "a")
    path = tmp_path / "a" / "fills-0.parquet"
    path.rename(tmp_path / "fills-0.parquet")
    path.symlink_to(tmp_path / "fills-0.parquet")
    with pytest.raises(ArchiveError, match="leads out of the archive's folder"):
        Archive(tmp_path / "a").check()


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
    (tmp_path / MANIFEST).write_text(json.dumps({"format": 99, "partitions": {}}))
    with pytest.raises(ArchiveError, match="format 99"):
        Archive(tmp_path)
    with pytest.raises(ArchiveError, match="not empty"):
        write_archive(tmp_path, traded().log, COUNTS, MemoryRegistry(), "live", lambda _: None)
