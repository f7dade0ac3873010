"""Finds workers that live but make no progress. Its verdicts depend on its observations alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple


class Observation(NamedTuple):
    """A consumer group at one moment.

    Attributes:
        at: seconds of the monotonic clock.
        positions: for each member, the sum of its partitions' positions.
        lagging: members that own a partition with waiting records.
        takeovers: for each worker that is taking shards over, a number that changes while it reads their records.
    """

    at: float
    positions: Mapping[str, int]
    lagging: frozenset[str]
    takeovers: Mapping[str, int]


STARTING = 5
"""A worker has this many times patience_s to join the group for the first time, and for each step of a take-over."""


@dataclass
class Watchdog:
    """Suspects a worker at its first observation without progress, and condemns it after patience_s.

    Every record that a worker reads while it takes shards over is progress.
    """

    patience_s: float
    _suspected: dict[str, float] = field(default_factory=dict)
    _positions: dict[str, int] = field(default_factory=dict)
    _takeovers: dict[str, int] = field(default_factory=dict)
    _joined: dict[str, float] = field(default_factory=dict)
    """The workers that were members, and when the process was started that was."""

    def observe(self, observation: Observation, started: Mapping[str, float]) -> dict[str, str]:
        """Returns the workers to kill, each with the reason.

        Args:
            observation: the newest.
            started: the living workers and when each was started, seconds of the same clock.
        """
        condemned = {}
        for worker, started_s in started.items():
            if worker in observation.positions:
                self._joined[worker] = started_s
            reason = self._reason(worker, observation)
            if reason is None:
                self._suspected.pop(worker, None)
            else:
                since = max(self._suspected.setdefault(worker, observation.at), started_s)
                is_starting = worker in observation.takeovers or self._joined.get(worker) != started_s
                if observation.at - since >= self.patience_s * (STARTING if is_starting else 1):
                    condemned[worker] = f"{reason} for {observation.at - since:.0f} s"
        self._positions = dict(observation.positions)
        self._takeovers = dict(observation.takeovers)
        for worker in condemned:
            del self._suspected[worker]
        return condemned

    def forget(self) -> None:
        """Drops all suspicions: while Kafka does not answer, no worker can make progress."""
        self._suspected.clear()

    def _reason(self, worker: str, observation: Observation) -> str | None:
        if self._takeovers.get(worker) != observation.takeovers.get(worker):
            return None
        if worker not in observation.positions:
            return "no member of the group"
        if worker in observation.lagging and self._positions.get(worker) == observation.positions[worker]:
            return "no progress although records are waiting"
        return None
