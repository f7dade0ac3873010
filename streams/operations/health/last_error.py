"""The error that last stopped each process, kept in PAPER_HOME/run until the next one."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.settings import Settings
from streams.operations.health.atomic_json import write_atomically
from streams.operations.health.health import LastError

SUFFIX = ".error.json"


@contextmanager
def remembered_errors(settings: Settings, process: str) -> Iterator[None]:
    """Saves an exception that leaves the block, and raises it again."""
    try:
        yield
    except Exception as error:
        remember_error(settings, process, error)
        raise


def remember_error(settings: Settings, process: str, error: BaseException) -> None:
    """Replaces the error file of a process atomically."""
    path = _folder(settings) / f"{settings.topic_prefix}{process}{SUFFIX}"
    write_atomically(path, LastError(process, time.time(), type(error).__name__, str(error))._asdict())


def last_error(settings: Settings) -> LastError | None:
    """Returns the newest error of this pipeline's processes, or None."""
    found = map(_read, _folder(settings).glob(f"{settings.topic_prefix}*{SUFFIX}"))
    return max((error for error in found if error is not None), key=lambda error: error.at, default=None)


def _read(path: Path) -> LastError | None:
    try:
        return LastError(**json.loads(path.read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None  # `paper down --purge` has just removed it, or a power cut has emptied it.


def _folder(settings: Settings) -> Path:
    return settings.paper_home / "run"
