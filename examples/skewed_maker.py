"""A market maker on the book: it quotes around a fair price, and leans against what it holds.

See examples/strategies.yaml for its configuration.
"""

from decimal import Decimal

from pydantic import Field

from schemas.records.enums import Side
from schemas.records.numbers import price_to_decimal
from streams.core.reference.fields import PositiveDecimal
from streams.strategies.event_strategy import Strategy
from streams.strategies.market_view import BookEvent, BookLevel
from streams.strategies.own_account import OwnOrder


class SkewedMaker(Strategy):
    """A strategy with one passive order on each side, which it moves by replacing it."""

    keeps_orders = True

    class Parameters(Strategy.Parameters):
        """The parameters."""

        depth: int = Field(default=3, ge=1, le=1_000, description="levels of the book that count for the fair price")
        half_spread_bps: PositiveDecimal = Field(default=Decimal(2), description="distance of a quote, 1e-4")
        skew_bps: PositiveDecimal = Field(default=Decimal(4), description="shift of both quotes at max_position, 1e-4")
        quantity: PositiveDecimal = Field(default=Decimal(10), description="units of a quote")
        max_position: PositiveDecimal = Field(default=Decimal(50), description="units held at most, long or short")

    def on_start(self) -> None:
        """Begins without quotes, or with those of an earlier start."""
        self._quotes = {order.side: order.order_id for order in self.working.values()}
        self._moving: set[str] = set()

    def on_book(self, book: BookEvent) -> None:
        """Moves the quotes to the fair price, less the skew."""
        fair = _fair(book.bids[: self.parameters.depth], book.asks[: self.parameters.depth])
        if fair is None:
            return
        held = self.position(self.symbol)
        center = fair - fair * self.parameters.skew_bps / 10_000 * held / self.parameters.max_position
        half = fair * self.parameters.half_spread_bps / 10_000
        tick = price_to_decimal(self.instrument(self.symbol).tick_size)
        self._quote(Side.BUY, min(center - half, book.asks[0].price - tick), held)
        self._quote(Side.SELL, max(center + half, book.bids[0].price + tick), held)

    def _quote(self, side: Side, price: Decimal, held: Decimal) -> None:
        order = self.working.get(self._quotes.get(side, ""))
        after = (held if side is Side.BUY else -held) + self.parameters.quantity
        if order is None:
            if after <= self.parameters.max_position:
                self._quotes[side] = self.order(side, self.symbol, self.parameters.quantity, price=price)
            return
        tick = price_to_decimal(self.instrument(self.symbol).tick_size)
        moved = abs((order.price or price) - price) >= tick
        if moved and order.order_id not in self._moving:
            self._moving.add(order.order_id)
            self.replace(order.order_id, price=price)

    def on_order(self, order: OwnOrder) -> None:
        """Notes that a change of a quote has its answer."""
        self._moving.discard(order.order_id)


def _fair(bids: tuple[BookLevel, ...], asks: tuple[BookLevel, ...]) -> Decimal | None:
    """Returns the middle of both sides' best prices, each weighted by the size that stands against it."""
    if not bids or not asks:
        return None
    bid_size, ask_size = (sum((level.size or Decimal(1) for level in side), Decimal(0)) for side in (bids, asks))
    return (bids[0].price * ask_size + asks[0].price * bid_size) / (bid_size + ask_size)
