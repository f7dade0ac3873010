"""A worker's sign that it is taking its shards over, which may take longer than a worker may stand still.

The sign is a file in PAPER_HOME/run. It is there during a take-over, and its time changes while records are read.
"""

from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

from infra.settings import Settings
from streams.pipeline.journal.log import LogReader
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

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Shows the sign while the block runs."""
        self._touch()
        try:
            yield
        finally:
            self._file.unlink(missing_ok=True)

    def renew(self) -> None:
        """Renews the sign, at most once in TOUCH_INTERVAL_S."""
        if monotonic() - self._touched >= TOUCH_INTERVAL_S:
            self._touch()

    def _touch(self) -> None:
        self._touched = monotonic()
        self._file.touch()


class SigningReader:
    """A LogReader that renews a sign with each record."""

    def __init__(self, reader: LogReader, sign: TakeoverSign) -> None:
        self._reader = reader
        self._sign = sign

    def read(self, topic: str, partition: int, first_offset: int) -> Generator[RawRecord, None, None]:
        """See LogReader."""
        for record in self._reader.read(topic, partition, first_offset):
            self._sign.renew()
            yield record

    def bounds(self, topics: Iterable[str], partition: int) -> dict[str, tuple[int, int]]:
        """See LogReader."""
        return self._reader.bounds(topics, partition)

    def topic_ids(self, topics: Iterable[str]) -> dict[str, str]:
        """See LogReader."""
        return self._reader.topic_ids(topics)
