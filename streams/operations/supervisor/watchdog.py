"""Finds workers that live but do not work. A pure function of what was observed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple


class Observation(NamedTuple):
    """What Kafka told at a time in seconds.

    Args:
        positions: of each member of the group, the sum of its partitions' positions.
        lagging: members that own a partition with records waiting.
    """

    at: float
    positions: Mapping[str, int]
    lagging: frozenset[str]


@dataclass
class Watchdog:
    """Suspects a worker from its first observation without progress, and condemns it after patience_s of them."""

    patience_s: float
    _suspected: dict[str, float] = field(default_factory=dict)
    _positions: dict[str, int] = field(default_factory=dict)

    def observe(self, observation: Observation, born: Mapping[str, float]) -> dict[str, str]:
        """The workers to kill, and why. born: living workers and when each was started."""
        condemned = {}
        for worker, started in born.items():
            reason = self._reason(worker, observation)
            if reason is None:
                self._suspected.pop(worker, None)
            else:
                since = max(self._suspected.setdefault(worker, observation.at), started)
                if observation.at - since >= self.patience_s:
                    condemned[worker] = f"{reason} for {observation.at - since:.0f} s"
        self._positions = dict(observation.positions)
        for worker in condemned:
            del self._suspected[worker]
        return condemned

    def forget(self) -> None:
        """Kafka did not answer: nobody can be blamed for what happened meanwhile."""
        self._suspected.clear()

    def _reason(self, worker: str, observation: Observation) -> str | None:
        if worker not in observation.positions:
            return "no member of the group"
        if worker in observation.lagging and self._positions.get(worker) == observation.positions[worker]:
            return "no progress although records are waiting"
        return None
