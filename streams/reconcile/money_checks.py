"""Money: cash and positions are sums of fills, equity is their value; exact, record by record."""

from collections import defaultdict
from collections.abc import Iterator

from streams.domain.enums import EquityTrigger, Side
from streams.domain.messages import AccountEquity, Fill
from streams.domain.numbers import money_text, price_text
from streams.reconcile.facts import Facts
from streams.reconcile.report import KAFKA, Check


def cash(facts: Facts) -> Check:
    """In each fill and equity record: cash = opening cash of the session + cash flows - fees."""
    check = Check("cash = opening cash + cash flows - fees", KAFKA)
    for account_id in sorted(facts.fills.keys() | facts.equities.keys()):
        for problem in _cash_problems(facts.fills.get(account_id, []), facts.equities.get(account_id, [])):
            check.compare(problem is None, f"account {account_id} {problem}")
    return check


def _cash_problems(fills: list[Fill], equities: list[AccountEquity]) -> Iterator[str | None]:
    """Walks the equity records; each with trigger FILL stands for the next fill."""
    expected: int | None = None
    unvalued = iter(fills)
    for record in equities:
        where = f"at {record.ts}"
        if record.trigger is EquityTrigger.SESSION_OPEN:
            expected = record.cash
        if expected is None:
            yield f"{where}: an equity record comes before the session is opened"
            return
        if record.trigger is EquityTrigger.FILL:
            fill = next(unvalued, None)
            if fill is None:
                yield f"{where}: the equity record of a fill that fills does not hold"
                continue
            where = f"after fill {fill.exec_id}"
            expected -= _signed(fill) * fill.price + fill.commission
            yield _cash_problem(where, "cash of the fill", fill.cash, expected)
            yield None if fill.notional == fill.quantity * fill.price else f"{where}: notional is not quantity * price"
        yield _cash_problem(where, "cash of the equity record", record.cash, expected)
    for fill in unvalued:
        yield f"after fill {fill.exec_id}: no equity record of this fill"


def _cash_problem(where: str, what: str, found: int, expected: int) -> str | None:
    if found == expected:
        return None
    return f"{where}: {what} is {money_text(found)}, flows and fees make {money_text(expected)}"


def positions(facts: Facts) -> Check:
    """After each fill, and newest on positions: position = sum of fills. A session starts and ends flat."""
    check = Check("position = sum of fills", KAFKA)
    sums: dict[tuple[str, str], int] = defaultdict(int)
    for account_id, fills in facts.fills.items():
        for fill in fills:
            sums[account_id, fill.symbol] += _signed(fill)
            total = sums[account_id, fill.symbol]
            check.compare(
                fill.position_qty == total,
                f"account {account_id} after fill {fill.exec_id}: position in {fill.symbol} is "
                f"{price_text(fill.position_qty)}, its fills sum to {price_text(total)}",
            )
    for account_id, symbol in sorted(facts.positions.keys() | sums.keys()):
        position, total = facts.positions.get((account_id, symbol)), sums[account_id, symbol]
        held = "not on positions" if position is None else price_text(position.quantity)
        check.compare(
            position is not None and position.quantity == total,
            f"account {account_id}: position in {symbol} is {held}, its fills sum to {price_text(total)}",
        )
    return check


def equity(facts: Facts) -> Check:
    """In each record: equity = cash + position value, drawdown = equity - peak of the session."""
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


def _signed(fill: Fill) -> int:
    return fill.quantity if fill.side is Side.BUY else -fill.quantity
