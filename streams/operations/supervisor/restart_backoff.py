"""The pause before a process that died is started again."""

FIRST_S = 0.2
MAX_S = 30.0
STEADY_S = 10.0
"""A process that lived this long starts again with the first pause."""


class RestartBackoff:
    """Pauses that double with each early death."""

    def __init__(self) -> None:
        self._next_s = FIRST_S

    def pause_s(self, lived_s: float) -> float:
        """Returns the pause in seconds after a process that lived for lived_s."""
        if lived_s >= STEADY_S:
            self._next_s = FIRST_S
        pause_s, self._next_s = self._next_s, min(2 * self._next_s, MAX_S)
        return pause_s
