"""Instruments, limit orders and quotes of the measurements."""

from schemas.records.enums import Action, OrderType, Side, TimeInForce
from schemas.records.messages import MarketData, OrderRequest
from schemas.records.numbers import to_price
from streams.core.market.market_data import QUOTE
from streams.core.reference.declarations import InstrumentConfig

STRATEGY_ID = "bench"
QUOTE_SIZE = to_price(100_000)
"""Size of both sides of a quote, which takes many orders; 1e-9 units."""


def dollar_instrument(symbol: str, **fields: object) -> InstrumentConfig:
    """Returns an instrument in USD with a tick of 0.01 and lots of 1; fields: further fields of InstrumentConfig."""
    sizes = {"tick_size": "0.01", "lot_size": "1", "min_quantity": "1", "max_quantity": "100000"}
    return InstrumentConfig.model_validate({"symbol": symbol, "currency": "USD"} | sizes | fields)


def exchange_instrument(symbol: str) -> InstrumentConfig:
    """Returns an instrument with trading hours and a margin rate, so that every control has something to check."""
    hours = {"calendar": "XNYS", "timezone": "America/New_York", "day_start": "04:00", "day_end": "20:00"}
    return dollar_instrument(symbol, margin_rate="0.25", **hours)


def limit_order(
    order_id: str,
    account_id: str,
    symbol: str,
    side: Side,
    quantity: int,
    price: int,
    time_in_force: TimeInForce,
    ts: int,
    strategy_id: str = STRATEGY_ID,
) -> OrderRequest:
    """Returns a new LIMIT order; quantity in 1e-9 units, price in 1e-9 of the currency, ts in UTC nanoseconds."""
    return OrderRequest(
        action=Action.NEW,
        order_id=order_id,
        orig_order_id=None,
        account_id=account_id,
        strategy_id=strategy_id,
        symbol=symbol,
        side=side,
        order_type=OrderType.LIMIT,
        time_in_force=time_in_force,
        quantity=quantity,
        price=price,
        ts=ts,
    )


def quote(symbol: str, ts: int, bid: int, ask: int) -> MarketData:
    """Returns a market data record of one quote; prices in 1e-9 of the currency, ts in UTC nanoseconds."""
    return MarketData(symbol, ts, QUOTE, [ts], [bid], [QUOTE_SIZE], [ask], [QUOTE_SIZE], [], [], "")
