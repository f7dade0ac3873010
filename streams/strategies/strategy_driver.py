"""Calls a strategy with what happens, and returns the requests that it sends then."""

import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from schemas.records.enums import OrdStatus
from schemas.records.messages import OrderRequest, OrderResult
from schemas.records.numbers import NANOS_PER_DAY, NANOS_PER_S, price_to_decimal
from streams.errors import InputError, StrategyFailed
from streams.strategies.event_strategy import Strategy
from streams.strategies.market_view import (
    BookEvent,
    BookUpdate,
    QuoteEvent,
    SettlementUpdate,
    SplitUpdate,
    TradeEvent,
    TradeUpdate,
    Update,
)
from streams.strategies.order_rounding import exact
from streams.strategies.strategy import Tick
from streams.strategies.strategy_desk import StrategyDesk

TIME_MAX_NS = 2**63 - 1
WARM_UP_MAX_NS = 366 * NANOS_PER_DAY
PRODUCT = Path(__file__).resolve().parents[2] / "streams"


class StrategyDriver:
    """A driver of one strategy. Calls raise StrategyFailed if the strategy's code raises an error."""

    def __init__(self, strategy: Strategy, desk: StrategyDesk) -> None:
        self.strategy = strategy
        self._desk = desk
        self._started = False
        self._hears_quotes = self._hears_trades = self._hears_books = True
        self._clearing = ""
        self._past: list[tuple[str, Update]] = []

    @property
    def warm_up_ns(self) -> int:
        """Market time that the strategy must have seen before it may send. Raises InputError if it is negative."""
        span_ns = int(exact(self.strategy.warm_up_s, "warm_up_s") * NANOS_PER_S)
        if not 0 <= span_ns <= WARM_UP_MAX_NS:
            raise InputError(f"warm_up_s {self.strategy.warm_up_s}: must be from 0 to {WARM_UP_MAX_NS // NANOS_PER_S}")
        return span_ns

    def on_update(self, symbol: str, update: Update) -> Sequence[OrderRequest]:
        """Returns the requests after an update: first of timers, then of time bars that ended, then of the update."""
        if not self._started:
            if self._desk.account.working and not self.strategy.keeps_orders:
                return self._clear(symbol, update)
            self._start(update.ts)
        self._happen(symbol, update)
        return self._desk.drain()

    def show_past(self, past: Sequence[tuple[str, Update]]) -> None:
        """Takes updates in the order of market time, which the strategy will see when it starts, for its warm-up."""
        self._past = list(past)

    def _start(self, now_ns: int) -> None:
        desk, past = self._desk, [item for item in self._past if item[1].ts <= now_ns]
        self._past, self._started = [], True
        desk.now_ns = past[0][1].ts if past else now_ns
        warm_ns = desk.now_ns + self.warm_up_ns
        desk.sends_from_ns = TIME_MAX_NS if past else warm_ns
        self._call(self.strategy.on_start)
        self._hears_quotes, self._hears_trades, self._hears_books = (
            getattr(getattr(self.strategy, name), "__func__", None) is not getattr(Strategy, name)
            for name in ("on_quote", "on_trade", "on_book")
        )
        for symbol, update in past:
            self._happen(symbol, update)
        desk.sends_from_ns = warm_ns

    def _happen(self, symbol: str, update: Update) -> None:
        desk = self._desk
        desk.now_ns = max(desk.now_ns, update.ts)
        if desk.timers:
            for name in desk.due_timers():
                self._call(self.strategy.on_timer, name)
        for builder in desk.bars[symbol]:
            bar = builder.close_before(update.ts) if builder.is_time else None
            if bar is not None:
                self._call(self.strategy.on_bar, bar)
        self._show(symbol, update)
        for builder in desk.bars[symbol]:
            bar = builder.add(update)
            if bar is not None:
                self._call(self.strategy.on_bar, bar)

    def on_result(self, result: OrderResult) -> Sequence[OrderRequest]:
        """Returns the requests after a result of the account. What comes before on_start, the account notes alone."""
        self._desk.now_ns = max(self._desk.now_ns, result.ts)
        order, fill = self._desk.account.add(result)
        if not self._started:
            self._check_clearing(result)
            return ()
        if order is not None:
            self._call(self.strategy.on_order, order)
        if fill is not None:
            self._call(self.strategy.on_fill, fill)
        return self._desk.drain()

    def on_stop(self) -> Sequence[OrderRequest]:
        """Returns the requests with which the strategy ends; none if it never started."""
        if self._started:
            self._call(self.strategy.on_stop)
        return self._desk.drain()

    def after_error(self) -> Sequence[OrderRequest]:
        """Returns the requests that follow an error of the strategy: those of the broken call are left out."""
        self._desk.drain()
        self._desk.sends_from_ns = 0
        if self.strategy.cancel_on_error:
            self._desk.cancel_all()
        return self._desk.drain()

    def _clear(self, symbol: str, update: Update) -> Sequence[OrderRequest]:
        """Cancels, once, the orders of an earlier start. The strategy starts with the first update after their end."""
        self._desk.now_ns = max(self._desk.now_ns, update.ts)
        if self.warm_up_ns:
            self._past.append((symbol, update))
        if not self._clearing:
            self._clearing = self._desk.cancel_all()
        return self._desk.drain()

    def _check_clearing(self, result: OrderResult) -> None:
        if result.order_id == self._clearing and result.ord_status is OrdStatus.REJECTED:
            raise StrategyFailed(
                f"strategy {type(self.strategy).__name__}: the orders of an earlier start could not be canceled: "
                f"{result.text}"
            )

    def _show(self, symbol: str, update: Update) -> None:
        """Calls the strategy with an update, if it has code for updates of this kind."""
        if isinstance(update, Tick):
            self._desk.quotes[symbol] = update
            if self._hears_quotes:
                self._call(self.strategy.on_quote, QuoteEvent(symbol, update))
        elif isinstance(update, TradeUpdate):
            if self._hears_trades:
                price, size = price_to_decimal(update.price), price_to_decimal(update.size)
                self._call(self.strategy.on_trade, TradeEvent(symbol, price, size, update.aggressor, update.ts))
        elif isinstance(update, BookUpdate):
            if self._hears_books:
                self._call(self.strategy.on_book, BookEvent.of(symbol, update))
        elif isinstance(update, SplitUpdate):
            self._desk.account.split(symbol, update.to, update.of)
        elif isinstance(update, SettlementUpdate) and self._desk.instruments[symbol].is_expired(update.ts):
            self._desk.account.settle(symbol, update.price)

    def _call(self, callback: Callable[..., None], *arguments: Any) -> None:
        try:
            callback(*arguments)
        except Exception as error:
            raise StrategyFailed(
                f"strategy {type(self.strategy).__name__}: {callback.__name__}: {_told(error)}"
            ) from error


def _told(error: Exception) -> str:
    """Returns an error with the line of the strategy's own code that led to it."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not Path(frame.filename).is_relative_to(PRODUCT)] or frames[1:] or frames[:1]
    place = f"{own[-1].filename}:{own[-1].lineno}: {own[-1].line}" if own else "an unknown line"
    return f"{type(error).__name__}: {error}; at {place}"
