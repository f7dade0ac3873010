"""A base class for strategies that look at every nth quote and keep their position within a bound."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from schemas.records.enums import Side
from schemas.records.messages import OrderRequest, OrderResult
from streams.strategies.strategy import Holding, Tick, Ticket


class PacedStrategy(ABC):
    """A strategy that decides in on_look; see streams.strategies.strategy.Strategy.

    Attributes:
        ticket: makes the requests.
        quantity: of each order, 1e-9 units.
        max_position: bound of the strategy's own position, long and short, 1e-9 units.
        every: quotes from one look at the market to the next.
        holding: the strategy's own position.
    """

    def __init__(self, ticket: Ticket, quantity: int, max_position: int, every: int) -> None:
        self.ticket = ticket
        self.quantity = quantity
        self.max_position = max_position
        self.every = every
        self.holding = Holding()
        self._ticks = 0

    @abstractmethod
    def on_look(self, tick: Tick) -> Sequence[OrderRequest]:
        """Returns the requests to send after a quote that the strategy looks at."""

    def on_tick(self, tick: Tick) -> Sequence[OrderRequest]:
        """Counts the quote and looks at it if it is due."""
        self._ticks += 1
        return () if self._ticks % self.every else self.on_look(tick)

    def on_result(self, result: OrderResult) -> Sequence[OrderRequest]:
        """Adds a fill to the strategy's own position."""
        self.holding.add(result)
        return ()

    def has_room(self, side: Side) -> bool:
        """Returns whether a fill of one more order on this side stays within max_position."""
        direction = 1 if side is Side.BUY else -1
        return direction * self.holding.quantity + self.quantity <= self.max_position
