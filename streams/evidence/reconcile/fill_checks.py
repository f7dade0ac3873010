"""Checks of fills: each is booked once, lies inside the quote in force and keeps within its order."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator

from schemas.records.enums import Action, ExecType, Liquidity, Side
from schemas.records.messages import ApprovedOrder, Fill, OrderRequest
from schemas.records.numbers import price_text
from streams.core.accounts.settlement import SETTLEMENT_PREFIX
from streams.core.core_config import TimeSource
from streams.evidence.reconcile.facts import Facts, OrderEvent, OrderId, RecordedMarket
from streams.evidence.reconcile.order_checks import order_name
from streams.evidence.reconcile.reconciliation import KAFKA, Check

FILLS = (ExecType.FILL, ExecType.PARTIAL_FILL)


def check_executions_are_fills(facts: Facts) -> Check:
    """Checks that each fill of the venue is booked once, and nothing else is."""
    check = Check("executions and fills are one to one", KAFKA)
    booked: dict[str, Fill] = {}
    for fills in facts.fills.values():
        for fill in filter(_has_order, fills):
            check.compare(fill.exec_id not in booked, f"fill {fill.exec_id} was booked twice")
            booked[fill.exec_id] = fill
    for (account_id, order_id), reports in facts.executions.items():
        for report, place in reports:
            if report.exec_type not in FILLS:
                continue
            fill_or_none = booked.pop(report.exec_id or "", None)
            if fill_or_none is None and not facts.is_taken(place):
                continue
            expected = (account_id, order_id, report.last_qty, report.last_px, report.commission or 0)
            found = _execution_of(fill_or_none)
            check.compare(found == expected, f"execution {report.exec_id} is {expected}, its fill is {found}")
    for exec_id in booked:
        check.differ(f"fill {exec_id} has no execution")
    return check


def _has_order(fill: Fill) -> bool:
    """Returns whether a fill is of an order, and not a settlement, which check_payments holds against its notice."""
    return not fill.exec_id.startswith(SETTLEMENT_PREFIX)


def _execution_of(fill: Fill | None) -> tuple[str, str, int, int, int] | None:
    return fill and (fill.account_id, fill.order_id, fill.quantity, fill.price, fill.commission)


def check_fills_inside_quotes(facts: Facts, time_source: TimeSource) -> Check:
    """Checks that each fill names a quote that was in force, and that the market came to its price.

    A fill that took liquidity must not be better than the quote.
    """
    check = Check("every fill lies inside the quote in force, or deeper", KAFKA)
    for fills in facts.fills.values():
        for fill in filter(_has_order, fills):
            problem = _quote_problem(fill, facts.markets.get(fill.symbol), time_source)
            check.compare(problem is None, f"fill {fill.exec_id} of order {fill.order_id}: {problem}")
    return check


def _quote_problem(fill: Fill, market: RecordedMarket | None, time_source: TimeSource) -> str | None:
    if fill.quote_ts is None:
        return "it names no quote"
    if market is None:
        return f"its quote of {fill.quote_ts} is not in market.data, which holds nothing of {fill.symbol}"
    first, after = bisect_left(market.times, fill.quote_ts), bisect_right(market.times, fill.quote_ts)
    if (fill.bid_px, fill.ask_px) not in [market.sides(row) for row in range(first, after)]:
        return f"its quote of {fill.quote_ts} is not in market.data"
    if time_source is TimeSource.EVENT:
        if fill.ts < fill.quote_ts:
            return f"its quote of {fill.quote_ts} is later than the fill at {fill.ts}"
        if after < len(market.times) and market.times[after] < fill.ts:
            following = market.times[after]
            return f"its quote of {fill.quote_ts} was followed by one of {following} before the fill at {fill.ts}"
    if fill.liquidity is Liquidity.ADDED and fill.trade_px is not None:
        return _trade_problem(fill, fill.trade_px, market, time_source)
    opposite = fill.ask_px if fill.side is Side.BUY else fill.bid_px
    if opposite is None:
        return "there was no opposite side"
    if fill.price < opposite if fill.side is Side.BUY else fill.price > opposite:
        return f"price {price_text(fill.price)} is better than the market's {price_text(opposite)}"
    return None


def _trade_problem(fill: Fill, trade_px: int, market: RecordedMarket, time_source: TimeSource) -> str | None:
    if not market.traded(trade_px, fill.ts if time_source is TimeSource.EVENT else None):
        return f"its trade at {price_text(trade_px)} is not in market.data"
    if trade_px > fill.price if fill.side is Side.BUY else trade_px < fill.price:
        return f"its trade at {price_text(trade_px)} did not come to its price {price_text(fill.price)}"
    return None


def check_fills_within_orders(facts: Facts) -> Check:
    """Checks that the executed quantity is the sum of the fills, and that quantity and limit of the order are kept."""
    check = Check("fills keep within their order's quantity and limit", KAFKA)
    for key, reports in facts.executions.items():
        events = [report.event for report in reports if report.event.exec_type is not ExecType.CANCEL_REJECT]
        asked = facts.opening(key)
        if asked is None:
            if events:
                check.differ(f"order {order_name(key)} has executions, but orders does not hold it")
            continue
        filled = 0
        for event, quantity, limit in _in_force(facts, key, asked, events):
            filled = event.cum_qty if _is_split(event) else filled + (event.last_qty or 0)
            problem = _order_problem(event, filled, quantity, limit, asked.side)
            check.compare(problem is None, f"order {order_name(key)}, report {event.exec_id}: {problem}")
    return check


def _in_force(
    facts: Facts, key: OrderId, asked: OrderRequest | ApprovedOrder, events: list[OrderEvent]
) -> Iterator[tuple[OrderEvent, int, int | None]]:
    """Yields each report with the quantity and the limit that had been asked for by then."""
    quantity, limit = asked.quantity or 0, asked.price
    for event in events:
        change = facts.requests.get((key[0], event.request_id or ""))
        if event.exec_type is ExecType.REPLACED and change and change.request.action is Action.REPLACE:
            quantity = quantity if change.request.quantity is None else change.request.quantity
            limit = limit if change.request.price is None else change.request.price
        elif _is_split(event):
            quantity, limit = event.order_qty or 0, event.price
        elif event.exec_type is ExecType.RESTATED:
            quantity = min(event.order_qty or 0, quantity)
        yield event, quantity, limit


def _is_split(event: OrderEvent) -> bool:
    return event.reason_code == "SPLIT"


def _order_problem(event: OrderEvent, filled: int, quantity: int, limit: int | None, side: Side) -> str | None:
    if event.cum_qty != filled:
        return f"fills sum to {price_text(filled)}, cum_qty is {price_text(event.cum_qty)}"
    if event.order_qty != quantity:
        return f"order_qty is {price_text(event.order_qty or 0)}, asked for were {price_text(quantity)}"
    if filled > quantity:
        return f"{price_text(filled)} were executed of {price_text(quantity)} asked for"
    price = event.last_px
    if price is None or limit is None:
        return None
    if price > limit if side is Side.BUY else price < limit:
        return f"price {price_text(price)} is beyond the limit {price_text(limit)}"
    return None
