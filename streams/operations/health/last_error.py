"""The error that last stopped each process, kept in PAPER_HOME/run until the next one."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.settings import Settings
from streams.operations.health.health import LastError

SUFFIX = ".error.json"


@contextmanager
def remembered_errors(settings: Settings, process: str) -> Iterator[None]:
    """Notes an error that leaves the block, and lets it pass."""
    try:
        yield
    except Exception as error:
        remember(settings, process, error)
        raise


def remember(settings: Settings, process: str, error: BaseException) -> None:
    """Writes it, whole or not at all."""
    path = _folder(settings) / f"{settings.topic_prefix}{process}{SUFFIX}"
    path.parent.mkdir(parents=True, exist_ok=True)
    document = LastError(process, time.time(), type(error).__name__, str(error))._asdict()
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps(document))
    temporary.replace(path)


def last_error(settings: Settings) -> LastError | None:
    """The newest of this pipeline's processes."""
    found = [
        LastError(**json.loads(path.read_text()))
        for path in _folder(settings).glob(f"{settings.topic_prefix}*{SUFFIX}")
    ]
    return max(found, key=lambda error: error.at, default=None)


def _folder(settings: Settings) -> Path:
    return settings.paper_home / "run"
