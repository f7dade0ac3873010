"""How long a process that died waits for its restart."""

FIRST_S = 0.2
MAX_S = 30.0
STEADY_S = 10.0
"""Who has lived so long begins again with the first pause."""


class Backoff:
    """Pauses that double with each death in short order."""

    def __init__(self) -> None:
        self._next_s = FIRST_S

    def pause_s(self, lived_s: float) -> float:
        """Seconds to wait after a life of so many seconds."""
        if lived_s >= STEADY_S:
            self._next_s = FIRST_S
        pause_s, self._next_s = self._next_s, min(2 * self._next_s, MAX_S)
        return pause_s
