"""The pause before a process that died is started again."""

FIRST_S = 0.2
MAX_S = 30.0
STEADY_S = 10.0
"""A process that lived this long starts again with the first pause."""
MANY = 3
"""Early deaths in a row that `paper status` complains about."""


class RestartBackoff:
    """Pauses that double with each early death.

    steady_s: a process that lived this long starts again with the first pause.
    """

    def __init__(self, steady_s: float = STEADY_S) -> None:
        self._steady_s = steady_s
        self._next_s = FIRST_S
        self._early = 0

    def pause_s(self, lived_s: float) -> float:
        """Returns the pause in seconds after a process that lived for lived_s."""
        if lived_s >= self._steady_s:
            self._next_s, self._early = FIRST_S, 0
        else:
            self._early += 1
        pause_s, self._next_s = self._next_s, min(2 * self._next_s, MAX_S)
        return pause_s

    def complaint(self, lives_s: float) -> str:
        """Returns a text if the process dies again and again; else an empty one. lives_s: since its last start."""
        if self._early < MANY or lives_s >= self._steady_s:
            return ""
        return f"it has died {self._early} times in a row, each within {self._steady_s:.0f} s of its start"
