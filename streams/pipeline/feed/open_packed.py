"""Opening files that may be packed by gzip, zstd or zip, whatever their names say."""

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa

from streams.errors import FeedError

GZIP, ZSTD, ZIP = "gzip", "zstd", "zip"
MAGIC = {b"\x1f\x8b": GZIP, b"\x28\xb5\x2f\xfd": ZSTD, b"PK\x03\x04": ZIP}
MAGIC_BYTES = 4
DAMAGED = (OSError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError)
"""Errors of unpacking: zipfile raises the last two for methods that it does not know and for passwords."""


@contextmanager
def opened(path: Path) -> Iterator[tuple[pa.NativeFile, BinaryIO]]:
    """Yields the content of a file, unpacked, and the file itself.

    Raises:
        FeedError: there is no such file, or it can't be read or unpacked; also while it is being read.
    """
    packing = None
    try:
        packing = _packing(path)
        with path.open("rb") as file, ExitStack() as stack:
            yield _unpacked(path, packing, file, stack), file
    except FileNotFoundError as error:
        raise FeedError(f"{path}: there is no such file") from error
    except DAMAGED as error:
        if packing:
            raise FeedError(
                f"{path}: the {packing} data are damaged or cut off; fetch or pack the file again"
            ) from error
        if not isinstance(error, OSError):
            raise
        raise FeedError(f"{path}: the file can't be read: {error.strerror or error}") from error


def zip_members(path: Path) -> tuple[str, ...]:
    """Returns the names of the files in a zip file; none if the file is something else. Raises FeedError."""
    try:
        if _packing(path) != ZIP:
            return ()
        with zipfile.ZipFile(path) as archive:
            return tuple(archive.namelist())
    except FileNotFoundError as error:
        raise FeedError(f"{path}: there is no such file") from error
    except (OSError, zipfile.BadZipFile) as error:
        raise FeedError(f"{path}: the zip data are damaged or cut off; fetch or pack the file again") from error


def _packing(path: Path) -> str | None:
    with path.open("rb") as file:
        first = file.read(MAGIC_BYTES)
    return next((packing for magic, packing in MAGIC.items() if first.startswith(magic)), None)


def _unpacked(path: Path, packing: str | None, file: BinaryIO, stack: ExitStack) -> pa.NativeFile:
    if packing != ZIP:
        return stack.enter_context(pa.input_stream(file, compression=packing))
    archive = stack.enter_context(zipfile.ZipFile(file))
    members = [name for name in archive.namelist() if not name.endswith("/")]
    if len(members) != 1:
        raise FeedError(f"{path}: the zip file has {len(members)} files; it must have one, so unpack it")
    return pa.PythonFile(stack.enter_context(archive.open(members[0])), mode="r")
