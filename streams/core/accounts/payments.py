"""Payments that positions bring: the funding of perpetuals and cash dividends.

A notice stands on executions between the fills, so it pays the positions that the fills before it made, in every shard.

Funding is quantity * mark price * rate, times the contract multiplier. Longs pay it to shorts if the rate is above 0,
and receive it if it is below (Binance, "Introduction to Binance Futures Funding Rates"). A dividend is quantity * cash
of a unit: longs receive it, and shorts pay it to the lender (FINRA, "Short selling": payments in lieu of dividends).

Each payment is rounded half even to 1e-18 of the instrument's currency, which is symmetric: two opposite positions pay
each other exactly. Positions whose quantity * price * rate has at most 18 decimals pay without any rounding.
"""

from schemas.records.bounds import PAYMENTS_MAX, within
from schemas.records.enums import EquityTrigger, ExecType
from schemas.records.messages import ExecutionReport
from schemas.records.numbers import PRICE_SCALE, divide_half_even
from streams.core.accounts.state.account import Account
from streams.core.accounts.state.shard_state import ShardState
from streams.core.ledger.marks import converted
from streams.core.ledger.position import Position
from streams.core.reference.instruments import multiplied


def book_payment(state: ShardState, notice: ExecutionReport) -> list[Account]:
    """Books a funding or a dividend for every position in its symbol. Returns the accounts that hold it."""
    symbol, is_funding = notice.symbol, notice.exec_type is ExecType.FUNDING
    trigger = EquityTrigger.FUNDING if is_funding else EquityTrigger.DIVIDEND
    holders = []
    for account in state.accounts.values():
        position = account.ledger.positions.get(symbol)
        if position is None or not position.quantity:
            continue
        _, rate = state.marks.rate_of(symbol, account.ledger.currency)
        amount = converted(payment(position.quantity, notice, state.marks.multiplier_of(symbol)), rate)
        account.ledger.cash += _receive(position, amount, is_funding)
        state.emit_position(account, symbol, position, notice.exec_id)
        state.emit_equity(account, trigger)
        holders.append(account)
    return holders


def payment(quantity: int, notice: ExecutionReport, multiplier: int = PRICE_SCALE) -> int:
    """Returns what a position receives by a notice, 1e-18 of the instrument's currency; negative if it pays.

    quantity: 1e-9 units, negative if short. multiplier: units of the underlying in a contract, 1e-9.
    """
    if notice.exec_type is ExecType.DIVIDEND:
        assert notice.dividend is not None
        return multiplied(quantity * notice.dividend, multiplier)
    assert notice.funding_rate is not None
    assert notice.funding_px is not None
    value = quantity * notice.funding_px * notice.funding_rate * multiplier
    return -divide_half_even(value, PRICE_SCALE * PRICE_SCALE)


def _receive(position: Position, amount: int, is_funding: bool) -> int:
    """Adds an amount to a position's funding or dividends, cut at PAYMENTS_MAX. Returns what was added."""
    before = position.funding if is_funding else position.dividends
    after = within(before + amount, PAYMENTS_MAX)
    if is_funding:
        position.funding = after
    else:
        position.dividends = after
    return after - before
