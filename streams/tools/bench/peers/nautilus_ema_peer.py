"""Trades an EMA cross with brackets in NautilusTrader's backtest engine, as the outside oracle of our example.

Bars, averages, brackets, triggers and fills are NautilusTrader's own. Only the entry rule is that of
examples/ema_cross.py: upon a cross of the averages, once both are warm, and while no bracket is open.
"""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

from nautilus_trader.examples.strategies.ema_cross import EMACross, EMACrossConfig
from nautilus_trader.model.data import Bar, BarType
from nautilus_trader.model.enums import OrderSide, OrderType, TimeInForce
from nautilus_trader.model.orders import OrderList

from streams.tools.bench.peers.market_file import MarketFile, load_arrays
from streams.tools.bench.peers.nautilus_peer import INSTRUMENT, make_engine, make_ticks
from streams.tools.bench.peers.peer_protocol import read_request, send_answer

KINDS = ("entry", "stop", "target", "leave")


class BracketCross(EMACross):  # type: ignore[misc] # the library is not installed where types are checked
    """NautilusTrader's example with our entry rule. distance: of target and stop, as a share of the bar's close."""

    def __init__(self, config: EMACrossConfig, distance: Decimal) -> None:
        super().__init__(config)
        self._distance = distance
        self._before: tuple[float, float] | None = None
        self._bars = 0
        self._orders: list[Any] = []
        self.fills: list[list[Any]] = []

    def on_bar(self, bar: Bar) -> None:
        """Enters upon a cross."""
        close = bar.close.as_decimal()
        before = self._before or (float(close), float(close))
        fast, slow = self.fast_ema.value, self.slow_ema.value
        self._before = fast, slow
        self._bars += 1
        crossed = (before[0] > before[1]) != (fast > slow)
        is_flat = self.portfolio.is_flat(self.config.instrument_id)
        if self._bars > self.config.slow_ema_period and crossed and is_flat and self._is_idle():
            self._enter(OrderSide.BUY if fast > slow else OrderSide.SELL, close)

    def _is_idle(self) -> bool:
        return all(order.is_closed for order in self._orders)

    def _enter(self, side: OrderSide, close: Decimal) -> None:
        distance = close * self._distance
        is_buy = side == OrderSide.BUY
        target, stop = (close + distance, close - distance) if is_buy else (close - distance, close + distance)
        rounding = ROUND_CEILING if is_buy else ROUND_FLOOR
        other = ROUND_FLOOR if is_buy else ROUND_CEILING
        orders: OrderList = self.order_factory.bracket(
            instrument_id=self.config.instrument_id,
            order_side=side,
            quantity=self.instrument.make_qty(self.config.trade_size),
            entry_order_type=OrderType.MARKET,
            time_in_force=TimeInForce.GTC,
            tp_price=self.instrument.make_price(self._on_tick(target, rounding)),
            tp_post_only=False,
            sl_trigger_price=self.instrument.make_price(self._on_tick(stop, other)),
        )
        self._orders = list(orders.orders)
        self.submit_order_list(orders)

    def _on_tick(self, price: Decimal, rounding: str) -> Decimal:
        tick: Decimal = self.instrument.price_increment.as_decimal()
        return (price / tick).to_integral_value(rounding) * tick

    def on_order_rejected(self, event: Any) -> None:
        """Leaves a position that an order could not protect, because the venue refused it."""
        position = self.portfolio.net_position(self.config.instrument_id)
        if position and self._is_idle():
            side = OrderSide.SELL if position > 0 else OrderSide.BUY
            quantity = self.instrument.make_qty(abs(position))
            order = self.order_factory.market(self.config.instrument_id, side, quantity, reduce_only=True)
            self._orders.append(order)
            self.submit_order(order)

    def on_order_filled(self, event: Any) -> None:
        """Notes a fill."""
        side = "BUY" if event.order_side == OrderSide.BUY else "SELL"
        kinds = {order.client_order_id: kind for order, kind in zip(self._orders, KINDS, strict=False)}
        kind = kinds[event.client_order_id]
        self.fills.append([event.ts_event, kind, side, str(event.last_qty), str(event.last_px)])


def main() -> None:
    """Answers with fills: time in UTC nanoseconds, kind, side, quantity, price. Parameters are those of the request."""
    request = read_request()
    market = load_arrays(MarketFile, request["market"])
    engine = make_engine(market, make_ticks(market))
    config = EMACrossConfig(
        instrument_id=INSTRUMENT,
        bar_type=BarType.from_str(f"{INSTRUMENT}-{request['bar_ticks']}-TICK-MID-INTERNAL"),
        trade_size=Decimal(request["quantity"]),
        fast_ema_period=request["fast"],
        slow_ema_period=request["slow"],
        subscribe_trade_ticks=False,
        request_bars=False,
        close_positions_on_stop=False,
    )
    strategy = BracketCross(config, Decimal(request["distance_bps"]) / 10_000)
    engine.add_strategy(strategy)
    engine.run()
    send_answer(fills=strategy.fills)


if __name__ == "__main__":
    main()
