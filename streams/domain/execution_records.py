"""Builders of the execution shard's output records."""

from streams.domain.enums import ExecType, Liquidity, MarkKind, OrdStatus
from streams.domain.messages import ApprovedOrder, ExecutionReport, Mark
from streams.domain.quote import SIZE_UNKNOWN, Quote
from streams.domain.venue_order import VenueOrder
from streams.execution.simulator import Match


def report(
    order: VenueOrder,
    exec_type: ExecType,
    *,
    exec_id: str,
    time_ns: int,
    simulator: str,
    quote: Quote | None,
    request_id: str | None = None,
    match: Match | None = None,
    commission: int | None = None,
    reason_code: str | None = None,
    text: str | None = None,
) -> ExecutionReport:
    """What the venue says of an order; order.status is its status after the event."""
    request = order.request
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
        simulator=simulator,
        bid_px=quote.bid if quote else None,
        bid_sz=_size(quote.bid_sz) if quote else None,
        ask_px=quote.ask if quote else None,
        ask_sz=_size(quote.ask_sz) if quote else None,
        quote_ts=quote.ts if quote else None,
        order_ts=request.order_ts,
        ts=time_ns,
    )


def _size(size: int) -> int | None:
    return None if size == SIZE_UNKNOWN else size


def unknown_order(
    request: ApprovedOrder, *, exec_id: str, time_ns: int, simulator: str, code: str, text: str
) -> ExecutionReport:
    """A cancel or replace of an order that the venue does not hold."""
    assert request.orig_order_id is not None
    ghost = VenueOrder(request._replace(order_id=request.orig_order_id), 0, None, status=OrdStatus.UNKNOWN)
    return report(
        ghost,
        ExecType.CANCEL_REJECT,
        exec_id=exec_id,
        time_ns=time_ns,
        simulator=simulator,
        quote=None,
        request_id=request.order_id,
        reason_code=code,
        text=text,
    )


def mark(symbol: str, quote: Quote) -> Mark:
    """The quote as the account shards value positions by."""
    return Mark(
        symbol=symbol,
        kind=MarkKind.QUOTE,
        bid_px=quote.bid,
        bid_sz=_size(quote.bid_sz),
        ask_px=quote.ask,
        ask_sz=_size(quote.ask_sz),
        ts=quote.ts,
    )


def heartbeat(time_ns: int) -> Mark:
    """Time alone."""
    return Mark("", MarkKind.HEARTBEAT, None, None, None, None, time_ns)
