"""A strategy for tests that sends an order from each callback, and notes what it was called with."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from streams.strategies.event_strategy import Strategy
from streams.strategies.market_bars import BarKind, BarSource, MarketBar
from streams.strategies.market_view import BookEvent, QuoteEvent, TradeEvent
from streams.strategies.own_account import FillEvent, OwnOrder

CALLS_BETWEEN_ORDERS = 7


class EventProbe(Strategy):
    """A probe on two symbols. callback: the one that trades; fails_at: number of its call that raises an error."""

    symbol_count = 2
    newest: EventProbe

    class Parameters(Strategy.Parameters):
        """The parameters."""

        callback: str = "on_quote"
        fails_at: int = Field(default=0, ge=0)
        period: int = Field(default=3, ge=1, le=10)

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        EventProbe.newest = self
        self.calls: dict[str, list[Any]] = {}
        self.times_ns: dict[str, list[int]] = {}
        self.known_ns: dict[str, int] = {}

    def on_start(self) -> None:
        self._note("on_start", None, self.symbol)
        self.start_bars(self.symbol, "0.1")
        self.start_bars(self.symbol, 5, BarKind.TICK)
        self.start_bars(self.symbol, 50, BarKind.VOLUME, BarSource.TRADES)
        self.call_every("0.05", "even")
        self.call_after("0.07", "once")

    def on_quote(self, quote: QuoteEvent) -> None:
        self._note("on_quote", quote, quote.symbol)

    def on_trade(self, trade: TradeEvent) -> None:
        self._note("on_trade", trade, trade.symbol)

    def on_book(self, book: BookEvent) -> None:
        self._note("on_book", book, book.symbol)

    def on_bar(self, bar: MarketBar) -> None:
        self._note("on_bar", bar, bar.spec.symbol)

    def on_timer(self, name: str) -> None:
        self._note("on_timer", name, self.symbols[1])

    def on_order(self, order: OwnOrder) -> None:
        self._note("on_order", order, order.symbol)

    def on_fill(self, fill: FillEvent) -> None:
        self._note("on_fill", fill, fill.symbol)

    def _note(self, callback: str, event: Any, symbol: str) -> None:
        found = self.calls.setdefault(callback, [])
        found.append(event)
        self.times_ns.setdefault(callback, []).append(self.now_ns)
        starts = callback == "on_quote" and self.parameters.callback in ("on_order", "on_fill")
        if self.parameters.fails_at == len(found) and callback == self.parameters.callback:
            raise ZeroDivisionError("on purpose")
        if (callback == self.parameters.callback or starts) and len(found) % CALLS_BETWEEN_ORDERS == 1:
            side = (self.buy, self.sell)[len(found) // CALLS_BETWEEN_ORDERS % 2]
            self.known_ns[side(symbol, 10)] = self.now_ns
