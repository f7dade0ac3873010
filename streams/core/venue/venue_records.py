"""Builders of the execution shard's output records: execution reports and marks."""

from collections.abc import Callable, Mapping

from schemas.records.enums import Action, ExecType, Liquidity, MarkKind, OrdStatus
from schemas.records.messages import ApprovedOrder, ExecutionReport, Mark
from schemas.records.numbers import price_text
from streams.core.market.order_book import SIZE_UNKNOWN, OrderBook
from streams.core.market.trades import TradePrint
from streams.core.simulators.simulator import Match
from streams.core.simulators.venue_order import OrderKey, VenueOrder
from streams.core.venue.venue_view import VenueView


class ExecutionReporter:
    """The writer of a venue's execution reports. next_id returns the id of a report, report receives it."""

    def __init__(self, venue: VenueView, next_id: Callable[[], str], report: Callable[[ExecutionReport], None]) -> None:
        self._venue, self._next_id, self._report = venue, next_id, report

    def send(
        self,
        order: VenueOrder,
        exec_type: ExecType,
        request_id: str | None = None,
        reason_code: str | None = None,
        text: str | None = None,
    ) -> None:
        """Reports a change of an order, with its reason."""
        self._report(_report(self._venue, self._next_id(), order, exec_type, request_id, reason_code, text))

    def send_fill(
        self, order: VenueOrder, exec_type: ExecType, match: Match, commission: int, trade: TradePrint | None
    ) -> None:
        """Reports a fill, by a market trade or by the quote; commission: 1e-18."""
        exec_id = self._next_id()
        self._report(_report(self._venue, exec_id, order, exec_type, match=match, commission=commission, trade=trade))

    def tell_waiting(self, order: VenueOrder) -> None:
        """Reports, once for an order, that the market shows nothing more that it could take."""
        if order.told_waiting:
            return
        order.told_waiting = True
        text = f"order {order.request.order_id}: {price_text(order.leaves)} wait until the market shows more"
        self.send(order, ExecType.RESTATED, reason_code="WAITS_FOR_LIQUIDITY", text=text)

    def refuse_change(self, order: VenueOrder, request: ApprovedOrder, code: str, text: str) -> None:
        """Reports that a cancel or replace of a working order is refused."""
        self.send(order, ExecType.CANCEL_REJECT, request_id=request.order_id, reason_code=code, text=text)

    def refuse(self, request: ApprovedOrder, working: Mapping[OrderKey, VenueOrder], code: str, text: str) -> None:
        """Refuses a request before it arrives. working: the orders that it might change."""
        target = working.get((request.account_id, request.orig_order_id or ""))
        if request.action is not Action.NEW:
            if target is None:
                self.reject_unknown(request, code, text)
            else:
                self.send(target, ExecType.CANCEL_REJECT, request.order_id, code, text)
            return
        assert request.quantity is not None
        order = VenueOrder(request, request.quantity, request.price, request.stop_price)
        order.status = OrdStatus.REJECTED
        self.send(order, ExecType.REJECTED, reason_code=code, text=text)

    def reject_unknown(self, request: ApprovedOrder, code: str, text: str) -> None:
        """Rejects a cancel or replace of an order that the venue does not hold."""
        assert request.orig_order_id is not None
        # One tuple, because _replace costs more than the rest of the report.
        about = tuple.__new__(ApprovedOrder, (request.action, request.orig_order_id, *request[2:]))
        unknown = VenueOrder(about, 0, None)
        unknown.status = OrdStatus.UNKNOWN
        self.send(unknown, ExecType.CANCEL_REJECT, request.order_id, code, text)


def _report(
    venue: VenueView,
    exec_id: str,
    order: VenueOrder,
    exec_type: ExecType,
    request_id: str | None = None,
    reason_code: str | None = None,
    text: str | None = None,
    match: Match | None = None,
    commission: int | None = None,
    trade: TradePrint | None = None,
) -> ExecutionReport:
    """Builds an execution report; order.status is the order's status after the event."""
    request, status = order.request, order.status
    simulator = venue.simulator_of(request.account_id)
    bid_px, bid_sz, ask_px, ask_sz, quote_ts, age_ns = _NOT_QUOTED if status is OrdStatus.UNKNOWN else _quoted(venue)
    # One tuple in the order of the fields, because a call with forty keyword arguments costs more than all else here.
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
            None if match is None else _slippage(order, match, venue.book.mid_price),
            None if match is None else _slippage(order, match, order.arrival_px),
            None,
            None,
            None,
            None,
            None,
            None,
        ),
    )


_Quoted = tuple[int | None, int | None, int | None, int | None, int | None, int | None]
_NOT_QUOTED: _Quoted = (None, None, None, None, None, None)


def _quoted(venue: VenueView) -> _Quoted:
    """Returns bid and its size, ask and its size, time and age of the present quote."""
    book = venue.book
    if book.ts == 0:
        return _NOT_QUOTED
    age_ns = venue.time_ns - book.seen_ns
    return book.bid, _size(book.bid_size), book.ask, _size(book.ask_size), book.ts, age_ns


def _slippage(order: VenueOrder, match: Match, benchmark: int | None) -> int | None:
    """Returns how much worse than a benchmark the fill is for the trader, 1e-9 of the currency per unit."""
    if benchmark is None:
        return None
    return match.price - benchmark if order.buying else benchmark - match.price


def _size(size: int) -> int | None:
    return None if size == SIZE_UNKNOWN else size


def mark(symbol: str, book: OrderBook) -> Mark:
    """Builds the quote by which the account shards value positions."""
    return Mark(
        symbol=symbol,
        kind=MarkKind.QUOTE,
        bid_px=book.bid,
        bid_sz=_size(book.bid_size),
        ask_px=book.ask,
        ask_sz=_size(book.ask_size),
        ts=book.ts,
    )


def heartbeat(symbol: str, time_ns: int) -> Mark:
    """Builds a mark that carries the time alone. symbol: of one market; empty: of all of an execution shard."""
    return Mark(symbol, MarkKind.HEARTBEAT, None, None, None, None, time_ns)


def split_mark(symbol: str, to: int, of: int, time_ns: int) -> Mark:
    """Builds the mark that separates prices before a split from those after it."""
    return Mark(symbol, MarkKind.SPLIT, None, None, None, None, time_ns, to, of)


def cancel_reason(cancel: ApprovedOrder) -> tuple[str, str | None]:
    """Returns code and text of a cancel; the account shard marks one for self-match prevention (cancel_of)."""
    other, order_id = cancel.parent_order_id, cancel.orig_order_id
    if other is not None and cancel.order_id == f"{other}:{order_id}":
        return "SELF_MATCH", f"order {order_id}: it would have traded with order {other} of its own account"
    return "CANCEL_REQUESTED", None
