"""Checks an archive against its manifest: each partition has its file, in the folder, unchanged and complete."""

from hashlib import file_digest
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from infra.kafka.topics import BY_NAME, TOPICS
from streams.errors import ArchiveError

WITHOUT_OFFSETS = 1
"""Format of the first manifests. They name no offsets, and need not have dead letters."""


class ArchivedFile(NamedTuple):
    """An entry of a manifest. first_offset, last_offset: None if there are no records."""

    file: str
    topic: str
    partition: int
    records: int
    sha256: str
    first_offset: int | None = None
    last_offset: int | None = None


def file_name(topic: str, partition: int) -> str:
    """Returns the name of a partition's file."""
    return f"{topic}-{partition}.parquet"


def sha256_of(path: Path) -> str:
    """Returns the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def check_archive(folder: Path, manifest: dict[str, Any]) -> int:
    """Checks all files of an archive and returns the number of records. Raises ArchiveError."""
    files = _listed(manifest)
    _check_complete(manifest, files)
    for item in files:
        _check_file(folder, item, has_offsets=manifest["format"] != WITHOUT_OFFSETS)
    return sum(item.records for item in files)


def _listed(manifest: dict[str, Any]) -> list[ArchivedFile]:
    try:
        return [ArchivedFile(**item) for item in manifest["files"]]
    except (KeyError, TypeError) as error:
        raise ArchiveError(f"the manifest's list of files can't be read: {error!r}") from error


def _check_complete(manifest: dict[str, Any], files: list[ArchivedFile]) -> None:
    """Demands one file for each partition of each topic, and no others."""
    topics = TOPICS if manifest["format"] == WITHOUT_OFFSETS else BY_NAME.values()
    lacking = [topic.name for topic in topics if topic.name not in manifest["partitions"]]
    if lacking:
        raise ArchiveError(f"the manifest lacks topics: {', '.join(lacking)}; export the archive again")
    wanted = {(topic, number) for topic, count in manifest["partitions"].items() for number in range(count)}
    listed = [(item.topic, item.partition) for item in files]
    for topic, number in sorted(wanted - set(listed)):
        raise ArchiveError(f"the manifest lists no file of {topic}-{number}, a partition of the archive")
    for item in files:
        place = (item.topic, item.partition)
        if place not in wanted or item.topic not in BY_NAME or listed.count(place) > 1:
            raise ArchiveError(
                f"the manifest lists {item.topic}-{item.partition}, which is no partition, or lists it twice"
            )
        if item.file != file_name(*place):
            raise ArchiveError(
                f"the manifest lists {item.file!r} as the file of {item.topic}-{item.partition}, which is "
                f"{file_name(*place)!r} in the archive's folder"
            )


def _check_file(folder: Path, item: ArchivedFile, has_offsets: bool) -> None:
    path = folder / item.file
    if not path.is_file():
        raise ArchiveError(f"{path} is missing; the manifest names it")
    if path.resolve().parent != folder.resolve():
        raise ArchiveError(f"{path} leads out of the archive's folder, to {path.resolve()}")
    found = sha256_of(path)
    if found != item.sha256:
        raise ArchiveError(f"{path} has sha256 {found}, the manifest says {item.sha256}: it was changed")
    try:
        offsets = pq.read_table(path, columns=["offset"])["offset"].combine_chunks()
    except (pa.ArrowException, KeyError, OSError) as error:
        raise ArchiveError(f"{path} is no Parquet file of records: {error}") from error
    if len(offsets) != item.records:
        raise ArchiveError(
            f"{path} holds {len(offsets)} records, the manifest says {item.records}: records are missing"
        )
    if not has_offsets:
        return
    ends = (offsets[0].as_py(), offsets[-1].as_py()) if len(offsets) else (None, None)
    if ends != (item.first_offset, item.last_offset):
        raise ArchiveError(
            f"{path} holds offsets {ends[0]} to {ends[1]}, the manifest says {item.first_offset} to {item.last_offset}"
        )
    if not pc.all(pc.greater(offsets[1:], offsets[:-1])).as_py() and len(offsets) > 1:
        raise ArchiveError(f"{path} holds offsets that do not rise")
