"""The manifest of a backup: what the folder holds, with the SHA-256 of each file."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from streams.errors import BackupError
from streams.evidence.replay.archive import MANIFEST as ARCHIVE_MANIFEST
from streams.evidence.replay.archive import Archive
from streams.evidence.replay.archive_check import sha256_of

BACKUP_MANIFEST = "backup.json"
FORMAT = 1
TOPICS_FOLDER, TABLES_FOLDER = "topics", "tables"
SUBJECTS_FILE, GROUPS_FILE = "subjects.json", "groups.json"
FILE_NAME = rf"^({TOPICS_FOLDER}/{ARCHIVE_MANIFEST}|{SUBJECTS_FILE}|{GROUPS_FILE}|{TABLES_FOLDER}/\w+\.native)$"

FileName = Annotated[str, Field(pattern=FILE_NAME)]
Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Offset = Annotated[int, Field(ge=0, lt=2**63)]


class TableContent(BaseModel):
    """The rows of a table. digest: the sum of a 64-bit hash of each row, in whatever order."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    table: str = Field(pattern=r"^\w+$")
    rows: Offset
    digest: int = Field(ge=0, lt=2**64)


class BackupManifest(BaseModel):
    """The content of a backup. ends: by topic, the next offset to be written of each partition."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    format: int
    code_version: str
    run_id: str
    topic_prefix: str
    ends: dict[str, list[Offset]]
    tables: list[TableContent]
    files: dict[FileName, Hash]

    def write(self, folder: Path) -> None:
        """Writes the manifest, as the last file of a backup."""
        (folder / BACKUP_MANIFEST).write_text(self.model_dump_json(indent=1) + "\n")


def table_file(table: str) -> str:
    """Returns the name of a table's file in the folder of a backup."""
    return f"{TABLES_FOLDER}/{table}.native"


def read_backup(folder: Path) -> tuple[BackupManifest, Archive]:
    """Reads a backup's manifest, compares every file with it, and returns it with the archive of the topics.

    Raises BackupError and ArchiveError, which name the file.
    """
    path = folder / BACKUP_MANIFEST
    try:
        manifest = BackupManifest.model_validate_json(path.read_bytes())
    except OSError as error:
        raise BackupError(f"{path}: {error.strerror}; name a folder that `paper backup` has written") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise BackupError(f"{path}: {place}: {first['msg']}; take another copy of the backup") from error
    if manifest.format != FORMAT:
        raise BackupError(f"{path}: format {manifest.format}, this version reads {FORMAT}; restore with a newer one")
    _check_listed(path, manifest)
    for name, expected in manifest.files.items():
        _check_file(folder, name, expected)
    archive = Archive(folder / TOPICS_FOLDER)
    archive.check()
    partitions = {topic: len(ends) for topic, ends in manifest.ends.items()}
    if partitions != archive.partitions:
        raise BackupError(f"{path}: the partitions of `ends` are not those of the archived topics")
    return manifest, archive


def _check_listed(path: Path, manifest: BackupManifest) -> None:
    wanted = {f"{TOPICS_FOLDER}/{ARCHIVE_MANIFEST}", SUBJECTS_FILE, GROUPS_FILE}
    wanted |= {table_file(content.table) for content in manifest.tables}
    if different := sorted(wanted ^ manifest.files.keys()):
        raise BackupError(f"{path}: {different[0]} is listed without need, or is not listed; take another copy")


def _check_file(folder: Path, name: str, expected: str) -> None:
    path = folder / name
    if not path.is_file():
        raise BackupError(f"{path} is missing; the manifest names it; take another copy of the backup")
    if not path.resolve().is_relative_to(folder.resolve()):
        raise BackupError(f"{path} leads out of the backup's folder, to {path.resolve()}")
    found = sha256_of(path)
    if found != expected:
        raise BackupError(
            f"{path} has sha256 {found}, the manifest says {expected}: it was changed; take another copy of the backup"
        )
