"""Paper sessions of accounts: opened with cash and limits, closed with what works canceled."""

from schemas.records.enums import EquityTrigger, RiskEventKind
from schemas.records.messages import Control
from streams.core.accounts import breaker_watch
from streams.core.accounts.approval import cancel_working
from streams.core.accounts.control_answers import answer, refuse
from streams.core.accounts.flatten import flatten
from streams.core.accounts.state.account import Account, SeenIds
from streams.core.accounts.state.first_answers import Answers
from streams.core.accounts.state.shard_state import AccountBook
from streams.core.risk.memory import Memory


def open_session(book: AccountBook, control: Control) -> None:
    """A session of an account that has none; what the account's operators set (state, used ids) goes on."""
    account_id, session_id = control.account_id, control.session_id
    if not account_id or not session_id or not control.currency or control.opening_cash is None:
        refuse(book, control, "SESSION_OPEN needs account_id, session_id, currency and opening_cash")
        return
    old = book.accounts.get(account_id)
    problem = _problem(book, old, control)
    if problem is not None:
        refuse(book, control, problem)
        return
    try:
        limits = book.config.limits_of(account_id)
        limits = limits.changed_by(control.limits) if control.limits else limits
    except ValueError as error:
        refuse(book, control, f"limits: {error}")
        return
    memory = old.memory if old else Memory()
    memory.warned.clear()
    account = Account(
        account_id=account_id,
        session_id=session_id,
        strategy_id=control.strategy_id,
        currency=control.currency,
        opening_cash=control.opening_cash,
        limits=limits,
        seen=old.seen if old else SeenIds(book.config.seen_order_ids_max),
        answers=old.answers if old else Answers(book.config.answers_max),
        memory=memory,
        cash=control.opening_cash,
        peak_equity=control.opening_cash,
        instruments=_symbols(control),
        settings_sha256=control.settings_sha256,
        opened_ns=book.time_ns,
        clock_ns=old.clock_ns if old else 0,
    )
    if old is not None:
        account.trading_state = old.trading_state
    book.accounts[account_id] = account
    breaker_watch.attach(book, account, old)
    text = f"session {session_id} of account {account_id} opened"
    answer(book, RiskEventKind.SESSION_OPENED, control, text, account)
    book.emit_equity(account, EquityTrigger.SESSION_OPEN)


def _problem(book: AccountBook, old: Account | None, control: Control) -> str | None:
    """Why a session can't be opened."""
    assert control.opening_cash is not None
    if control.opening_cash < 0:
        return "opening_cash is below 0; a session starts with cash of 0 or more"
    unknown = [symbol for symbol in _symbols(control) if symbol not in book.instruments]
    if unknown:
        return f"instruments: {', '.join(unknown)} not in the reference data"
    if old is None:
        return None
    if old.session_open:
        return f"session {old.session_id} of account {old.account_id} is still open; close it first"
    if old.working:
        return f"session {old.session_id} of account {old.account_id} has working orders; wait for their cancels"
    if old.has_exposure():
        return f"session {old.session_id} of account {old.account_id} has open positions; close it with flatten first"
    return None


def _symbols(control: Control) -> tuple[str, ...]:
    return tuple(control.instruments.split(",")) if control.instruments else ()


def close_session(book: AccountBook, accounts: list[Account], control: Control) -> None:
    """Closes what is open: of all accounts, or of one, where the session that the command names must be it.

    With flatten, positions are closed too, also those of a session that is closed already.
    """
    if control.account_id is not None:
        (account,) = accounts
        problem = _not_closing(account, control)
        if problem is not None:
            refuse(book, control, problem)
            return
    for account in accounts:
        if account.session_open or (control.flatten and account.has_exposure()):
            _close(book, account, control)


def _not_closing(account: Account, control: Control) -> str | None:
    if control.session_id not in (None, account.session_id) or not (account.session_open or control.flatten):
        return f"session {control.session_id or account.session_id} of account {account.account_id} is not open"
    if not account.session_open and not account.has_exposure():
        return f"session {account.session_id} of account {account.account_id} is closed and holds nothing"
    return None


def _close(book: AccountBook, account: Account, control: Control) -> None:
    text = f"session {account.session_id} of account {account.account_id} closed"
    if account.session_open:
        account.closed_ns = book.time_ns
    else:
        text += " before; what it holds is being closed"
    account.session_open = False
    cancel_working(book, account, control.control_id)
    answer(book, RiskEventKind.SESSION_CLOSED, control, text, account)
    book.emit_equity(account, EquityTrigger.SESSION_CLOSE)
    if control.flatten:
        flatten(book, account, control.control_id)
