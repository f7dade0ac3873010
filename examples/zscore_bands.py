r"""Bands by plain numpy: buys when the mid price is far below its mean, sells again when it is back.

./paper strategy run examples.zscore_bands:ZscoreBands --account mine --cash 100000 --symbol ACME.SIM --set enter=2
"""

from decimal import Decimal

import numpy as np
from pydantic import Field

from schemas.records.enums import Side, TimeInForce
from streams.core.reference.fields import PositiveDecimal
from streams.strategies.event_strategy import Strategy
from streams.strategies.market_view import QuoteEvent


class ZscoreBands(Strategy):
    """A strategy that is long or flat. Its window is an array, in which the newest price replaces the oldest."""

    class Parameters(Strategy.Parameters):
        """The parameters."""

        window: int = Field(default=200, ge=10, le=100_000, description="quotes of the mean and the deviation")
        enter: PositiveDecimal = Field(default=Decimal(2), description="deviations below the mean at which it buys")
        quantity: PositiveDecimal = Field(default=Decimal(10), description="units that it holds at most")

    def on_start(self) -> None:
        """Begins with an empty window."""
        self._prices = np.full(self.parameters.window, np.nan)
        self._count = 0

    def on_quote(self, quote: QuoteEvent) -> None:
        """Notes the mid price, and trades if it is at one of the bands."""
        mid = float(quote.mid)
        self._prices[self._count % self.parameters.window] = mid
        self._count += 1
        if self._count < self.parameters.window or self.working:
            return
        mean, deviation = self._prices.mean(), self._prices.std()
        held = self.position(self.symbol)
        if mid < mean - float(self.parameters.enter) * deviation and not held:
            self.order(Side.BUY, self.symbol, self.parameters.quantity, price=quote.ask, tif=TimeInForce.IOC)
        elif held > 0 and mid >= mean:
            self.order(Side.SELL, self.symbol, held, price=quote.bid, tif=TimeInForce.IOC)
