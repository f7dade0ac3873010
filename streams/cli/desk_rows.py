"""The desk as rows for `paper top`: accounts, positions, working orders and the newest fills."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Any, NamedTuple

from schemas.records.enums import BreakerState, TradingState
from schemas.records.numbers import money_text, price_text
from streams.cli.output import readable
from streams.cli.position_values import valued

if TYPE_CHECKING:
    from schemas.records.messages import Fill
    from streams.serve.account_view import AccountView
    from streams.serve.desk_view import DeskView
    from streams.serve.order_state import OrderState

ACCOUNT_COLUMNS = ("account", "state", "ccy", "equity", "day_pnl", "drawdown", "breakers")
POSITION_COLUMNS = ("account", "symbol", "quantity", "avg_px", "mark", "unrealised_pnl", "ccy")
ORDER_COLUMNS = ("account", "order_id", "symbol", "side", "quantity", "price", "filled", "status")
FILL_COLUMNS = ("time", "account", "symbol", "side", "quantity", "price")
FILLS_SHOWN = 100
Row = dict[str, Any]


class DeskRows(NamedTuple):
    """The tables of `paper top`. tape: fills, newest first."""

    accounts: list[Row]
    positions: list[Row]
    orders: list[Row]
    tape: list[Row]


def desk_rows(view: DeskView) -> DeskRows:
    """Returns the rows of all accounts as they stand between two records."""
    with view.lock:
        accounts = [account for _, account in sorted(view.accounts.items())]
        reports = [report for account in accounts for report in account.positions.values() if report.quantity]
        newest = (fill for account in accounts for fill in account.fills.newest(FILLS_SHOWN))
        return DeskRows(
            [_account_row(account, view.is_all_killed) for account in accounts if account.equity is not None],
            [readable(report) | valued(view.values.of(report), report) | _names(report) for report in reports],
            [_order_row(order) for account in accounts for order in account.working() if order.symbol],
            [_fill_row(fill) for fill in heapq.nlargest(FILLS_SHOWN, newest, key=lambda fill: fill.ts)],
        )


def _names(report: Any) -> Row:
    return {"account": report.account_id, "ccy": report.currency}


def _account_row(account: AccountView, is_all_killed: bool) -> Row:
    """Returns an account. day_pnl: equity less that at the last change of the UTC day of its clock."""
    equity = account.equity
    assert equity is not None
    open_ones = [name for name, event in account.breakers.items() if event.breaker_state is not BreakerState.CLOSED]
    return {
        "account": account.account_id,
        "state": "KILLED" if is_all_killed or account.is_killed else TradingState(account.trading_state).value,
        "ccy": equity.currency,
        "equity": money_text(equity.equity),
        "day_pnl": money_text(equity.equity - account.day_start_equity),
        "drawdown": money_text(equity.drawdown),
        "breakers": ", ".join(sorted(open_ones)) or "closed",
    }


def _order_row(order: OrderState) -> Row:
    return {
        "account": order.account_id,
        "order_id": order.order_id,
        "symbol": order.symbol,
        "side": order.side.value,
        "quantity": _number(order.quantity),
        "price": _number(order.price),
        "filled": price_text(order.cum_qty),
        "status": order.status.value,
    }


def _fill_row(fill: Fill) -> Row:
    return {
        "time": fill.ts,
        "account": fill.account_id,
        "symbol": fill.symbol,
        "side": fill.side.value,
        "quantity": price_text(fill.quantity),
        "price": price_text(fill.price),
    }


def _number(fixed: int | None) -> str | None:
    return None if fixed is None else price_text(fixed)
