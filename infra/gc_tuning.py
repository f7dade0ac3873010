"""Tuning of Python's garbage collector: the core makes no reference cycles, and each collection scans its state."""

import gc

ALLOCATIONS = 100_000
"""Net allocations that trigger a collection of the youngest generation."""


def collect_rarely() -> None:
    """Exempts all present objects from collection and makes later collections rare.

    Memory outside of reference cycles is still freed at once.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(ALLOCATIONS, 20, 20)
