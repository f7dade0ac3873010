"""Builders of the execution shard's output records."""

from typing import Protocol

from streams.domain.book import SIZE_UNKNOWN, Book
from streams.domain.enums import ExecType, Liquidity, MarkKind, OrderType, OrdStatus, Side, TimeInForce
from streams.domain.instruments import Instrument
from streams.domain.messages import ApprovedOrder, ExecutionReport, Mark
from streams.domain.tape import Print
from streams.domain.venue_order import VenueOrder
from streams.execution.simulator import Match, Simulator


class Place(Protocol):
    """What a report says of the venue: its time, its market and its simulator."""

    time_ns: int
    book: Book
    instrument: Instrument | None

    def simulator_of(self, account_id: str) -> Simulator:
        """Who decides over an account's orders."""
        ...


def report(
    order: VenueOrder,
    exec_type: ExecType,
    venue: Place,
    exec_id: str,
    *,
    request_id: str | None = None,
    match: Match | None = None,
    commission: int | None = None,
    reason_code: str | None = None,
    text: str | None = None,
    trade: Print | None = None,
) -> ExecutionReport:
    """What the venue says of an order and why; order.status is its status after the event."""
    request, book = order.request, venue.book
    simulator = venue.simulator_of(request.account_id)
    known = order.status is not OrdStatus.UNKNOWN and book.ts > 0
    middle = book.middle
    open_statuses = (OrdStatus.NEW, OrdStatus.PARTIALLY_FILLED)
    return ExecutionReport(
        exec_id=exec_id,
        order_id=request.order_id,
        request_id=request_id,
        account_id=request.account_id,
        session_id=request.session_id,
        strategy_id=request.strategy_id,
        symbol=request.symbol,
        side=request.side,
        order_type=request.order_type,
        time_in_force=request.time_in_force,
        exec_type=exec_type,
        ord_status=order.status,
        order_qty=order.quantity,
        price=order.price,
        last_qty=match.quantity if match else None,
        last_px=match.price if match else None,
        cum_qty=order.cum_quantity,
        leaves_qty=order.leaves if order.status in open_statuses else 0,
        avg_px=order.average_price,
        commission=commission,
        liquidity=match.liquidity if match else Liquidity.UNKNOWN,
        reason_code=reason_code,
        text=text,
        simulator=simulator.name,
        bid_px=book.bid if known else None,
        bid_sz=_size(book.bid_size) if known else None,
        ask_px=book.ask if known else None,
        ask_sz=_size(book.ask_size) if known else None,
        quote_ts=book.ts if known else None,
        order_ts=request.order_ts,
        ts=venue.time_ns,
        stop_price=order.stop_price,
        model=simulator.describe(venue.instrument) if venue.instrument else None,
        latency_ns=order.latency_ns,
        book_age_ns=venue.time_ns - book.seen_ns if known else None,
        queue_ahead=order.queue_entry,
        trade_px=trade.px if trade else None,
        trade_sz=trade.sz if trade else None,
        arrival_px=order.arrival_px,
        slippage_mid=_slippage(order, match, middle),
        slippage_arrival=_slippage(order, match, order.arrival_px),
    )


def _slippage(order: VenueOrder, match: Match | None, benchmark: int | None) -> int | None:
    """How much worse than a benchmark the fill is for the trader, 1e-9 of the currency a unit."""
    if match is None or benchmark is None:
        return None
    return match.price - benchmark if order.buying else benchmark - match.price


def _size(size: int) -> int | None:
    return None if size == SIZE_UNKNOWN else size


def unknown_order(request: ApprovedOrder, venue: Place, exec_id: str, code: str, text: str) -> ExecutionReport:
    """A cancel or replace of an order that the venue does not hold."""
    assert request.orig_order_id is not None
    ghost = VenueOrder(request._replace(order_id=request.orig_order_id), 0, None, status=OrdStatus.UNKNOWN)
    kind = ExecType.CANCEL_REJECT
    return report(ghost, kind, venue, exec_id, request_id=request.order_id, reason_code=code, text=text)


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
