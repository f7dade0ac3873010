"""What a strategy is: quotes and results in, requests out; no clock but the market's, no I/O."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from schemas.records.enums import Action, OrderType, Side, TimeInForce
from schemas.records.messages import MarketData, OrderRequest, OrderResult
from streams.core.market.market_data import QUOTE
from streams.core.reference.instruments import Instrument


class Tick(NamedTuple):
    """Top of book, both sides: prices 1e-9 of the currency, sizes 1e-9 units (-1 unknown); ts in UTC nanoseconds."""

    bid_px: int
    bid_sz: int
    ask_px: int
    ask_sz: int
    ts: int


class Strategy(Protocol):
    """Trades one instrument for one account. The same calls in the same order give the same requests.

    Who asks it stamps the requests' ts: the time of what it saw, and its own latency.
    """

    def on_tick(self, tick: Tick) -> Sequence[OrderRequest]:
        """A new top of book."""
        ...

    def on_result(self, result: OrderResult) -> Sequence[OrderRequest]:
        """A result of one of the strategy's own requests."""
        ...


def ticks(record: MarketData) -> Iterator[Tick]:
    """The quotes of a record that have both sides."""
    times = (ts for kind, ts in zip(record.kinds, record.times, strict=True) if kind == QUOTE)
    columns = (record.bid_px, record.bid_sz, record.ask_px, record.ask_sz, times)
    for bid_px, bid_sz, ask_px, ask_sz, ts in zip(*columns, strict=True):
        if bid_sz and ask_sz:
            yield Tick(bid_px, bid_sz, ask_px, ask_sz, ts)


class Ticket:
    """Makes the requests of one strategy: numbered ids, account and instrument filled in."""

    def __init__(self, strategy_id: str, account_id: str, instrument: Instrument) -> None:
        self.strategy_id = strategy_id
        self.account_id = account_id
        self.instrument = instrument
        self._number = 0

    def limit(self, side: Side, quantity: int, price: int, ts: int, tif: TimeInForce = TimeInForce.DAY) -> OrderRequest:
        """A LIMIT order; quantity 1e-9 units, price 1e-9 of the currency."""
        return self._request(Action.NEW, None, side, OrderType.LIMIT, tif, quantity, price, ts)

    def market(self, side: Side, quantity: int, ts: int) -> OrderRequest:
        """A MARKET order; quantity 1e-9 units."""
        return self._request(Action.NEW, None, side, OrderType.MARKET, TimeInForce.DAY, quantity, None, ts)

    def cancel(self, order_id: str, ts: int) -> OrderRequest:
        """Cancels a working order."""
        unknown = (Side.UNKNOWN, OrderType.UNKNOWN, TimeInForce.DAY)
        return self._request(Action.CANCEL, order_id, *unknown, None, None, ts)

    def replace(self, order_id: str, price: int, ts: int) -> OrderRequest:
        """Moves a working order to another price."""
        unknown = (Side.UNKNOWN, OrderType.UNKNOWN, TimeInForce.DAY)
        return self._request(Action.REPLACE, order_id, *unknown, None, price, ts)

    def _request(
        self,
        action: Action,
        orig_order_id: str | None,
        side: Side,
        order_type: OrderType,
        tif: TimeInForce,
        quantity: int | None,
        price: int | None,
        ts: int,
    ) -> OrderRequest:
        self._number += 1
        return OrderRequest(
            action=action,
            order_id=f"{self.account_id}-{self._number}",
            orig_order_id=orig_order_id,
            account_id=self.account_id,
            strategy_id=self.strategy_id,
            symbol=self.instrument.symbol,
            side=side,
            order_type=order_type,
            time_in_force=tif,
            quantity=quantity,
            price=price,
            ts=ts,
        )


class Holding:
    """The strategy's own position, from its results; 1e-9 units, short negative."""

    def __init__(self) -> None:
        self.quantity = 0

    def note(self, result: OrderResult) -> None:
        """Adds a fill; other results change nothing."""
        if result.last_qty is not None:
            self.quantity += result.last_qty if result.side is Side.BUY else -result.last_qty
