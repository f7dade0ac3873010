"""A recording of raw frames: compressed lines of receipt time and text, one file for each hour and market."""

import gzip
import logging
from collections import deque
from contextlib import ExitStack
from datetime import UTC, datetime
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO
from urllib.parse import quote

from schemas.records.numbers import NANOS_PER_HOUR, NANOS_PER_MS, NANOS_PER_S
from streams.whole_file import whole_file

logger = logging.getLogger(__name__)

WAITING_MAX = 200_000
"""Frames that wait to be written; those that come when so many wait are missing in the recording, not in the feed."""
COMPRESSION = 3


class FrameRecording:
    """A folder of raw frames. A file appears when it is whole: at the end of its hour, and at end().

    Times of receipt never step back within the recording: a clock that is set back holds them.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._waiting: deque[tuple[int, str, str]] = deque()
        self._files: dict[str, tuple[ExitStack, TextIO]] = {}
        self._newest_ns = 0
        self.missing = 0

    def take(self, received_ns: int, market: str, text: str) -> None:
        """Takes a frame, to be written with the next write(). market: what the frame is of; names the file."""
        if len(self._waiting) < WAITING_MAX:
            self._waiting.append((received_ns, market, text))
            return
        if not self.missing:
            logger.warning("%s: the disk is slower than the frames: some are missing", self._folder)
        self.missing += 1

    def write(self) -> None:
        """Writes the frames that wait. May run in another thread than take(). Raises OSError."""
        while self._waiting:
            received_ns, market, text = self._waiting.popleft()
            if received_ns // NANOS_PER_HOUR > self._newest_ns // NANOS_PER_HOUR:
                self._end_files()
            self._newest_ns = max(self._newest_ns, received_ns)
            self._file_of(market).write(f"{self._newest_ns} {' '.join(text.splitlines())}\n")

    def end(self) -> None:
        """Writes the frames that wait, and ends all files. Raises OSError."""
        self.write()
        self._end_files()

    def _file_of(self, market: str) -> TextIO:
        if market not in self._files:
            moment = datetime.fromtimestamp(self._newest_ns // NANOS_PER_S, UTC)
            micros = self._newest_ns % NANOS_PER_S * 1_000 // NANOS_PER_MS
            name = f"{moment:%Y%m%dT%H%M%S}.{micros:06}Z-{quote(market, safe='')}.frames.gz"
            stack = ExitStack()
            part = stack.enter_context(whole_file(self._folder / name))
            packed = stack.enter_context(gzip.GzipFile(part, "wb", COMPRESSION))
            file = stack.enter_context(TextIOWrapper(packed, encoding="utf-8", newline="\n"))
            self._files[market] = (stack, file)
        return self._files[market][1]

    def _end_files(self) -> None:
        files, self._files = self._files, {}
        for stack, _ in files.values():
            stack.close()
