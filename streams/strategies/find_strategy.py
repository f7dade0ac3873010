"""Strategies by name: the examples, and any class of one's own."""

import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from streams.errors import InputError
from streams.strategies.market_maker import MarketMaker
from streams.strategies.mean_reversion import MeanReversion
from streams.strategies.momentum import Momentum
from streams.strategies.strategy import Strategy, Ticket

MakeStrategy = Callable[[Ticket, int, int, int], Strategy]
"""Of a ticket, the quantity of an order and the position bound (1e-9 units), and the ticks between two looks."""

STRATEGIES: dict[str, MakeStrategy] = {
    "market-maker": MarketMaker,
    "momentum": Momentum,
    "mean-reversion": MeanReversion,
}


def strategy_named(name: str) -> MakeStrategy:
    """An example by its name, or module:Class, looked for in the working folder too. Raises InputError."""
    if name in STRATEGIES:
        return STRATEGIES[name]
    module_name, colon, class_name = name.partition(":")
    if not (module_name and colon and class_name):
        raise InputError(f"strategy {name}: must be one of {', '.join(STRATEGIES)}, or your own as module:Class")
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.append(folder)
    try:
        found = getattr(import_module(module_name), class_name)
    except (ImportError, AttributeError) as error:
        raise InputError(f"strategy {name}: {error}; modules are looked for in {folder} and on PYTHONPATH") from error
    missing = [method for method in ("on_tick", "on_result") if not callable(getattr(found, method, None))]
    if missing:
        raise InputError(f"strategy {name}: it has no {missing[0]}(); see streams/strategies/strategy.py")
    make: MakeStrategy = found
    return make
