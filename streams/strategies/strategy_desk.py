"""A strategy's desk: it turns what a strategy asks for into requests, and keeps its clock, timers and bars."""

from collections.abc import Mapping
from typing import Any

from schemas.records.enums import Action, OffsetType, OrderType, Side, TimeInForce
from schemas.records.messages import OrderRequest
from schemas.records.numbers import NANOS_PER_S
from schemas.records.order_rules import form_problem
from streams.core.reference.instruments import Instrument
from streams.errors import InputError
from streams.strategies.market_bars import BarBuilder, BarKind, BarSource, BarSpec
from streams.strategies.order_rounding import (
    Number,
    exact,
    offset_on_tick,
    price_on_tick,
    quantity_in_lots,
    stop_on_tick,
)
from streams.strategies.own_account import OwnAccount
from streams.strategies.strategy import Tick

REQUESTS_MAX = 1_000
"""Most requests of one callback; more are a mistake in a loop."""


class StrategyDesk:
    """The desk of one strategy on one account.

    Attributes:
        instruments: by symbol, in the order of the configuration.
        account: the strategy's account.
        now_ns: market time, UTC nanoseconds; 0 before the first update.
        sends_from_ns: market time from which requests are taken.
        quotes: newest quote with both sides, by symbol.
        timers: next time and interval by name, both in nanoseconds; an interval of 0 ends with its call.
        bars: builders by symbol.
    """

    def __init__(
        self,
        account_id: str,
        strategy_id: str,
        instruments: Mapping[str, Instrument],
        account: OwnAccount,
        prefix: str,
        number: int = 0,
    ) -> None:
        """prefix: beginning of all order ids; empty: the account's id. number: of the last id given before."""
        self.instruments = dict(instruments)
        self.account = account
        self.now_ns = 0
        self.sends_from_ns = 0
        self.quotes: dict[str, Tick] = {}
        self.timers: dict[str, tuple[int, int]] = {}
        self.bars: dict[str, list[BarBuilder]] = {symbol: [] for symbol in instruments}
        self._account_id, self._strategy_id, self._prefix = account_id, strategy_id, prefix or account_id
        self._number = number
        self._outbox: list[OrderRequest] = []

    def drain(self) -> list[OrderRequest]:
        """Returns the requests since the last call."""
        requests, self._outbox = self._outbox, []
        return requests

    def new_id(self) -> str:
        """Returns an id that no order or group of the account has."""
        self._number += 1
        return f"{self._prefix}-{self._number}"

    def submit(
        self,
        side: Side,
        symbol: str,
        quantity: Number,
        order_type: OrderType,
        tif: TimeInForce,
        price: Number | None,
        stop_price: Number | None,
        trailing_offset: Number | None,
        trailing_type: OffsetType,
        display_quantity: Number | None,
        **flags: Any,
    ) -> str:
        """Sends a new order and returns its id. Raises InputError if a number or a combination is refused."""
        instrument = self._instrument(symbol)
        request = OrderRequest(
            action=Action.NEW,
            order_id=self.new_id(),
            orig_order_id=None,
            account_id=self._account_id,
            strategy_id=self._strategy_id,
            symbol=symbol,
            side=side,
            order_type=order_type,
            time_in_force=tif,
            quantity=quantity_in_lots(quantity, instrument),
            price=None if price is None else price_on_tick(price, side, instrument),
            ts=self.now_ns,
            stop_price=None if stop_price is None else stop_on_tick(stop_price, side, order_type, instrument),
            trailing_offset=(
                None if trailing_offset is None else offset_on_tick(trailing_offset, trailing_type, instrument)
            ),
            trailing_type=trailing_type,
            display_quantity=(
                None if display_quantity is None else quantity_in_lots(display_quantity, instrument, "display_quantity")
            ),
            **flags,
        )
        problem = form_problem(request)
        if problem is not None:
            raise InputError(f"order {request.order_id} in {symbol}: {problem}")
        self._put(request)
        return request.order_id

    def change(self, action: Action, order_id: str, **numbers: Number | None) -> str:
        """Sends a CANCEL, or a REPLACE with new numbers. Returns the request's id. Raises InputError."""
        order = self.account.working.get(order_id)
        fixed: dict[str, int | None] = {}
        if order is not None:
            instrument = self._instrument(order.symbol)
            for name, value in numbers.items():
                if value is None:
                    continue
                if name == "quantity":
                    fixed[name] = quantity_in_lots(value, instrument)
                elif name == "price":
                    fixed[name] = price_on_tick(value, order.side, instrument)
                else:
                    fixed[name] = stop_on_tick(value, order.side, order.order_type, instrument)
        elif action is Action.REPLACE:
            raise InputError(f"order {order_id}: it does not work, so it can't be replaced; look at self.working first")
        if action is Action.REPLACE and not fixed:
            raise InputError(f"order {order_id}: a replace needs a new quantity, price or stop_price")
        return self._put(self._request(action, order_id, "", **fixed))

    def cancel_all(self, symbol: str = "", side: Side = Side.UNKNOWN) -> str:
        """Sends a MASS_CANCEL. symbol: empty for all of the account."""
        return self._put(self._request(Action.MASS_CANCEL, None, symbol)._replace(side=side))

    def add_bars(self, symbol: str, kind: BarKind, size: Number, source: BarSource) -> BarSpec:
        """Starts a series of bars. size: seconds, updates or units. Raises InputError."""
        self._instrument(symbol)
        scaled = exact(size, "size") * (1 if kind is BarKind.TICK else NANOS_PER_S)
        if scaled < 1 or scaled % 1:
            raise InputError(f"bars of {symbol}: size {size} must be above 0, and a whole number for TICK")
        if kind is BarKind.VOLUME and source is BarSource.QUOTES:
            raise InputError(f"bars of {symbol}: quotes have no volume; take VOLUME from trades")
        spec = BarSpec(symbol, kind, int(scaled), source)
        self.bars[symbol].append(BarBuilder(spec))
        return spec

    def set_timer(self, name: str, seconds: Number, repeats: bool) -> None:
        """Sets a timer of market time. A repeated one is due at the multiples of its interval. Raises InputError."""
        interval = int(exact(seconds, "seconds") * NANOS_PER_S)
        if interval < 1:
            raise InputError(f"timer {name}: {seconds} s must be above 0")
        due = (self.now_ns // interval + 1) * interval if repeats else self.now_ns + interval
        self.timers[name] = due, interval if repeats else 0

    def due_timers(self) -> list[str]:
        """Returns the timers that are due, in the order of their times; one that was missed several times, once."""
        due = sorted((time_ns, name) for name, (time_ns, _) in self.timers.items() if time_ns <= self.now_ns)
        for _, name in due:
            interval = self.timers.pop(name)[1]
            if interval:
                self.timers[name] = (self.now_ns // interval + 1) * interval, interval
        return [name for _, name in due]

    def _request(self, action: Action, order_id: str | None, symbol: str, **numbers: int | None) -> OrderRequest:
        return OrderRequest(
            action=action,
            order_id=self.new_id(),
            orig_order_id=order_id,
            account_id=self._account_id,
            strategy_id=self._strategy_id,
            symbol=symbol or ("" if order_id is None else self._symbol_of(order_id)),
            side=Side.UNKNOWN,
            order_type=OrderType.UNKNOWN,
            time_in_force=TimeInForce.DAY,
            quantity=numbers.get("quantity"),
            price=numbers.get("price"),
            ts=self.now_ns,
            stop_price=numbers.get("stop_price"),
        )

    def _symbol_of(self, order_id: str) -> str:
        order = self.account.working.get(order_id)
        return next(iter(self.instruments)) if order is None else order.symbol

    def _put(self, request: OrderRequest) -> str:
        if self.now_ns < self.sends_from_ns:
            raise InputError(
                f"request {request.order_id}: the strategy is in its warm-up and may not send; ask self.is_warm first"
            )
        if len(self._outbox) >= REQUESTS_MAX:
            raise InputError(f"more than {REQUESTS_MAX} requests of one callback; is it a loop without an end?")
        self._outbox.append(request)
        self.account.sent((request,))
        return request.order_id

    def _instrument(self, symbol: str) -> Instrument:
        if symbol not in self.instruments:
            known = ", ".join(self.instruments)
            raise InputError(f"symbol {symbol}: the strategy trades {known}; name it in the configuration too")
        return self.instruments[symbol]
