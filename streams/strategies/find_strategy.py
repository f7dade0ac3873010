"""Finds strategies by name: the examples, and any class on the import path."""

import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from streams.errors import InputError
from streams.strategies.event_strategy import Strategy
from streams.strategies.market_maker import MarketMaker
from streams.strategies.mean_reversion import MeanReversion
from streams.strategies.momentum import Momentum
from streams.strategies.strategy import Ticket, TickStrategy

MakeStrategy = Callable[[Ticket, int, int, int], TickStrategy]
"""Called with a ticket, quantity and max_position in 1e-9 units, and the quotes from one look to the next."""

STRATEGIES: dict[str, MakeStrategy] = {
    "market-maker": MarketMaker,
    "momentum": Momentum,
    "mean-reversion": MeanReversion,
}


def find_strategy(name: str) -> MakeStrategy | type[Strategy]:
    """Returns an example by its name, or a class by module:Class; the working folder is searched too.

    Raises:
        InputError: there is no such strategy, or it is no subclass of Strategy and has no on_tick or on_result.
    """
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
        raise InputError(f"strategy {name}: {error}; modules are searched in {folder} and on PYTHONPATH") from error
    if isinstance(found, type) and issubclass(found, Strategy):
        return found
    missing = [method for method in ("on_tick", "on_result") if not callable(getattr(found, method, None))]
    if missing:
        raise InputError(
            f"strategy {name}: it is no Strategy (streams/strategies/event_strategy.py), and it has no {missing[0]}()"
        )
    make: MakeStrategy = found
    return make
