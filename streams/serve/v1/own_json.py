"""Records in the form of the service's own API: numbers as decimal text, times in RFC 3339."""

from __future__ import annotations

from typing import Any

from schemas.records.messages import AccountEquity, Fill, Mark, PositionReport, RiskEvent
from schemas.records.numbers import money_text
from streams.core.reference.declarations import InstrumentConfig
from streams.serve.account_view import AccountView
from streams.serve.alpaca.order_json import moment, number
from streams.serve.order_state import OrderState
from streams.serve.position_value import PositionValue


def account_v1(account: AccountView) -> dict[str, Any]:
    """Returns an account with its newest equity; null where it has no session yet."""
    return {
        "account_id": account.account_id,
        "is_killed": account.is_killed,
        "trading_state": account.trading_state.value,
        "breakers": {name: event.breaker_state.value for name, event in account.breakers.items()},
        "day_start_equity": money_text(account.day_start_equity),
        "equity": None if account.equity is None else equity_v1(account.equity),
        "working_orders": len(account.working()),
    }


def equity_v1(equity: AccountEquity) -> dict[str, Any]:
    """Returns an equity record; amounts are in its currency."""
    return {
        "account_id": equity.account_id,
        "ts": moment(equity.ts),
        "currency": equity.currency,
        "equity": money_text(equity.equity),
        "cash": money_text(equity.cash),
        "position_value": money_text(equity.position_value),
        "realised_pnl": money_text(equity.realised_pnl),
        "unrealised_pnl": money_text(equity.unrealised_pnl),
        "commission": money_text(equity.commission),
        "peak_equity": money_text(equity.peak_equity),
        "drawdown": money_text(equity.drawdown),
    }


def order_v1(order: OrderState) -> dict[str, Any]:
    """Returns an order as it stands."""
    return {
        "account_id": order.account_id,
        "order_id": order.order_id,
        "symbol": order.symbol,
        "side": order.side.value,
        "order_type": order.order_type.value,
        "time_in_force": order.time_in_force.value,
        "quantity": number(order.quantity),
        "price": number(order.price),
        "stop_price": number(order.stop_price),
        "trailing_offset": number(order.trailing_offset),
        "trailing_type": order.trailing_type.value if order.trailing_offset is not None else None,
        "parent_order_id": order.parent_order_id,
        "oco_group": order.oco_group,
        "status": order.status.value,
        "is_terminal": order.is_terminal,
        "cum_qty": number(order.cum_qty),
        "avg_px": number(order.avg_px),
        "reason": order.reason,
        "created": moment(order.created_ns),
        "updated": moment(order.updated_ns),
    }


def fill_v1(fill: Fill) -> dict[str, Any]:
    """Returns a booked fill."""
    return {
        "account_id": fill.account_id,
        "exec_id": fill.exec_id,
        "order_id": fill.order_id,
        "ts": moment(fill.ts),
        "symbol": fill.symbol,
        "side": fill.side.value,
        "quantity": number(fill.quantity),
        "price": number(fill.price),
        "commission": money_text(fill.commission),
        "realised_pnl": money_text(fill.realised_pnl),
        "currency": fill.currency,
        "liquidity": fill.liquidity.value,
        "position_qty": number(fill.position_qty),
        "simulator": fill.simulator,
    }


def position_v1(position: PositionReport, value: PositionValue) -> dict[str, Any]:
    """Returns a position, valued at the middle of the last quote, as equity is; null before the first quote."""
    return {
        "account_id": position.account_id,
        "symbol": position.symbol,
        "quantity": number(position.quantity),
        "avg_px": number(position.avg_px),
        "mark_px": number(value.mark_px),
        "market_value": _amount(value.market_value),
        "unrealised_pnl": _amount(value.unrealised),
        "realised_pnl": money_text(position.realised_pnl),
        "commission": money_text(position.commission),
        "currency": position.currency,
        "ts": moment(position.ts),
    }


def _amount(value: int | None) -> str | None:
    return None if value is None else money_text(value)


def event_v1(event: RiskEvent) -> dict[str, Any]:
    """Returns a decision of the risk side."""
    return {
        "account_id": event.account_id,
        "event_id": event.event_id,
        "ts": moment(event.ts),
        "kind": event.kind.value,
        "code": event.code,
        "text": event.text,
        "order_id": event.order_id,
        "limit_value": event.limit_value,
        "observed_value": event.observed_value,
        "actor": event.actor,
        "reason": event.reason,
        "breaker": event.breaker,
        "breaker_state": event.breaker_state.value if event.breaker else None,
    }


def quote_v1(mark: Mark) -> dict[str, Any]:
    """Returns the last quote of a symbol."""
    return {
        "symbol": mark.symbol,
        "ts": moment(mark.ts),
        "bid_px": number(mark.bid_px),
        "bid_sz": number(mark.bid_sz),
        "ask_px": number(mark.ask_px),
        "ask_sz": number(mark.ask_sz),
    }


def instrument_v1(instrument: InstrumentConfig) -> dict[str, Any]:
    """Returns an instrument."""
    return {
        "symbol": instrument.symbol,
        "currency": instrument.currency,
        "tick_size": format(instrument.tick_size, "f"),
        "lot_size": format(instrument.lot_size, "f"),
        "min_quantity": format(instrument.min_quantity, "f"),
        "max_quantity": format(instrument.max_quantity, "f"),
        "tradable": instrument.tradable,
    }
