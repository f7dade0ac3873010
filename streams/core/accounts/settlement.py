"""Cash settlement of expired futures: each position is closed at the settlement price, as by a fill without an order.

A notice stands on executions between the fills, so it closes the positions that the fills before it made, in every
shard. Long and short positions are closed at one price, so all accounts together gain and lose nothing by it. CME,
"Final Settlement": positions that are open after the last trading are marked to the final settlement price.
"""

from typing import Final

from schemas.records.enums import RiskEventKind, Side
from schemas.records.messages import ExecutionReport
from schemas.records.numbers import price_text
from streams.core.accounts.booking import Booked, FillMoney, book_fill
from streams.core.accounts.state.account import Account
from streams.core.accounts.state.shard_state import ShardState

SETTLEMENT_PREFIX: Final = "settlement-"
"""Begins exec_id and order_id of a settlement's fill. The rest is the account and the exec_id of the notice."""


def settle(state: ShardState, notice: ExecutionReport) -> list[Booked]:
    """Closes every position in the symbol of a settlement. Returns what was booked.

    A position whose settlement would leave the bounds of schemas.records.bounds stays open, and a risk event says so.
    """
    booked = []
    for account in state.accounts.values():
        position = account.ledger.positions.get(notice.symbol)
        if position is None or not position.quantity:
            continue
        report = settlement_report(notice, account.account_id, position.quantity)
        money = FillMoney(state, account, report)
        if not position.can_take(money.quantity, money.notional, money.commission):
            _leave_open(state, account, notice, position.quantity)
            continue
        account.flattening.pop(notice.symbol, None)
        booked.append(Booked(report, account, False, book_fill(state, account, report, money), None))
    return booked


def settlement_report(notice: ExecutionReport, account_id: str, quantity: int) -> ExecutionReport:
    """Returns a settlement as the report of a fill that closes a position. quantity: 1e-9 units, negative if short."""
    name = f"{SETTLEMENT_PREFIX}{account_id}-{notice.exec_id}"
    return notice._replace(
        exec_id=name,
        order_id=name,
        account_id=account_id,
        side=Side.SELL if quantity > 0 else Side.BUY,
        last_qty=abs(quantity),
        last_px=notice.settlement_px,
        cum_qty=abs(quantity),
    )


def _leave_open(state: ShardState, account: Account, notice: ExecutionReport, quantity: int) -> None:
    held = price_text(quantity)
    state.emit_risk_event(
        RiskEventKind.LIMIT_WARNING,
        f"account {account.account_id} still holds {held} {notice.symbol}: its settlement would bring the account out "
        "of range; close the session",
        account,
        code="SETTLEMENT_OUT_OF_RANGE",
        observed_value=held,
        symbol=notice.symbol,
        cause=notice.exec_id,
    )
