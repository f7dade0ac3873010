"""Prints what NautilusTrader makes of an expiring future; test_futures.py has the numbers of version 1.221.0.

Run it with the interpreter of the peers' environment: `.venv-peers/bin/python tests/oracle/nautilus_settlement.py`.
The venue of NautilusTrader closes what is held at the market, so the market quotes the settlement price at the expiry.
"""

from typing import Any

from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig, StrategyConfig
from nautilus_trader.model.currencies import USD
from nautilus_trader.model.data import QuoteTick
from nautilus_trader.model.enums import AccountType, AssetClass, OmsType, OrderSide
from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue
from nautilus_trader.model.instruments import FuturesContract
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.trading.strategy import Strategy

VENUE = Venue("SIM")
FUTURE = InstrumentId(Symbol("ESZ3"), VENUE)
START_NS, SECOND_NS = 1_700_000_000_000_000_000, 1_000_000_000
EXPIRY_NS = START_NS + 100 * SECOND_NS
ENTRY, SETTLED = "4500.25", "4510.50"


class Holder(Strategy):  # type: ignore[misc] # the library is not installed where types are checked
    """A strategy that opens a position at its first quote and leaves a far order in the book."""

    def __init__(self, side: OrderSide) -> None:
        super().__init__(StrategyConfig(strategy_id=f"holder-{side}"))
        self.side, self.began = side, False

    def on_start(self) -> None:
        """Subscribes to the quotes of the future."""
        self.subscribe_quote_ticks(FUTURE)

    def on_quote_tick(self, tick: Any) -> None:
        """Opens at the first quote."""
        if not self.began:
            self.began = True
            make, size = self.order_factory, Quantity.from_int(2)
            self.submit_order(make.market(FUTURE, self.side, size))
            self.submit_order(make.limit(FUTURE, OrderSide.BUY, size, Price.from_str("4000.00")))


def main() -> None:
    """Runs a long and a short holder, and prints status of the far order and realised PnL of each."""
    for side in (OrderSide.BUY, OrderSide.SELL):
        engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True)))
        cash = [Money(1_000_000, USD)]
        engine.add_venue(VENUE, OmsType.NETTING, AccountType.MARGIN, cash, base_currency=USD)
        engine.add_instrument(
            FuturesContract(
                instrument_id=FUTURE,
                raw_symbol=FUTURE.symbol,
                asset_class=AssetClass.INDEX,
                currency=USD,
                price_precision=2,
                price_increment=Price.from_str("0.25"),
                multiplier=Quantity.from_int(50),
                lot_size=Quantity.from_int(1),
                underlying="ES",
                activation_ns=0,
                expiration_ns=EXPIRY_NS,
                ts_event=0,
                ts_init=0,
            )
        )
        stamps = ((ENTRY, START_NS), (ENTRY, START_NS + SECOND_NS), (SETTLED, EXPIRY_NS))
        engine.add_data([_quote(price, at) for price, at in stamps])
        strategy = Holder(side)
        engine.add_strategy(strategy)
        engine.run()
        (position,) = engine.cache.positions()
        far = next(order for order in engine.cache.orders() if order.has_price)
        print(side, far.status_string(), position.realized_pnl)
        engine.dispose()


def _quote(price: str, at_ns: int) -> QuoteTick:
    value, size = Price.from_str(price), Quantity.from_int(1_000)
    return QuoteTick(FUTURE, value, value, size, size, at_ns, at_ns)


if __name__ == "__main__":
    main()
