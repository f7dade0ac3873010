"""Python's search for cycles of garbage, made rare: the core makes none, and every search looks at all its state."""

import gc

ALLOCATIONS = 100_000
"""Net allocations after which the young objects are searched."""


def search_rarely() -> None:
    """Never again what is loaded by now, seldom what comes later. Memory outside of cycles is freed at once."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(ALLOCATIONS, 20, 20)
