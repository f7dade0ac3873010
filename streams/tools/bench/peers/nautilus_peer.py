"""Measures NautilusTrader's backtest engine on the market file, with quotes as ticks and orders made in advance.

The measurement favours NautilusTrader: no logging, no risk engine, a frozen account and no subscription to quotes; one
alarm at a time tells the strategy when the next order is due. Loading is reported separately.
"""

import time
from itertools import starmap
from typing import Any

import numpy as np
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.backtest.models import LatencyModel
from nautilus_trader.config import LoggingConfig, RiskEngineConfig, StrategyConfig
from nautilus_trader.core.uuid import UUID4
from nautilus_trader.model.currencies import BTC, USD
from nautilus_trader.model.data import QuoteTick
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide, OrderStatus, TimeInForce
from nautilus_trader.model.identifiers import ClientOrderId, InstrumentId, Symbol, Venue
from nautilus_trader.model.instruments import CurrencyPair
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.model.orders import LimitOrder
from nautilus_trader.trading.strategy import Strategy

from streams.tools.bench.peers.market_file import MarketFile, decimal_places, load_arrays
from streams.tools.bench.peers.peer_protocol import pack_flags, read_request, send_answer

UNIT = 1e9
VENUE = Venue("PEER")
INSTRUMENT = InstrumentId(Symbol("QUOTES"), VENUE)


class TimedOrders(Strategy):  # type: ignore[misc] # the library is not installed where types are checked
    """A strategy that submits given orders, each at its time (UTC nanoseconds)."""

    def __init__(self) -> None:
        super().__init__(StrategyConfig(strategy_id="peer"))
        self.due: list[tuple[int, LimitOrder]] = []

    def on_start(self) -> None:
        """Sets the first alarm when the engine starts."""
        self.due.reverse()
        self._set_alarm()

    def _set_alarm(self) -> None:
        if self.due:
            self.clock.set_time_alert_ns(f"order-{len(self.due)}", self.due[-1][0], self._submit)

    def _submit(self, event: Any) -> None:
        while self.due and self.due[-1][0] <= event.ts_event:
            self.submit_order(self.due.pop()[1])
        self._set_alarm()


def main() -> None:
    """Answers with quotes a second with and without orders, seconds of loading, and the flags of filled orders."""
    market = load_arrays(MarketFile, read_request()["market"])
    started = time.perf_counter()
    ticks = make_ticks(market)
    quotes_s = time.perf_counter() - started
    engine = make_engine(market, ticks)
    alone_s = _run(engine)
    engine.dispose()

    started = time.perf_counter()
    engine = make_engine(market, ticks)
    strategy = TimedOrders()
    engine.add_strategy(strategy)
    strategy.due = _orders(market, strategy)
    load_s = quotes_s + time.perf_counter() - started
    with_orders_s = _run(engine)
    ids = (ClientOrderId(str(number)) for number in range(len(market.order_ts)))
    filled = np.array([engine.cache.order(order_id).status == OrderStatus.FILLED for order_id in ids], bool)
    send_answer(
        quotes_per_s=len(ticks) / with_orders_s,
        no_orders_quotes_per_s=len(ticks) / alone_s,
        load_s=load_s,
        filled=pack_flags(filled),
    )


def _run(engine: BacktestEngine) -> float:
    started = time.perf_counter()
    engine.run()
    return time.perf_counter() - started


def make_engine(market: MarketFile, ticks: list[QuoteTick]) -> BacktestEngine:
    """Returns an engine of one instrument: a currency pair, because its sizes may have decimal places."""
    config = BacktestEngineConfig(
        logging=LoggingConfig(bypass_logging=True), risk_engine=RiskEngineConfig(bypass=True), run_analysis=False
    )
    engine = BacktestEngine(config)
    engine.add_venue(
        VENUE,
        OmsType.NETTING,
        AccountType.MARGIN,
        [Money(1_000_000_000, USD)],
        base_currency=USD,
        frozen_account=True,
        latency_model=LatencyModel(int(market.latency_ns[0])),
    )
    price_digits, size_digits = _digits(market)
    engine.add_instrument(
        CurrencyPair(
            instrument_id=INSTRUMENT,
            raw_symbol=INSTRUMENT.symbol,
            base_currency=BTC,
            quote_currency=USD,
            price_precision=price_digits,
            size_precision=size_digits,
            price_increment=Price(10.0**-price_digits, price_digits),
            size_increment=Quantity(10.0**-size_digits, size_digits),
            ts_event=0,
            ts_init=0,
        )
    )
    engine.add_data(ticks, sort=False)
    return engine


def _digits(market: MarketFile) -> tuple[int, int]:
    """Returns the decimal places of prices and of sizes."""
    return decimal_places(int(market.tick_size[0])), decimal_places(int(market.lot_size[0]))


def make_ticks(market: MarketFile) -> list[QuoteTick]:
    """Returns the quotes of a market as ticks."""
    price_digits, size_digits = _digits(market)

    def tick(ts: int, bid: int, bid_size: int, ask: int, ask_size: int) -> QuoteTick:
        prices = Price(bid / UNIT, price_digits), Price(ask / UNIT, price_digits)
        sizes = Quantity(bid_size / UNIT, size_digits), Quantity(ask_size / UNIT, size_digits)
        return QuoteTick(INSTRUMENT, *prices, *sizes, ts, ts)

    columns = (market.quote_ts, market.bid_px, market.bid_sz, market.ask_px, market.ask_sz)
    return list(starmap(tick, zip(*(column.tolist() for column in columns), strict=True)))


def _orders(market: MarketFile, strategy: Strategy) -> list[tuple[int, Any]]:
    price_digits, size_digits = _digits(market)
    columns = (market.order_ts, market.order_side, market.order_px, market.order_qty, market.cancel_ts)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return [
        (
            ts,
            LimitOrder(
                strategy.trader_id,
                strategy.id,
                INSTRUMENT,
                ClientOrderId(str(number)),
                OrderSide.BUY if side > 0 else OrderSide.SELL,
                Quantity(quantity / UNIT, size_digits),
                Price(px / UNIT, price_digits),
                UUID4(),
                ts,
                time_in_force=TimeInForce.GTD,
                expire_time_ns=cancel_ts,
            ),
        )
        for number, (ts, side, px, quantity, cancel_ts) in enumerate(rows)
    ]


if __name__ == "__main__":
    main()
