"""TWAP: brings a position to a target in even slices of market time.

It looks at what the account holds, so after a restart it goes on with what is missing. See examples/strategies.yaml.
"""

from decimal import Decimal

from pydantic import Field

from schemas.records.enums import Side, TimeInForce
from streams.core.reference.fields import FixedDecimal, PositiveDecimal
from streams.strategies.event_strategy import Strategy


class Twap(Strategy):
    """A strategy whose slices take the touch, and never more than is missing."""

    class Parameters(Strategy.Parameters):
        """The parameters."""

        target: FixedDecimal = Field(default=Decimal(100), description="position to come to, units; negative: short")
        slice: PositiveDecimal = Field(default=Decimal(10), description="units of a slice")
        interval_s: PositiveDecimal = Field(default=Decimal(1), description="market seconds between two slices")

    def on_start(self) -> None:
        """Starts the slices."""
        self.call_every(self.parameters.interval_s, "slice")

    def on_timer(self, name: str) -> None:
        """Sends the next slice, unless one is still open."""
        quote, missing = self.quote(self.symbol), self.parameters.target - self.position(self.symbol)
        if quote is None or self.working or not missing:
            return
        side, price = (Side.BUY, quote.ask) if missing > 0 else (Side.SELL, quote.bid)
        quantity = min(abs(missing), self.parameters.slice)
        self.order(side, self.symbol, quantity, price=price, tif=TimeInForce.IOC)
