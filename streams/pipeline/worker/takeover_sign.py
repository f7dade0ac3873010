"""A worker's sign that it is taking its shards over, which may take longer than a worker may stand still.

The sign is a file in PAPER_HOME/run. It is there during a take-over, and its time changes while records are read.
"""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from time import monotonic

from infra.settings import Settings
from streams.pipeline.journal.kafka_log import KafkaLogReader
from streams.pipeline.journal.raw_records import RawRecord

TOUCH_INTERVAL_S = 1.0


def takeover_file(settings: Settings, worker: str) -> Path:
    """Returns the path of a worker's sign."""
    return settings.paper_home / "run" / f"{settings.topic_prefix}{worker}.takeover"


def last_sign(settings: Settings, worker: str) -> int | None:
    """Returns a number that changes with each sign of a worker; None if it is not taking shards over."""
    try:
        return takeover_file(settings, worker).stat().st_mtime_ns
    except FileNotFoundError:
        return None


class TakeoverSign:
    """The sign of this process. Removes the one that an earlier process of the same name has left."""

    def __init__(self, settings: Settings, worker: str) -> None:
        self._file = takeover_file(settings, worker)
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.unlink(missing_ok=True)
        self._touched = 0.0
        self._shown = 0
        self._lock = Lock()

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Shows the sign while the block runs. Blocks may be nested, and run in several threads."""
        with self._lock:
            self._shown += 1
            self._touch()
        try:
            yield
        finally:
            with self._lock:
                self._shown -= 1
                if not self._shown:
                    self._file.unlink(missing_ok=True)

    def renew(self) -> None:
        """Renews the sign, at most once in TOUCH_INTERVAL_S. Call it inside shown()."""
        if monotonic() - self._touched >= TOUCH_INTERVAL_S:
            self._touch()

    def _touch(self) -> None:
        self._touched = monotonic()
        self._file.touch()


class SigningReader(KafkaLogReader):
    """A reader that shows a sign while it reads, and renews it with each record."""

    def __init__(self, settings: Settings, sign: TakeoverSign) -> None:
        super().__init__(settings)
        self._sign = sign

    def read(self, topic: str, partition: int, first_offset: int) -> Generator[RawRecord, None, None]:
        """See KafkaLogReader."""
        with self._sign.shown():
            for record in super().read(topic, partition, first_offset):
                self._sign.renew()
                yield record
