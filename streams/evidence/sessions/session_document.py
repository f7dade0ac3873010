"""Writes a session's state as plain values: amounts as decimal text, times as ISO 8601."""

from datetime import UTC, datetime
from typing import Any

from schemas.records.numbers import NANOS_PER_S, money_text, price_text
from streams.evidence.sessions.session_fold import Session


def session_document(session: Session) -> dict[str, Any]:
    """Returns a document for JSON. A value that does not exist yet is None."""
    return {
        "session_id": session.session_id,
        "account_id": session.account_id,
        "strategy_id": session.strategy_id,
        "status": session.status,
        "openings": session.openings,
        "opened_at": time_text(session.started_ns),
        "closed_at": time_text(session.closed_ns),
        "instruments": session.instruments,
        "settings_sha256": session.settings_sha256,
        "code_sha256": session.code_sha256,
        "parameters": session.parameters,
        "currency": session.currency,
        "opening_cash": money_text(session.opening_cash),
        "cash": money_text(session.cash),
        "realised_pnl": money_text(session.realised_pnl),
        "unrealised_pnl": money_text(session.unrealised_pnl),
        "commission": money_text(session.commission),
        "borrow_fees": money_text(session.borrow_fees),
        "funding": money_text(session.funding),
        "dividends": money_text(session.dividends),
        "equity": money_text(session.equity),
        "peak_equity": money_text(session.peak_equity),
        "drawdown": money_text(session.drawdown),
        "max_drawdown": money_text(session.max_drawdown),
        "valued_at": time_text(session.valued_ns),
        "positions": {symbol: price_text(item.quantity) for symbol, item in sorted(session.positions.items())},
        "orders": session.orders,
        "working_orders": len(session.working),
        "results": session.results,
        "fills": session.fills,
        "rejects": session.rejects,
        "cancel_rejects": session.cancel_rejects,
        "breaker_trips": session.breaker_trips,
        "liquidations": session.liquidations,
    }


def time_text(time_ns: int | None) -> str | None:
    """Formats a time in UTC with nanoseconds. None and 0, before any market time, give None."""
    if not time_ns:
        return None
    seconds, nanos = divmod(time_ns, NANOS_PER_S)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{nanos:09}Z"
