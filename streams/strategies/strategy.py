"""The interface of a strategy of one symbol: quotes and results in, requests out, no clock but the market's."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from schemas.records.enums import Action, OrderType, Side, TimeInForce
from schemas.records.messages import MarketData, OrderRequest, OrderResult
from streams.core.market.market_data import QUOTE
from streams.core.reference.instruments import Instrument


class Tick(NamedTuple):
    """A quote with both sides: prices in 1e-9 of the currency, sizes in 1e-9 units or -1 if unknown, ts in UTC ns."""

    bid_px: int
    bid_sz: int
    ask_px: int
    ask_sz: int
    ts: int


class TickStrategy(Protocol):
    """A strategy that trades one instrument for one account. The same calls in the same order give the same requests.

    The caller replaces the requests' ts: the time of the quote or result plus the strategy's latency.
    """

    def on_tick(self, tick: Tick) -> Sequence[OrderRequest]:
        """Returns the requests to send after a quote."""
        ...

    def on_result(self, result: OrderResult) -> Sequence[OrderRequest]:
        """Returns the requests to send after a result of one of the strategy's own requests."""
        ...


def ticks(record: MarketData) -> Iterator[Tick]:
    """Yields the quotes of a record that have both sides."""
    times = (ts for kind, ts in zip(record.kinds, record.times, strict=True) if kind == QUOTE)
    columns = (record.bid_px, record.bid_sz, record.ask_px, record.ask_sz, times)
    for bid_px, bid_sz, ask_px, ask_sz, ts in zip(*columns, strict=True):
        if bid_sz and ask_sz:
            yield Tick(bid_px, bid_sz, ask_px, ask_sz, ts)


class Ticket:
    """A maker of one strategy's requests: it numbers their ids and fills in account, strategy and instrument."""

    def __init__(
        self, strategy_id: str, account_id: str, instrument: Instrument, id_prefix: str = "", number: int = 0
    ) -> None:
        """id_prefix: beginning of all order ids; empty: the account's id. number: of the last id given before."""
        self.strategy_id = strategy_id
        self.account_id = account_id
        self.instrument = instrument
        self._id_prefix = id_prefix or account_id
        self._number = number

    def limit(self, side: Side, quantity: int, price: int, ts: int, tif: TimeInForce = TimeInForce.DAY) -> OrderRequest:
        """Returns a LIMIT order; quantity in 1e-9 units, price in 1e-9 of the currency."""
        return self._request(Action.NEW, None, side, OrderType.LIMIT, tif, quantity, price, ts)

    def market(self, side: Side, quantity: int, ts: int) -> OrderRequest:
        """Returns a MARKET order; quantity in 1e-9 units."""
        return self._request(Action.NEW, None, side, OrderType.MARKET, TimeInForce.DAY, quantity, None, ts)

    def cancel(self, order_id: str, ts: int) -> OrderRequest:
        """Returns a request that cancels a working order."""
        unknown = (Side.UNKNOWN, OrderType.UNKNOWN, TimeInForce.DAY)
        return self._request(Action.CANCEL, order_id, *unknown, None, None, ts)

    def cancel_all(self, ts: int) -> OrderRequest:
        """Returns a request that cancels all orders of the account."""
        unknown = (Side.UNKNOWN, OrderType.UNKNOWN, TimeInForce.DAY)
        return self._request(Action.MASS_CANCEL, None, *unknown, None, None, ts)._replace(symbol="")

    def replace(self, order_id: str, price: int, ts: int) -> OrderRequest:
        """Returns a request that moves a working order to another price, in 1e-9 of the currency."""
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
            order_id=f"{self._id_prefix}-{self._number}",
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
    """A strategy's own position, summed up from its results; quantity in 1e-9 units, negative if short."""

    def __init__(self) -> None:
        self.quantity = 0

    def add(self, result: OrderResult) -> None:
        """Adds a result's fill, if it has one."""
        if result.last_qty is not None:
            self.quantity += result.last_qty if result.side is Side.BUY else -result.last_qty
