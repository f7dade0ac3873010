"""Checks of money, exact in each record: cash and positions are sums of fills, equity is their value."""

from collections import defaultdict
from collections.abc import Iterator

from schemas.records.enums import EquityTrigger, Side
from schemas.records.messages import AccountEquity, Fill
from schemas.records.numbers import PRICE_SCALE, divide_half_even, money_text, price_text
from streams.core.ledger.marks import converted
from streams.core.reference.instruments import multiplied
from streams.evidence.reconcile.fact_reader import event_sequence
from streams.evidence.reconcile.facts import Facts
from streams.evidence.reconcile.reconciliation import KAFKA, Check


def check_cash(facts: Facts) -> Check:
    """Checks each fill and equity record: cash = opening cash + cash flows - fees + payments, borrow fees included.

    Payments are funding and dividends.
    """
    check = Check("cash = opening cash + cash flows - fees", KAFKA)
    for account_id in sorted(facts.fills.keys() | facts.equities.keys()):
        for problem in _cash_problems(facts.fills.get(account_id, []), facts.equities.get(account_id, [])):
            check.compare(problem is None, f"account {account_id} {problem}")
    return check


def _cash_problems(fills: list[Fill], equities: list[AccountEquity]) -> Iterator[str | None]:
    """Yields the problem of each record, or None. An equity record with trigger FILL stands for the next fill."""
    expected: int | None = None
    carried = 0
    unvalued = iter(fills)
    for record in equities:
        where = f"at {record.ts}"
        if record.trigger is EquityTrigger.SESSION_OPEN:
            expected, carried = record.cash, 0
        if expected is None:
            yield f"{where}: an equity record comes before the session is opened"
            return
        held = record.funding + record.dividends - record.borrow_fees
        expected += held - carried
        carried = held
        if record.trigger is EquityTrigger.FILL:
            fill = next(unvalued, None)
            if fill is None:
                yield f"{where}: the equity record of a fill that fills does not hold"
                continue
            where = f"after fill {fill.exec_id}"
            notional = multiplied(fill.quantity * fill.price, fill.contract_multiplier or PRICE_SCALE)
            value = converted(notional, fill.fx_rate)
            expected -= (value if fill.side is Side.BUY else -value) + converted(fill.commission, fill.fx_rate)
            yield _cash_problem(where, "cash of the fill", fill.cash, expected)
            yield None if fill.notional == notional else f"{where}: notional is not quantity * price * multiplier"
        yield _cash_problem(where, "cash of the equity record", record.cash, expected)
    for fill in unvalued:
        yield f"after fill {fill.exec_id}: no equity record of this fill"


def _cash_problem(where: str, what: str, found: int, expected: int) -> str | None:
    if found == expected:
        return None
    return f"{where}: {what} is {money_text(found)}, flows and fees make {money_text(expected)}"


def check_positions(facts: Facts) -> Check:
    """Checks after each fill and at the newest position: position = sum of fills, restated by the splits between them.

    A session starts and ends flat, so the sum runs over all sessions of the account.
    """
    check = Check("position = sum of fills", KAFKA)
    sums: dict[tuple[str, str], int] = defaultdict(int)
    pending = {
        (account_id, symbol): list(splits) for account_id in facts.fills for symbol, splits in facts.splits.items()
    }
    for account_id, fills in facts.fills.items():
        for fill in fills:
            key = (account_id, fill.symbol)
            _apply_splits(sums, key, pending.get(key, []), event_sequence(fill.exec_id))
            sums[key] += _signed(fill)
            total = sums[key]
            check.compare(
                fill.position_qty == total,
                f"account {account_id} after fill {fill.exec_id}: position in {fill.symbol} is "
                f"{price_text(fill.position_qty)}, its fills sum to {price_text(total)}",
            )
    for key, splits in pending.items():
        if key in sums:
            _apply_splits(sums, key, splits, None)
    for account_id, symbol in sorted(facts.positions.keys() | sums.keys()):
        position, total = facts.positions.get((account_id, symbol)), sums[account_id, symbol]
        held = "not on positions" if position is None else price_text(position.quantity)
        check.compare(
            position is not None and position.quantity == total,
            f"account {account_id}: position in {symbol} is {held}, its fills sum to {price_text(total)}",
        )
    return check


def check_equity(facts: Facts) -> Check:
    """Checks each record: equity = cash + position value, drawdown = equity - peak of the session."""
    check = Check("equity = cash + position value, drawdown from its peak", KAFKA)
    for account_id, records in facts.equities.items():
        peak = 0
        for record in records:
            opens = record.trigger is EquityTrigger.SESSION_OPEN
            peak = record.equity if opens else max(peak, record.equity)
            adds_up = record.equity == record.cash + record.position_value
            check.compare(
                adds_up,
                f"account {account_id} at {record.ts}: equity {money_text(record.equity)} is not cash "
                f"{money_text(record.cash)} + positions {money_text(record.position_value)}",
            )
            if (record.peak_equity, record.drawdown) != (peak, record.equity - peak):
                check.differ(
                    f"account {account_id} at {record.ts}: peak {money_text(record.peak_equity)} and drawdown "
                    f"{money_text(record.drawdown)}, the session's peak is {money_text(peak)}"
                )
    return check


def _apply_splits(
    sums: dict[tuple[str, str], int], key: tuple[str, str], splits: list[tuple[int, int, int]], before: int | None
) -> None:
    """Restates a position by the splits before an event of the venue. before: its sequence, None for all splits."""
    while splits and (before is None or splits[0][0] < before):
        _, to, of = splits.pop(0)
        sums[key] = divide_half_even(sums[key] * to, of)


def _signed(fill: Fill) -> int:
    return fill.quantity if fill.side is Side.BUY else -fill.quantity
