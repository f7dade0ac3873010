"""Files and folders that appear only when they are whole."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree


@contextmanager
def whole_file(target: Path) -> Iterator[Path]:
    """Yields a path beside the target to write to. It becomes the target at the end, or is removed after an error."""
    part = target.with_name(f".{target.name}.part")
    try:
        yield part
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """Yields a new folder beside the target to write into. It becomes the target at the end, or is removed."""
    part = target.with_name(f".{target.name}.part")
    rmtree(part, ignore_errors=True)
    part.mkdir()
    try:
        yield part
        part.rename(target)
    finally:
        rmtree(part, ignore_errors=True)
