"""Waits until shards have taken their inputs, as their journals say."""

from collections import Counter
from collections.abc import Mapping
from threading import Event
from time import monotonic

from streams.errors import NoAnswer
from streams.pipeline.clients.follow import Follower

POLL_S = 0.001
PATIENCE_S = 60.0

Taken = Mapping[tuple[str, int], int]
"""Number of records that shards have taken, by input topic and partition."""


class TakenInputs:
    """The numbers of inputs that the shards of a pipeline have taken since its beginning."""

    def __init__(self, journals: Follower) -> None:
        """journals: follows the topics JOURNALS from their beginnings."""
        self._journals = journals
        self._taken = Counter[tuple[str, int]]()
        self._stop = Event()

    def wait(self, wanted: Taken) -> None:
        """Waits until all of these inputs are taken, and what came of them is committed.

        Raises NoAnswer if no shard takes anything for PATIENCE_S, LogUnavailable.
        """
        deadline = monotonic() + PATIENCE_S
        while not self._stop.is_set():
            missing = [place for place, count in wanted.items() if self._taken[place] < count]
            if not missing:
                return
            for followed in self._journals.poll(POLL_S):
                deadline = monotonic() + PATIENCE_S
                for topic, count in zip(followed.message.topics, followed.message.counts, strict=True):
                    self._taken[topic, followed.partition] += count
            if monotonic() > deadline:
                topic, partition = place = missing[0]
                raise NoAnswer(
                    f"{topic}-{partition}: {self._taken[place]} of {wanted[place]} records were taken, and no shard "
                    f"took more for {PATIENCE_S:.0f} s; the logs of the workers say why"
                )

    def stop(self) -> None:
        """Makes wait() return at once. May be called from another thread."""
        self._stop.set()
