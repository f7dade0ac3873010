"""The example strategies by name."""

from collections.abc import Callable

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
