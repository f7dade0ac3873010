"""Builders of the execution shard's output records."""

from collections.abc import Callable

from schemas.records.enums import ExecType, Liquidity, MarkKind, OrderType, OrdStatus, Side, TimeInForce
from schemas.records.messages import ApprovedOrder, ExecutionReport, Mark
from streams.core.market.order_book import SIZE_UNKNOWN, Book
from streams.core.market.trades import Print
from streams.core.simulators.simulator import Match
from streams.core.simulators.venue_order import VenueOrder
from streams.core.venue.venue_view import Surroundings


class Reporter:
    """Says what becomes of a venue's orders. next_id gives an execution report's id, report takes it."""

    def __init__(
        self, venue: Surroundings, next_id: Callable[[], str], report: Callable[[ExecutionReport], None]
    ) -> None:
        self._venue, self._next_id, self._report = venue, next_id, report

    def tell(
        self,
        order: VenueOrder,
        exec_type: ExecType,
        request_id: str | None = None,
        reason_code: str | None = None,
        text: str | None = None,
    ) -> None:
        """What has become of an order, and why."""
        self._report(_report(self._venue, self._next_id(), order, exec_type, request_id, reason_code, text))

    def tell_fill(
        self, order: VenueOrder, exec_type: ExecType, match: Match, commission: int, trade: Print | None
    ) -> None:
        """An order has executed a match, by a trade of the market or by its quote; commission: 1e-18."""
        exec_id = self._next_id()
        self._report(_report(self._venue, exec_id, order, exec_type, match=match, commission=commission, trade=trade))

    def tell_unknown(self, request: ApprovedOrder, code: str, text: str) -> None:
        """A cancel or replace of an order that the venue does not hold."""
        assert request.orig_order_id is not None
        ghost = VenueOrder(request._replace(order_id=request.orig_order_id), 0, None)
        ghost.status = OrdStatus.UNKNOWN
        self.tell(ghost, ExecType.CANCEL_REJECT, request.order_id, code, text)


def _report(
    venue: Surroundings,
    exec_id: str,
    order: VenueOrder,
    exec_type: ExecType,
    request_id: str | None = None,
    reason_code: str | None = None,
    text: str | None = None,
    match: Match | None = None,
    commission: int | None = None,
    trade: Print | None = None,
) -> ExecutionReport:
    """What the venue says of an order and why; order.status is its status after the event."""
    request, status = order.request, order.status
    simulator = venue.simulator_of(request.account_id)
    bid_px, bid_sz, ask_px, ask_sz, quote_ts, age_ns = _NOT_QUOTED if status is OrdStatus.UNKNOWN else _quoted(venue)
    # As one tuple in the order of the fields: forty arguments cost more than all else here.
    return tuple.__new__(
        ExecutionReport,
        (
            exec_id,
            request.order_id,
            request_id,
            request.account_id,
            request.session_id,
            request.strategy_id,
            request.symbol,
            request.side,
            request.order_type,
            request.time_in_force,
            exec_type,
            status,
            order.quantity,
            order.price,
            None if match is None else match.quantity,
            None if match is None else match.price,
            order.cum_quantity,
            order.leaves if status is OrdStatus.NEW or status is OrdStatus.PARTIALLY_FILLED else 0,
            order.average_price,
            commission,
            Liquidity.UNKNOWN if match is None else match.liquidity,
            reason_code,
            text,
            simulator.name,
            bid_px,
            bid_sz,
            ask_px,
            ask_sz,
            quote_ts,
            request.order_ts,
            venue.time_ns,
            order.stop_price,
            simulator.describe(venue.instrument) if venue.instrument else None,
            order.latency_ns,
            age_ns,
            order.queue_entry,
            None if trade is None else trade.px,
            None if trade is None else trade.sz,
            order.arrival_px,
            None if match is None else _slippage(order, match, venue.book.middle),
            None if match is None else _slippage(order, match, order.arrival_px),
            None,
            None,
        ),
    )


_Quoted = tuple[int | None, int | None, int | None, int | None, int | None, int | None]
_NOT_QUOTED: _Quoted = (None, None, None, None, None, None)


def _quoted(venue: Surroundings) -> _Quoted:
    """Bid and its size, ask and its size, time and age of the market that a report is made in."""
    book = venue.book
    if book.ts == 0:
        return _NOT_QUOTED
    age_ns = venue.time_ns - book.seen_ns
    return book.bid, _size(book.bid_size), book.ask, _size(book.ask_size), book.ts, age_ns


def _slippage(order: VenueOrder, match: Match, benchmark: int | None) -> int | None:
    """How much worse than a benchmark the fill is for the trader, 1e-9 of the currency a unit."""
    if benchmark is None:
        return None
    return match.price - benchmark if order.buying else benchmark - match.price


def _size(size: int) -> int | None:
    return None if size == SIZE_UNKNOWN else size


def split_notice(symbol: str, to: int, of: int, exec_id: str, time_ns: int) -> ExecutionReport:
    """Tells an account partition that each of units of its positions became to units."""
    return ExecutionReport(
        exec_id=exec_id,
        order_id="",
        request_id=None,
        account_id="",
        session_id=None,
        strategy_id=None,
        symbol=symbol,
        side=Side.UNKNOWN,
        order_type=OrderType.UNKNOWN,
        time_in_force=TimeInForce.UNKNOWN,
        exec_type=ExecType.SPLIT,
        ord_status=OrdStatus.UNKNOWN,
        order_qty=None,
        price=None,
        last_qty=None,
        last_px=None,
        cum_qty=0,
        leaves_qty=0,
        avg_px=None,
        commission=None,
        liquidity=Liquidity.UNKNOWN,
        reason_code=None,
        text=f"{symbol}: {to} for {of}",
        simulator=None,
        bid_px=None,
        bid_sz=None,
        ask_px=None,
        ask_sz=None,
        quote_ts=None,
        order_ts=time_ns,
        ts=time_ns,
        split_to=to,
        split_of=of,
    )


def mark(symbol: str, book: Book) -> Mark:
    """The quote as the account shards value positions by."""
    return Mark(
        symbol=symbol,
        kind=MarkKind.QUOTE,
        bid_px=book.bid,
        bid_sz=_size(book.bid_size),
        ask_px=book.ask,
        ask_sz=_size(book.ask_size),
        ts=book.ts,
    )


def heartbeat(time_ns: int) -> Mark:
    """Time alone."""
    return Mark("", MarkKind.HEARTBEAT, None, None, None, None, time_ns)


def split_mark(symbol: str, to: int, of: int, time_ns: int) -> Mark:
    """From here on the symbol's marks are those of after a split."""
    return Mark(symbol, MarkKind.SPLIT, None, None, None, None, time_ns, to, of)
