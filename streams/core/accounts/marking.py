"""Marks in the account shard: quotes, splits, borrow fees at the end of a day, and equity at each interval."""

from schemas.records.bounds import BOOKED_MAX
from schemas.records.enums import EquityTrigger, MarkKind, RiskEventKind
from schemas.records.messages import ExecutionReport, Mark
from schemas.records.numbers import NANOS_PER_DAY, NANOS_PER_MS, PRICE_SCALE, divide_half_even, price_text
from streams.core.accounts.state.account import Account
from streams.core.accounts.state.shard_state import ShardState
from streams.core.ledger.position import Position

DAYS_OF_YEAR = 360
"""Day count of borrow fees: actual/360, the custom of stock lending."""


def take_mark(state: ShardState, mark: Mark) -> list[Account]:
    """Takes a quote, a split or a heartbeat. Returns the accounts that paid borrow fees. Raises RecordRefused."""
    marks = state.marks
    if mark.kind is MarkKind.QUOTE and (mark.bid_px is not None or mark.ask_px is not None):
        marks.quotes[mark.symbol] = (mark.bid_px, mark.ask_px)
        marks.quoted_ns[mark.symbol] = state.time_ns if state.record_time else mark.ts
    elif mark.kind is MarkKind.SPLIT:
        assert mark.split_to is not None
        assert mark.split_of is not None
        marks.split(mark.symbol, mark.split_to, mark.split_of)
    charged = _charge_borrowing(state)
    _emit_due_equity(state)
    return charged


def split_positions(state: ShardState, notice: ExecutionReport) -> list[Account]:
    """Restates every position in the symbol of a split. Returns the accounts that hold it. Raises RecordRefused."""
    assert notice.split_to is not None
    assert notice.split_of is not None
    before = state.marks.split_gaps.get(notice.symbol)
    state.marks.widen_gap(notice.symbol, notice.split_of, notice.split_to)
    holders = []
    for account in state.accounts.values():
        position = account.ledger.positions.get(notice.symbol)
        if position is not None and position.quantity:
            if not position.split(notice.split_to, notice.split_of):
                _pay_out(state, account, position, notice, before or (1, 1))
            state.emit_position(account, notice.symbol, position, notice.exec_id)
            holders.append(account)
    return holders


def _pay_out(
    state: ShardState, account: Account, position: Position, notice: ExecutionReport, gap: tuple[int, int]
) -> None:
    """Pays a position in cash that a split would take out of range, at its mark before the split, else at its cost.

    gap: the split gap of the symbol before this notice.
    """
    ledger, marks, symbol = account.ledger, state.marks, notice.symbol
    held, price = position.quantity, marks.price(symbol)
    value = position.cost if price is None else marks.value(symbol, held, price, ledger.currency, gap)
    ledger.cash += position.pay_out(value)
    account.trip_starts[symbol] = position.realised_pnl
    state.emit_risk_event(
        RiskEventKind.LIMIT_WARNING,
        f"account {account.account_id} held {price_text(held)} {symbol}; after a split of {notice.split_of} into "
        f"{notice.split_to} that is more than a position can be, so it was paid out in cash",
        account,
        code="SPLIT_PAID_OUT",
        observed_value=price_text(held),
        symbol=symbol,
        cause=notice.exec_id,
    )


def _charge_borrowing(state: ShardState) -> list[Account]:
    """Charges, at the first mark of a UTC day, the fee of each night for the short positions that are open now."""
    day = state.time_ns // NANOS_PER_DAY
    nights = 0 if state.charged_day is None else day - state.charged_day
    state.charged_day = day
    payers = []
    if nights > 0:
        for account in state.accounts.values():
            charged = [_charge(state, account, symbol, nights) for symbol in account.ledger.positions]
            if any(charged):
                state.emit_equity(account, EquityTrigger.BORROW_FEE)
                payers.append(account)
    return payers


def _charge(state: ShardState, account: Account, symbol: str, nights: int) -> bool:
    ledger, marks = account.ledger, state.marks
    position, instrument, price = ledger.positions[symbol], state.instruments.get(symbol), marks.price(symbol)
    if position.quantity >= 0 or instrument is None or not instrument.borrow_rate or price is None:
        return False
    value = marks.value(symbol, -position.quantity, price, ledger.currency)
    fee = divide_half_even(value * instrument.borrow_rate * nights, DAYS_OF_YEAR * PRICE_SCALE)
    fee = min(fee, BOOKED_MAX - position.borrow_fees)
    ledger.cash -= fee
    position.borrow_fees += fee
    state.emit_position(account, symbol, position, None)
    return True


def _emit_due_equity(state: ShardState) -> None:
    interval = state.config.equity_interval_ms * NANOS_PER_MS
    if state.equity_due_ns is not None and state.time_ns < state.equity_due_ns:
        return
    if state.equity_due_ns is not None:
        for account in state.accounts.values():
            if account.ledger.has_exposure():
                state.emit_equity(account, EquityTrigger.INTERVAL)
    state.equity_due_ns = (state.time_ns // interval + 1) * interval
