"""Pairs: sells the dear one of two instruments and buys the cheap one, and closes when they come together again.

See examples/strategies.yaml for its configuration.
"""

from collections import deque
from decimal import Decimal
from statistics import fmean, pstdev

from pydantic import Field

from schemas.records.enums import Side
from streams.core.reference.fields import PositiveDecimal
from streams.strategies.event_strategy import Strategy


class Pairs(Strategy):
    """A strategy on the ratio of two mid prices. It looks at them at even intervals of market time."""

    symbol_count = 2

    class Parameters(Strategy.Parameters):
        """The parameters."""

        period: int = Field(default=30, ge=2, le=100_000, description="looks over which mean and deviation are taken")
        interval_s: PositiveDecimal = Field(default=Decimal("0.2"), description="market seconds between two looks")
        enter: PositiveDecimal = Field(default=Decimal("1.5"), description="deviations from the mean to enter at")
        leave: Decimal = Field(default=Decimal("0.5"), ge=0, description="deviations from the mean to leave at")
        quantity: PositiveDecimal = Field(default=Decimal(10), description="units of each leg")

    def on_start(self) -> None:
        """Starts the looks."""
        self._ratios: deque[float] = deque(maxlen=self.parameters.period)
        self.call_every(self.parameters.interval_s, "look")

    def on_timer(self, name: str) -> None:
        """Compares the ratio with its past, and trades both legs."""
        first, second = (self.quote(symbol) for symbol in self.symbols)
        if first is None or second is None:
            return
        ratio = float(first.mid / second.mid)
        past = list(self._ratios)
        self._ratios.append(ratio)
        deviation = pstdev(past) if len(past) == self.parameters.period else 0.0
        if deviation == 0.0 or self.working:
            return
        score = (ratio - fmean(past)) / deviation
        if abs(score) >= self.parameters.enter:
            self._hold(-1 if score > 0 else 1)
        elif abs(score) <= self.parameters.leave:
            self._hold(0)

    def _hold(self, direction: int) -> None:
        """Brings the legs to a position: 1 long of the first and short of the second, -1 the other way, 0 none."""
        quantity = self.parameters.quantity
        for symbol, leg in zip(self.symbols, (direction * quantity, -direction * quantity), strict=True):
            missing = leg - self.position(symbol)
            if missing:
                self.order(Side.BUY if missing > 0 else Side.SELL, symbol, abs(missing))
