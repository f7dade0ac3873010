"""An account, its positions and instruments in Alpaca's form."""

from __future__ import annotations

from typing import Any

from schemas.records.enums import Side
from schemas.records.messages import PositionReport
from schemas.records.numbers import money_to_decimal, plain
from streams.core.reference.declarations import InstrumentConfig
from streams.serve.account_view import AccountView
from streams.serve.alpaca.order_ids import asset_uuid, uuid_of
from streams.serve.alpaca.order_json import asset_class, moment, number
from streams.serve.position_value import PositionValue, PositionValues

EXCHANGES = {"XNYS": "NYSE", "XNAS": "NASDAQ"}
"""Alpaca's names of exchanges by ISO 10383 codes of calendars."""


def money(value: int | None) -> str:
    """Returns an amount (1e-18) as text."""
    return plain(money_to_decimal(value or 0))


def account_json(account: AccountView, values: PositionValues) -> dict[str, Any]:
    """Returns an account. last_equity: at the end of the day before, of the account's clock."""
    equity = account.equity
    is_open = equity is not None
    held = [_market_value(item, values.of(item)) for item in list(account.positions.values()) if item.quantity]
    return {
        "id": str(uuid_of("account", account.account_id)),
        "account_number": account.account_id,
        "status": "ACTIVE" if is_open else "INACTIVE",
        "crypto_status": "ACTIVE" if is_open else "INACTIVE",
        "currency": equity.currency if equity else "USD",
        "cash": money(equity.cash if equity else 0),
        "equity": money(equity.equity if equity else 0),
        "portfolio_value": money(equity.equity if equity else 0),
        "last_equity": money(account.day_start_equity),
        "buying_power": money(_buying_power(account)),
        "regt_buying_power": money(_buying_power(account)),
        "daytrading_buying_power": "0",
        "non_marginable_buying_power": money(_buying_power(account)),
        "long_market_value": money(sum(value for value in held if value > 0)),
        "short_market_value": money(sum(value for value in held if value < 0)),
        "accrued_fees": "0",
        "pattern_day_trader": False,
        "trading_blocked": not is_open,
        "transfers_blocked": True,
        "account_blocked": False,
        "trade_suspended_by_user": False,
        "created_at": moment(account.opened_ns),
        "multiplier": "1",
        "shorting_enabled": True,
        "daytrade_count": 0,
    }


def _buying_power(account: AccountView) -> int:
    equity = account.equity
    if equity is None:
        return 0
    return equity.cash if equity.buying_power is None else equity.buying_power


def position_json(position: PositionReport, value: PositionValue, account: AccountView) -> dict[str, Any]:
    """Returns a position with its value; at cost before the first quote. Amounts are in the account's currency."""
    is_long = position.quantity > 0
    average = position.avg_px or 0
    current = average if value.mark_px is None else value.mark_px
    result = value.unrealised or 0
    share = str(result / abs(position.cost)) if position.cost else "0"
    return {
        "asset_id": str(asset_uuid(position.symbol)),
        "symbol": position.symbol,
        "exchange": "CRYPTO" if asset_class(position.symbol) == "crypto" else "",
        "asset_class": asset_class(position.symbol),
        "asset_marginable": False,
        "avg_entry_price": number(average),
        "qty": number(position.quantity),
        "qty_available": number(abs(position.quantity) - _held(account, position)),
        "side": "long" if is_long else "short",
        "market_value": money(_market_value(position, value)),
        "cost_basis": money(position.cost),
        "unrealized_pl": money(result),
        "unrealized_plpc": share,
        "unrealized_intraday_pl": money(result),
        "unrealized_intraday_plpc": share,
        "current_price": number(current),
        "lastday_price": number(average),
        "change_today": "0",
    }


def _market_value(position: PositionReport, value: PositionValue) -> int:
    return position.cost if value.market_value is None else value.market_value


def _held(account: AccountView, position: PositionReport) -> int:
    """Returns the quantity of a position that working orders would close, at most all of it; 1e-9 units."""
    closing = Side.SELL if position.quantity > 0 else Side.BUY
    orders = [
        order
        for order in list(account.orders.values())
        if not order.is_terminal and order.symbol == position.symbol and order.side is closing
    ]
    return min(abs(position.quantity), sum((order.quantity or 0) - order.cum_qty for order in orders))


def asset_json(instrument: InstrumentConfig) -> dict[str, Any]:
    """Returns an instrument."""
    kind = asset_class(instrument.symbol)
    return {
        "id": str(asset_uuid(instrument.symbol)),
        "class": kind,
        "exchange": "CRYPTO" if kind == "crypto" else EXCHANGES.get(instrument.calendar or "", ""),
        "symbol": instrument.symbol,
        "name": instrument.symbol,
        "status": "active" if instrument.tradable else "inactive",
        "tradable": instrument.tradable,
        "marginable": instrument.margin_rate < 1,
        "shortable": True,
        "easy_to_borrow": not instrument.borrow_rate,
        "fractionable": instrument.lot_size < 1,
        "min_order_size": plain(instrument.min_quantity),
        "min_trade_increment": plain(instrument.lot_size),
        "price_increment": plain(instrument.tick_size),
        "attributes": [],
    }
