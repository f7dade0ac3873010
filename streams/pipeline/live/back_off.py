"""Delays between attempts to reconnect: exponential, bounded, with jitter from a seeded generator."""

from random import Random

STEADY_S = 60.0
"""A subscription that has lasted this long begins again with the first delay when it is lost."""
DOUBLINGS_MAX = 30


class BackOff:
    """Delays in seconds: first_s, doubled with each attempt up to most_s, each times a draw between 0.5 and 1.

    Half of the delay is kept, so that a venue that refuses is never hammered; the draw parts clients that a venue has
    dropped together (AWS Architecture Blog 2015, "Exponential Backoff And Jitter": equal jitter).
    """

    def __init__(self, draws: Random, first_s: float = 0.25, most_s: float = 60.0) -> None:
        assert 0 < first_s <= most_s
        self._draws, self._first_s, self._most_s = draws, first_s, most_s

    def delay_s(self, attempt: int) -> float:
        """Returns the delay before an attempt, numbered from 0."""
        assert attempt >= 0
        full: float = min(self._first_s * 2 ** min(attempt, DOUBLINGS_MAX), self._most_s)
        return full * self._draws.uniform(0.5, 1)
