"""How a command is answered: one risk event that says what came of it, or that nothing did."""

from schemas.records.enums import RiskEventKind
from schemas.records.messages import Control
from schemas.records.output import Output
from streams.core.accounts.state import account_records as records
from streams.core.accounts.state.account import Account
from streams.core.accounts.state.shard_state import AccountBook


def answer(book: AccountBook, kind: RiskEventKind, control: Control, text: str, account: Account | None = None) -> str:
    """Says what a command changed, of one account or of all that the shard has. Gives the event's id."""
    event = records.risk_event(
        book.next_id(),
        kind,
        account.account_id if account else control.account_id or "",
        account.session_id if account else None,
        book.time_ns,
        text,
        control_id=control.control_id,
        actor=control.actor,
        reason=control.reason,
        strategy_id=control.strategy_id,
        symbol=control.symbol,
        cause=control.control_id,
    )
    book.emit(Output("risk.events", event.account_id, event, book.partition))
    return event.event_id


def refuse(book: AccountBook, control: Control, why: str) -> None:
    """Says that a command changed nothing, and why."""
    account_id = control.account_id or ""
    account = book.accounts.get(account_id)
    event = records.risk_event(
        book.next_id(),
        RiskEventKind.CONTROL_REJECTED,
        account_id,
        account.session_id if account else None,
        book.time_ns,
        f"control {control.control_id}: {why}; nothing changed",
        control_id=control.control_id,
        code="CONTROL_REJECTED",
        actor=control.actor,
        reason=control.reason,
        strategy_id=control.strategy_id,
        symbol=control.symbol,
        cause=control.control_id,
    )
    book.emit(Output("risk.events", account_id, event, book.partition))
