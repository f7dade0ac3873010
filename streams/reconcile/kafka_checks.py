"""The checks from Kafka: pure functions over the facts."""

from bisect import bisect_left, bisect_right
from collections import defaultdict

from streams.domain.config import CoreConfig, TimeSource
from streams.domain.enums import Action, ExecType, Side
from streams.domain.messages import Fill
from streams.domain.numbers import money_text, price_text
from streams.domain.quote import SIZE_UNKNOWN
from streams.reconcile.facts import Facts, QuoteColumns, new_orders, opening_equity
from streams.reconcile.report import Check

SOURCE = "kafka"
DUPLICATE = "DUPLICATE_ORDER_ID"


def all_checks(facts: Facts, config: CoreConfig) -> list[Check]:
    """Every check, in the order of an order's life."""
    return [
        forwarding(facts),
        answers(facts),
        terminal_results(facts),
        executions_are_fills(facts),
        fills_inside_quotes(facts, config.time_source),
        order_quantities(facts),
        cash(facts),
        positions(facts),
        equity(facts),
    ]


def forwarding(facts: Facts) -> Check:
    """A record in a wrong partition was forwarded once."""
    check = Check("misplaced records are forwarded once", SOURCE)
    for topic, partition, offset in sorted(facts.misplaced):
        times = facts.forwarded.count((topic, f"{partition}:{offset}"))
        check.compare(times == 1, f"{topic}-{partition} offset {offset} was forwarded {times} times")
    return check


def answers(facts: Facts) -> Check:
    """Each request has a result, or waits at its venue; each duplicate is answered as one."""
    check = Check("every request is answered or waits at its venue", SOURCE)
    answered = {
        (result.account_id, result.request_id or result.order_id)
        for results in facts.results.values()
        for result in results
        if result.reason_code != DUPLICATE
    }
    for key, request in facts.requests.items():
        waits = key in facts.approved
        check.compare(key in answered or waits, f"{request.action} {'/'.join(key)} has no result and was not approved")
    duplicates = sum(result.reason_code == DUPLICATE for results in facts.results.values() for result in results)
    check.compare(duplicates == facts.duplicates, f"{facts.duplicates} duplicates, {duplicates} answered as such")
    return check


def terminal_results(facts: Facts) -> Check:
    """Each order has one terminal result or is working; nothing happens to it after."""
    check = Check("every order has one terminal result or is working", SOURCE)
    for key, _ in new_orders(facts):
        results = [item for item in facts.results.get(key, []) if item.exec_type is not ExecType.CANCEL_REJECT]
        results = [item for item in results if item.reason_code != DUPLICATE]
        terminal = [number for number, result in enumerate(results) if result.terminal]
        check.compare(len(terminal) <= 1, f"order {'/'.join(key)} has {len(terminal)} terminal results")
        if terminal and terminal[0] != len(results) - 1:
            check.differ(f"order {'/'.join(key)} has results after its terminal one")
    return check


def working_orders(facts: Facts) -> int:
    """Orders without a terminal result."""
    return sum(not any(item.terminal for item in facts.results.get(key, [])) for key, _ in new_orders(facts))


def executions_are_fills(facts: Facts) -> Check:
    """The venue's fills and the booked ones are the same, each once."""
    check = Check("executions and fills are one to one", SOURCE)
    booked: dict[str, Fill] = {}
    for fills in facts.fills.values():
        for fill in fills:
            check.compare(fill.exec_id not in booked, f"fill {fill.exec_id} was booked twice")
            booked[fill.exec_id] = fill
    for exec_id in facts.repeated_exec_ids:
        check.differ(f"execution {exec_id} was reported twice")
    for exec_id, report in facts.execution_fills.items():
        fill_or_none = booked.pop(exec_id, None)
        expected = (report.last_qty, report.last_px, report.commission or 0, report.order_id)
        found = fill_or_none and (
            fill_or_none.quantity,
            fill_or_none.price,
            fill_or_none.commission,
            fill_or_none.order_id,
        )
        check.compare(found == expected, f"execution {exec_id} is {expected}, its fill is {found}")
    for exec_id in booked:
        check.differ(f"fill {exec_id} has no execution")
    return check


def fills_inside_quotes(facts: Facts, time_source: TimeSource) -> Check:
    """Each fill used a quote that was in force, and is not better than it, nor beyond the order's limit."""
    check = Check("every fill lies inside the quote in force, or deeper", SOURCE)
    for fills in facts.fills.values():
        for fill in fills:
            problem = _quote_problem(fill, facts.quotes[fill.symbol], time_source)
            check.compare(problem is None, f"fill {fill.exec_id} of order {fill.order_id}: {problem}")
            report = facts.execution_fills.get(fill.exec_id)
            limit = report.price if report else None
            beyond = limit is not None and (fill.price > limit if fill.side is Side.BUY else fill.price < limit)
            if limit is not None and beyond:
                check.differ(
                    f"fill {fill.exec_id}: price {price_text(fill.price)} is beyond the limit {price_text(limit)}"
                )
    return check


