"""Python's search for cycles of garbage, made rare: the core makes none, and every search looks at all its state."""

import gc

ALLOCATIONS = 100_000
"""Net allocations after which the young objects are searched."""


def search_rarely() -> None:
    """What is loaded by now is never searched again, what comes later seldom; without cycles memory is freed at once."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(ALLOCATIONS, 20, 20)
