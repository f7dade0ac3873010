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
    """

    at: float
    positions: Mapping[str, int]
    lagging: frozenset[str]


@dataclass
class Watchdog:
    """Suspects a worker at its first observation without progress, and condemns it after patience_s."""

    patience_s: float
    _suspected: dict[str, float] = field(default_factory=dict)
    _positions: dict[str, int] = field(default_factory=dict)

    def observe(self, observation: Observation, started: Mapping[str, float]) -> dict[str, str]:
        """Returns the workers to kill, each with the reason.

        Args:
            observation: the newest.
            started: the living workers and when each was started, seconds of the same clock.
        """
        condemned = {}
        for worker, started_s in started.items():
            reason = self._reason(worker, observation)
            if reason is None:
                self._suspected.pop(worker, None)
            else:
                since = max(self._suspected.setdefault(worker, observation.at), started_s)
                if observation.at - since >= self.patience_s:
                    condemned[worker] = f"{reason} for {observation.at - since:.0f} s"
        self._positions = dict(observation.positions)
        for worker in condemned:
            del self._suspected[worker]
        return condemned

    def forget(self) -> None:
        """Drops all suspicions: while Kafka does not answer, no worker can make progress."""
        self._suspected.clear()

    def _reason(self, worker: str, observation: Observation) -> str | None:
        if worker not in observation.positions:
            return "no member of the group"
        if worker in observation.lagging and self._positions.get(worker) == observation.positions[worker]:
            return "no progress although records are waiting"
        return None