def _quote_problem(fill: Fill, market: QuoteColumns, time_source: TimeSource) -> str | None:
    if fill.quote_ts is None:
        return "names no quote"
    first, after = bisect_left(market.times, fill.quote_ts), bisect_right(market.times, fill.quote_ts)
    used = tuple(0 if value is None else value for value in (fill.bid_px, fill.ask_px))
    at_stamp = [_sides(quote) for quote in market.quotes[first:after]]
    if used not in at_stamp:
        return f"its quote of {fill.quote_ts} is not in market.data"
    if time_source is TimeSource.EVENT and after < len(market.times) and market.times[after] < fill.ts:
        return f"its quote of {fill.quote_ts} was followed by one of {market.times[after]} before the fill at {fill.ts}"
    opposite = fill.ask_px if fill.side is Side.BUY else fill.bid_px
    if opposite is None:
        return "there was no opposite side"
    if fill.price < opposite if fill.side is Side.BUY else fill.price > opposite:
        return f"price {price_text(fill.price)} is better than the market's {price_text(opposite)}"
    return None


def _sides(quote: tuple[int, int, int, int]) -> tuple[int, int]:
    """Bid and ask, 0 where the side is absent."""
    bid_px, bid_sz, ask_px, ask_sz = quote
    assert SIZE_UNKNOWN != 0
    return (bid_px if bid_sz else 0, ask_px if ask_sz else 0)


def order_quantities(facts: Facts) -> Check:
    """The executed quantity of an order is the sum of its fills, and not above what was ordered."""
    check = Check("executed quantity is the sum of fills, within the order", SOURCE)
    for key, reports in facts.executions.items():
        filled = sum(report.last_qty or 0 for report in reports)
        last = [report for report in reports if report.exec_type is not ExecType.CANCEL_REJECT]
        if not last:
            continue
        named = "/".join(key)
        check.compare(
            last[-1].cum_qty == filled,
            f"order {named}: fills sum to {price_text(filled)}, cum_qty is {price_text(last[-1].cum_qty)}",
        )
        ordered = last[-1].order_qty or 0
        if filled > ordered:
            check.differ(f"order {named}: {price_text(filled)} executed of {price_text(ordered)} ordered")
    return check


def cash(facts: Facts) -> Check:
    """After each fill: cash = opening cash + cash flows - fees."""
    check = Check("cash = opening cash + cash flows - fees", SOURCE)
    for (account_id, session_id), fills in facts.fills.items():
        opening = opening_equity(facts.equities[account_id, session_id])
        if opening is None:
            check.differ(f"session {session_id} of account {account_id} has fills but was never opened")
            continue
        expected = opening.cash
        for fill in fills:
            expected -= _signed(fill) * fill.price + fill.commission
            check.compare(
                fill.cash == expected,
                f"account {account_id} after fill {fill.exec_id}: cash is {money_text(fill.cash)}, "
                f"flows and fees make {money_text(expected)}",
            )
        last = facts.equities[account_id, session_id][-1]
        check.compare(
            last.cash == expected,
            f"account {account_id}: last equity record has cash {money_text(last.cash)}, "
            f"flows and fees make {money_text(expected)}",
        )
    return check


def positions(facts: Facts) -> Check:
    """After each fill, and on positions: position = sum of fills."""
    check = Check("position = sum of fills", SOURCE)
    sums: dict[tuple[str, str | None, str], int] = defaultdict(int)
    for (account_id, session_id), fills in facts.fills.items():
        for fill in fills:
            key = (account_id, session_id, fill.symbol)
            sums[key] += _signed(fill)
            check.compare(
                fill.position_qty == sums[key],
                f"account {account_id} after fill {fill.exec_id}: position in {fill.symbol} is "
                f"{price_text(fill.position_qty)}, its fills sum to {price_text(sums[key])}",
            )
    for (account_id, symbol), position in facts.positions.items():
        expected = sums[account_id, position.session_id, symbol]
        check.compare(
            position.quantity == expected,
            f"account {account_id}: position in {symbol} is {price_text(position.quantity)}, "
            f"its fills sum to {price_text(expected)}",
        )
    return check


def equity(facts: Facts) -> Check:
    """In each record: equity = cash + position value, drawdown = equity - peak."""
    check = Check("equity = cash + position value, drawdown from its peak", SOURCE)
    for (account_id, _), records in facts.equities.items():
        peak = records[0].cash
        for record in records:
            peak = max(peak, record.equity)
            adds_up = record.equity == record.cash + record.position_value
            from_peak = record.peak_equity == peak and record.drawdown == record.equity - peak
            check.compare(adds_up and from_peak, f"account {account_id} at {record.ts}: equity or drawdown is off")
    return check


def _signed(fill: Fill) -> int:
    return fill.quantity if fill.side is Side.BUY else -fill.quantity


def request_counts(facts: Facts) -> dict[str, int]:
    """Numbers worth knowing beside the checks."""
    fills = sum(map(len, facts.fills.values()))
    return {
        "requests": len(facts.requests) + facts.duplicates,
        "orders": sum(request.action is Action.NEW for request in facts.requests.values()),
        "working_orders": working_orders(facts),
        "duplicates": facts.duplicates,
        "forwarded": len(facts.misplaced),
        "fills": fills,
        "dead_letters": len(facts.dead),
    }
