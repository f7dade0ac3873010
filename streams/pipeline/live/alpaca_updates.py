"""Makes updates of messages from Alpaca's market data streams, and refuses what no market can have said.

Fields and codes: https://docs.alpaca.markets/docs/real-time-stock-pricing-data. Sizes of quotes are shares (round lots
until November 3, 2025; Alpaca's Market Data API), of coins units.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from streams.pipeline.live.source import LiveQuote, LiveTrade
from streams.pipeline.live.update_checks import checked_quote, checked_trade, demand_past, side_of
from streams.pipeline.live.update_refusals import RefusedUpdate

TAKERS = {"B": "B", "S": "S"}
HALTED = {"2", "H", "P"}
"""Codes of trading halts: CTA's halt, UTP's halt and volatility pause."""
TRADED = {"3", "T"}
"""Codes after which a stock trades again. UTP's Q, quotes without trades, is not one of them."""
REASON_CHARS = 120


class StockStatus(NamedTuple):
    """A word about a stock: it is halted, or trades again. reason: the exchange's own words."""

    is_halted: bool
    reason: str


def quote_of_alpaca(symbol: str, message: Mapping[str, Any], received_ns: int) -> LiveQuote:
    """Returns the best bid and ask; a side without price or size is empty. Raises RefusedUpdate."""
    bid = side_of(message.get("bp"), message.get("bs"))
    ask = side_of(message.get("ap"), message.get("as"))
    return checked_quote(symbol, _time_of(message, received_ns), received_ns, bid, ask)


def trade_of_alpaca(symbol: str, message: Mapping[str, Any], received_ns: int) -> LiveTrade:
    """Returns a trade; only those of coins tell who took. Raises RefusedUpdate."""
    taker = message.get("tks")
    aggressor = TAKERS.get(taker, "-") if isinstance(taker, str) else "-"
    time_ns = _time_of(message, received_ns)
    return checked_trade(symbol, time_ns, received_ns, message.get("p"), message.get("s"), aggressor)


def status_of_alpaca(message: Mapping[str, Any]) -> StockStatus | None:
    """Returns what a status says of trading; None if it neither halts nor resumes it."""
    code = message.get("sc")
    if not isinstance(code, str) or code not in HALTED | TRADED:
        return None
    words = [message[name] for name in ("sm", "rm") if isinstance(message.get(name), str) and message[name]]
    return StockStatus(code in HALTED, ": ".join(words)[:REASON_CHARS] or f"status {code}")


def _time_of(message: Mapping[str, Any], received_ns: int) -> int | None:
    """Returns the exchange's time, UTC nanoseconds; None if there is none. Raises RefusedUpdate."""
    from msgpack import Timestamp

    time = message.get("t")
    if time is None:
        return None
    if not isinstance(time, Timestamp) or time.seconds < 0:
        raise RefusedUpdate("time", f"{str(time)[:40]} is not a time since 1970")
    time_ns: int = time.to_unix_nano()
    demand_past(time_ns, received_ns)
    return time_ns
