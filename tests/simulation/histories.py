"""Running histories: PAPER_SIMULATION_HISTORIES (default 2,000) of them, from PAPER_SIMULATION_SEED (default 0) on."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable

from tests.simulation.oracle import judge
from tests.simulation.world import World

HISTORIES = int(os.environ.get("PAPER_SIMULATION_HISTORIES", "2000"))
FIRST_SEED = int(os.environ.get("PAPER_SIMULATION_SEED", "0"))


class HistoryFailed(AssertionError):
    """A history that broke a promise; the message says how to run it again."""


def run_history(seed: int, make_world: Callable[[int], World] = World) -> Counter[str]:
    """Runs a history and judges it. Returns the injected faults. Raises HistoryFailed."""
    try:
        world = make_world(seed)
        world.run()
        judge(world)
    except Exception as error:
        again = f"PAPER_SIMULATION_SEED={seed} PAPER_SIMULATION_HISTORIES=1 ./paper test tests/simulation"
        raise HistoryFailed(f"history {seed}: {type(error).__name__}: {error}\nsee it again: {again}") from error
    return world.injected
