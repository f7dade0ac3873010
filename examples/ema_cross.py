r"""EMA cross: buys when a fast average of the mid price crosses a slow one from below, with a target and a stop.

./paper strategy run examples.ema_cross:EmaCross --account mine --cash 100000 --symbol ACME.SIM --set fast=10
./paper replay run --run-id ema --with examples/strategies.yaml
"""

from decimal import Decimal
from typing import Self

from pydantic import Field, model_validator

from schemas.records.enums import Side
from streams.core.reference.fields import PositiveDecimal
from streams.strategies.event_strategy import Strategy
from streams.strategies.market_bars import BarKind, MarketBar
from streams.strategies.own_account import OwnOrder


class EmaCross(Strategy):
    """A strategy that holds one bracket at most. A cross to the other side before its end is left out."""

    class Parameters(Strategy.Parameters):
        """The parameters."""

        fast: int = Field(default=10, ge=1, le=10_000, description="bars of the fast average")
        slow: int = Field(default=20, ge=2, le=10_000, description="bars of the slow average")
        bar_ticks: int = Field(default=5, ge=1, le=100_000, description="quotes of a bar")
        quantity: PositiveDecimal = Field(default=Decimal(10), description="units of an order")
        distance_bps: PositiveDecimal = Field(default=Decimal(5), description="target and stop from the price, 1e-4")

        @model_validator(mode="after")
        def _fast_is_faster(self) -> Self:
            if self.fast >= self.slow:
                raise ValueError(f"fast {self.fast} must be below slow {self.slow}")
            return self

    def on_start(self) -> None:
        """Starts the bars. Leaves the position of an earlier start, whose bracket was canceled or half sent."""
        self._averages: tuple[Decimal, Decimal] | None = None
        self._bars = 0
        self.start_bars(self.symbol, self.parameters.bar_ticks, BarKind.TICK)
        self._leave()

    def on_bar(self, bar: MarketBar) -> None:
        """Moves the averages, and enters upon a cross."""
        before = self._averages or (bar.close, bar.close)
        periods = (self.parameters.fast, self.parameters.slow)
        fast, slow = (old + (bar.close - old) * 2 / (period + 1) for old, period in zip(before, periods, strict=True))
        self._averages = fast, slow
        self._bars += 1
        is_warm = self._bars > self.parameters.slow
        crossed = (before[0] > before[1]) != (fast > slow)
        if is_warm and crossed and not self.working and not self.position(self.symbol):
            self._enter(Side.BUY if fast > slow else Side.SELL, bar.close)

    def _enter(self, side: Side, price: Decimal) -> None:
        distance = price * self.parameters.distance_bps / 10_000
        target, stop = (
            (price + distance, price - distance) if side is Side.BUY else (price - distance, price + distance)
        )
        self.bracket(side, self.symbol, self.parameters.quantity, target, stop)

    def on_order(self, order: OwnOrder) -> None:
        """Leaves a position that an order could not protect, because the account refused it."""
        if order.terminal and not order.filled and not self.working:
            self._leave()

    def _leave(self) -> None:
        position = self.position(self.symbol)
        if position:
            self.order(Side.SELL if position > 0 else Side.BUY, self.symbol, abs(position), reduce_only=True)
