"""Liquidation: the shard closes the margined positions of an account whose equity has fallen below their margin.

Margined are the positions in instruments with a margin table. The margin is that of the account (cross margin): the sum
of the maintenance margins of its positions at the marks, against the equity of all that it has. The shard judges it at
each mark, and when a fill or a notice has changed a position. A liquidation is one risk event; it cancels all working
orders and closes the margined positions like a flattening, during which nothing is judged. The next one needs equity
that has come up to the margin, or positions that were opened after all were closed.
"""

from schemas.records.enums import MarkKind, RiskEventKind
from schemas.records.messages import Mark
from schemas.records.numbers import money_text
from streams.core.accounts.approval import cancel_working
from streams.core.accounts.flatten import flatten
from streams.core.accounts.state.account import Account
from streams.core.accounts.state.shard_state import ShardState
from streams.core.ledger.marks import converted


def watch(state: ShardState, account: Account) -> None:
    """Notes whether the account has positions that can be liquidated."""
    if any(position.quantity and symbol in state.margined for symbol, position in account.ledger.positions.items()):
        state.on_margin[account.account_id] = None
    else:
        state.on_margin.pop(account.account_id, None)
        account.liquidation = None


def after_booking(state: ShardState, account: Account, cause: str) -> None:
    """Judges an account whose positions or cash have changed. cause: the id of the report or notice."""
    if state.margined:
        watch(state, account)
        if account.account_id in state.on_margin:
            _judge(state, account, cause)


def after_mark(state: ShardState, mark: Mark, charged: list[Account]) -> None:
    """Judges, at a mark, the accounts that can be liquidated. charged: accounts that paid borrow fees."""
    if mark.kind is MarkKind.HEARTBEAT and not charged:
        return
    for name in sorted(state.on_margin):
        _judge(state, state.accounts[name], f"{mark.symbol}@{mark.ts}")


def maintenance_margin(state: ShardState, account: Account) -> int:
    """Returns the maintenance margin of the account's positions at the marks, 1e-18 of its currency."""
    total = 0
    for symbol, position in account.ledger.positions.items():
        instrument = state.margined.get(symbol)
        price = state.marks.price(symbol)
        if instrument is None or instrument.maintenance is None or not position.quantity or price is None:
            continue
        value = abs(state.marks.value(symbol, position.quantity, price, instrument.currency))
        _, rate = state.marks.rate_of(symbol, account.ledger.currency)
        total += converted(instrument.maintenance.of_value(value), rate)
    return total


def _judge(state: ShardState, account: Account, cause: str) -> None:
    if any(symbol in state.margined for symbol in account.flattening):
        return
    equity, margin = state.valuation(account).equity, maintenance_margin(state, account)
    if equity >= margin:
        account.liquidation = None
    elif account.liquidation is None:
        _liquidate(state, account, cause, equity, margin)


def _liquidate(state: ShardState, account: Account, cause: str, equity: int, margin: int) -> None:
    event_id = account.liquidation = state.emit_risk_event(
        RiskEventKind.LIQUIDATION,
        f"account {account.account_id} is liquidated: its equity of {money_text(equity)} {account.currency} is below "
        f"the maintenance margin of {money_text(margin)}; add no position before it has more",
        account,
        code="LIQUIDATION",
        limit_value=money_text(margin),
        observed_value=money_text(equity),
        strategy_id=account.strategy_id,
        cause=cause,
    )
    cancel_working(state, account, event_id)
    flatten(state, account, event_id, state.margined.__contains__)
