"""Backups on disk: a damaged or missing file is named, and a forged manifest is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from schemas.memory_registry import MemoryRegistry
from streams.errors import ArchiveError, BackupError
from streams.evidence.replay.archive import MANIFEST, write_archive
from streams.evidence.replay.archive_check import sha256_of
from streams.tools.backup.backup_manifest import (
    BACKUP_MANIFEST,
    FORMAT,
    GROUPS_FILE,
    SUBJECTS_FILE,
    TABLES_FOLDER,
    TOPICS_FOLDER,
    BackupManifest,
    TableContent,
    read_backup,
    table_file,
)
from tests.evidence.replay.test_archive import COUNTS
from tests.pipeline.journal.pipeline import traded

FILLS = table_file("fills")


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("backup")
    log = traded().log
    write_archive(folder / TOPICS_FOLDER, log, COUNTS, MemoryRegistry(), "live", lambda _: None)
    (folder / TABLES_FOLDER).mkdir()
    (folder / FILLS).write_bytes(b"rows")
    for name in (SUBJECTS_FILE, GROUPS_FILE):
        (folder / name).write_text("[]")
    names = [f"{TOPICS_FOLDER}/{MANIFEST}", SUBJECTS_FILE, GROUPS_FILE, FILLS]
    ends = {
        topic: [log.bounds([topic], number)[topic][1] for number in range(count)] for topic, count in COUNTS.items()
    }
    BackupManifest(
        format=FORMAT,
        code_version="1",
        run_id="live",
        topic_prefix="",
        ends=ends,
        tables=[TableContent(table="fills", rows=4, digest=2**64 - 1)],
        files={name: sha256_of(folder / name) for name in names},
    ).write(folder)
    return folder


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Path:
    """A backup of the test's own."""
    for path in sorted(original.rglob("*")):
        copy = tmp_path / path.relative_to(original)
        if path.is_dir():
            copy.mkdir()
        else:
            copy.write_bytes(path.read_bytes())
    return tmp_path


def forge(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    path = folder / BACKUP_MANIFEST
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_a_whole_backup_is_read(folder: Path) -> None:
    manifest, archive = read_backup(folder)
    assert [content.table for content in manifest.tables] == ["fills"]
    assert archive.partitions == COUNTS


@pytest.mark.parametrize("name", [FILLS, SUBJECTS_FILE, GROUPS_FILE, f"{TOPICS_FOLDER}/{MANIFEST}"])
def test_a_changed_or_missing_file_is_named(folder: Path, name: str) -> None:
    path = folder / name
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(BackupError, match=rf"{name} has sha256 .* it was changed"):
        read_backup(folder)
    path.unlink()
    with pytest.raises(BackupError, match=f"{name} is missing"):
        read_backup(folder)


def test_a_changed_or_missing_file_of_a_topic_is_named(folder: Path) -> None:
    path = folder / TOPICS_FOLDER / "orders-0.parquet"
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(ArchiveError, match=r"orders-0\.parquet has sha256 .* it was changed"):
        read_backup(folder)
    path.unlink()
    with pytest.raises(ArchiveError, match=r"orders-0\.parquet is missing"):
        read_backup(folder)


def test_a_folder_without_a_manifest_is_no_backup(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="name a folder that `paper backup` has written"):
        read_backup(tmp_path)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda content: content.update(format=FORMAT + 1), "this version reads"),
        (lambda content: content.pop("ends"), "ends: Field required"),
        (lambda content: content["files"].update({"../../etc/passwd": "0" * 64}), "String should match pattern"),
        (lambda content: content["files"].pop(FILLS), f"{FILLS} is listed without need, or is not listed"),
        (lambda content: content["tables"][0].update(table="fills; DROP"), "String should match pattern"),
        (lambda content: content["ends"].pop("orders"), "not those of the archived topics"),
        (lambda content: content["ends"].update(orders=[-1]), "greater than or equal to 0"),
    ],
)
def test_a_forged_manifest_is_refused(folder: Path, change: Callable[[dict[str, Any]], Any], complaint: str) -> None:
    forge(folder, change)
    with pytest.raises(BackupError, match=complaint):
        read_backup(folder)


def test_a_link_out_of_the_folder_is_refused(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside") / "rows"
    (folder / FILLS).rename(outside)
    (folder / FILLS).symlink_to(outside)
    with pytest.raises(BackupError, match="leads out of the backup's folder"):
        read_backup(folder)
