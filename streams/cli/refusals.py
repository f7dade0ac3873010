"""Says why a request was refused, and which command helps."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from schemas.records.messages import OrderResult

REMEDIES = {
    "BREAKER_OPEN": "`paper risk breakers show --account {account}` shows it, `paper risk breakers reset` closes it",
    "DUPLICATE_ORDER_ID": "name another with --order-id, or none",
    "KILLED": "`paper risk status --account {account}` shows the kill, `paper risk resume` ends it",
    "LOT_SIZE": "`paper instruments list` shows lot sizes",
    "MAX_QUANTITY": "`paper instruments list` shows the largest quantity",
    "MIN_QUANTITY": "`paper instruments list` shows the smallest quantity",
    "NOT_IN_SESSION": "`paper session show {session}` shows the session's instruments",
    "TICK_SIZE": "`paper instruments list` shows tick sizes",
    "TRADING_HALTED": "`paper trading-state ACTIVE --account {account}` ends the halt",
    "UNKNOWN_INSTRUMENT": "`paper instruments list` shows the instruments",
    "UNKNOWN_ORDER": "`paper orders list {account}` shows the working orders",
}
"""The command that helps, by reason code."""
NO_SESSION = (
    "request {request}: account {account} has no open session; `paper session open --account {account}` opens one"
)


def refusal_text(result: OrderResult) -> str:
    """Returns the text of a result with the command that helps; empty if the result has none."""
    names = {
        "account": result.account_id,
        "session": result.session_id,
        "request": result.request_id or result.order_id,
    }
    if result.reason_code == "UNKNOWN_ACCOUNT":
        return NO_SESSION.format_map(names)
    text = result.text or ""
    remedy = REMEDIES.get(result.reason_code or "")
    return f"{text}; {remedy.format_map(names)}" if remedy else text
