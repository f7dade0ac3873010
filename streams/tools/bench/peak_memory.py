"""Peak memory of processes, sampled by a thread."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psutil

SAMPLE_S = 0.2
BYTES_PER_MB = 1_000_000


class PeakMemory:
    """The highest sum of resident memory sampled so far, in megabytes."""

    def __init__(self) -> None:
        self.megabytes = 0.0

    def sample(self, pids: list[int]) -> None:
        """Adds up the resident memory of the processes that still live."""
        total = 0
        for pid in pids:
            try:
                total += psutil.Process(pid).memory_info().rss
            except psutil.NoSuchProcess:
                continue
        self.megabytes = max(self.megabytes, total / BYTES_PER_MB)


@contextmanager
def peak_memory(pids: Callable[[], list[int]]) -> Iterator[PeakMemory]:
    """Yields a peak that is sampled while the block runs. pids: returns the processes of a sample."""
    peak, stop = PeakMemory(), threading.Event()

    def sample() -> None:
        while not stop.wait(SAMPLE_S):
            peak.sample(pids())

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        stop.set()
        thread.join()
