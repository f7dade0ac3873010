r"""RSI reversal: buys when the relative strength index of the bars is low, and sells again when it is high.

The indicator is talipp's, which takes one bar after the other; `pip install 'paper-trading-streams[indicators]'`
brings it. It begins with the past: no order before the index has `period` bars, also after a restart.

./paper strategy run examples.rsi_reversal:RsiReversal --account mine --cash 100000 --symbol ACME.SIM --set period=14
"""

from decimal import Decimal

from pydantic import Field
from talipp.indicators import RSI

from schemas.records.enums import Side, TimeInForce
from streams.core.reference.fields import PositiveDecimal
from streams.strategies.event_strategy import Strategy
from streams.strategies.market_bars import MarketBar


class RsiReversal(Strategy):
    """A strategy that is long or flat."""

    class Parameters(Strategy.Parameters):
        """The parameters."""

        period: int = Field(default=14, ge=2, le=1_000, description="bars of the index")
        bar_s: PositiveDecimal = Field(default=Decimal(1), description="market seconds of a bar")
        low: Decimal = Field(default=Decimal(35), gt=0, lt=100, description="index at which it buys")
        high: Decimal = Field(default=Decimal(65), gt=0, lt=100, description="index at which it sells")
        quantity: PositiveDecimal = Field(default=Decimal(10), description="units that it holds at most")

    @property
    def warm_up_s(self) -> Decimal:
        """Market seconds of the past with which it begins."""
        return self.parameters.bar_s * (self.parameters.period + 2)

    def on_start(self) -> None:
        """Starts the bars and the index."""
        self._index = RSI(period=self.parameters.period)
        self.start_bars(self.symbol, self.parameters.bar_s)

    def on_bar(self, bar: MarketBar) -> None:
        """Adds a bar to the index, and trades if it is at one of its bounds."""
        self._index.add(float(bar.close))
        self._index.purge_oldest(max(len(self._index) - 2 * self.parameters.period, 0))
        value, quote = self._index[-1], self.quote(self.symbol)
        if value is None or quote is None or self.working or not self.is_warm:
            return
        held, wanted = self.position(self.symbol), self.parameters.quantity
        if value <= self.parameters.low and held < wanted:
            self.order(Side.BUY, self.symbol, wanted - held, price=quote.ask, tif=TimeInForce.IOC)
        elif value >= self.parameters.high and held > 0:
            self.order(Side.SELL, self.symbol, held, price=quote.bid, tif=TimeInForce.IOC)
