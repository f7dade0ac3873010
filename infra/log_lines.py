"""The log of a process on stderr: lines for people, or JSON objects for a log store under LOG_FORMAT=json."""

from __future__ import annotations

import json
import logging
import os
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path

from infra.settings import Settings

TEXT = "%(asctime)s %(levelname)s %(name)s %(message)s"
LIBRDKAFKA = "librdkafka"
"""Logger of the C library, whose lines would go past all loggers."""
NOISY = ("httpx", "httpx2")
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonLines(logging.Formatter):
    """Formats a record as one JSON object in a line: its own fields, and those that the call gave as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        """See logging.Formatter.format."""
        fields = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "pid": record.process,
            "thread": record.threadName,
            "message": record.getMessage(),
        }
        fields |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return json.dumps(fields, default=str)


def begin_logging(settings: Settings, level: str) -> None:
    """Sends the log of this process to stderr, in the form that LOG_FORMAT says."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if settings.log_format == "json" else logging.Formatter(TEXT))
    logging.basicConfig(level=level, handlers=[handler])
    for noisy in NOISY:
        logging.getLogger(noisy).setLevel(logging.WARNING)


def rotate_running(log: Path, kept_bytes: int) -> bool:
    """Copies a large log file aside and empties it while its process goes on writing. Returns whether it did.

    The process must append. What it writes between the last copy and the emptying is lost: some microseconds.
    """
    if not log.exists() or log.stat().st_size <= kept_bytes:
        return False
    with log.open("rb") as source, log.with_suffix(".old").open("wb") as target:
        while source.tell() < os.fstat(source.fileno()).st_size:
            shutil.copyfileobj(source, target)
        os.truncate(log, 0)
    return True
