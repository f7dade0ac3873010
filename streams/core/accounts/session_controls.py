"""Paper sessions: a session opens with cash and limits; when it closes, its working orders are canceled."""

from schemas.records.bounds import BOOKED_MAX
from schemas.records.enums import EquityTrigger, RiskEventKind
from schemas.records.messages import Control
from schemas.records.numbers import NANOS_PER_DAY, money_text
from streams.core.accounts import account_breakers
from streams.core.accounts.approval import cancel_working
from streams.core.accounts.early_requests import refuse_early
from streams.core.accounts.flatten import flatten
from streams.core.accounts.state.account import Account
from streams.core.accounts.state.first_answers import FirstAnswers
from streams.core.accounts.state.shard_state import ShardState
from streams.core.ledger.ledger import Ledger, SeenIds
from streams.core.risk.memory import Memory


def open_session(state: ShardState, control: Control) -> None:
    """Opens a session of an account that has none.

    Trading state, used ids, the memory of the account and what its breakers have measured go on.
    """
    account_id, session_id = control.account_id, control.session_id
    if not account_id or not session_id or not control.currency or control.opening_cash is None:
        state.refuse(control, "SESSION_OPEN needs account_id, session_id, currency and opening_cash")
        return
    old = state.accounts.get(account_id)
    problem = _problem(state, old, control)
    if problem is not None:
        state.refuse(control, problem)
        return
    try:
        limits = state.config.limits_of(account_id)
        limits = limits.changed_by(control.limits) if control.limits else limits
    except ValueError as error:
        state.refuse(control, f"limits: {error}")
        return
    memory = old.memory if old else Memory()
    memory.warned.clear()
    ledger = Ledger(
        account_id=account_id,
        currency=control.currency,
        cash=control.opening_cash,
        seen=old.ledger.seen if old else SeenIds(state.config.seen_order_ids_max),
        clock_ns=old.ledger.clock_ns if old else 0,
    )
    account = Account(
        ledger=ledger,
        session_id=session_id,
        strategy_id=control.strategy_id,
        opening_cash=control.opening_cash,
        limits=limits,
        answers=old.answers if old else FirstAnswers(state.config.answers_max),
        memory=memory,
        peak_equity=control.opening_cash,
        instruments=_symbols(control),
        settings_sha256=control.settings_sha256,
        code_sha256=control.code_sha256,
        parameters=control.parameters,
        opened_ns=state.time_ns,
    )
    if old is not None:
        account.trading_state = old.trading_state
    state.accounts[account_id] = account
    account_breakers.attach(state, account, old)
    text = f"session {session_id} of account {account_id} opened"
    state.answer(RiskEventKind.SESSION_OPENED, control, text, account)
    state.emit_equity(account, EquityTrigger.SESSION_OPEN)
    if old is not None:
        account_breakers.judge_new_limits(state, account, control)


def _problem(state: ShardState, old: Account | None, control: Control) -> str | None:
    """Returns the reason why a session can't be opened, or None."""
    assert control.opening_cash is not None
    if control.opening_cash < 0:
        return "opening_cash is below 0; a session starts with cash of 0 or more"
    if control.opening_cash > BOOKED_MAX:
        return f"opening_cash is above {money_text(BOOKED_MAX)}, the most that an account can hold; open it with less"
    unknown = [symbol for symbol in _symbols(control) if symbol not in state.instruments]
    if unknown:
        return f"instruments: {', '.join(unknown)} not in the reference data"
    if old is None:
        return None
    if old.session_open:
        return f"session {old.session_id} of account {old.account_id} is still open; close it first"
    if old.ledger.working:
        return f"session {old.session_id} of account {old.account_id} has working orders; wait for their cancels"
    if old.ledger.has_exposure():
        return f"session {old.session_id} of account {old.account_id} has open positions; close it with flatten first"
    return _currency_problem(state, old, control)


def _currency_problem(state: ShardState, old: Account, control: Control) -> str | None:
    """Refuses another currency within a day, because breakers could not go on with the losses of the day."""
    if (
        not state.config.days_outlive_sessions
        or control.currency == old.currency
        or not old.breakers.watches_equity
        or state.time_ns >= (old.closed_ns or 0) + NANOS_PER_DAY
    ):
        return None
    return (
        f"account {old.account_id} traded in {old.currency} less than 24 hours ago, and its losses still count for its "
        f"breakers; open the session in {old.currency}, or another account"
    )


def _symbols(control: Control) -> tuple[str, ...]:
    return tuple(control.instruments.split(",")) if control.instruments else ()


def close_session(state: ShardState, accounts: list[Account], control: Control) -> None:
    """Closes the open sessions of all accounts, or the session of one account that the command names.

    With flatten, positions are closed too, even those of a session that is closed already.
    """
    if control.account_id is not None:
        (account,) = accounts
        problem = _not_closing(account, control)
        if problem is not None:
            state.refuse(control, problem)
            return
    for account in accounts:
        if account.session_open or (control.flatten and account.ledger.has_exposure()):
            _close(state, account, control)


def _not_closing(account: Account, control: Control) -> str | None:
    if control.session_id not in (None, account.session_id) or not (account.session_open or control.flatten):
        return f"session {control.session_id or account.session_id} of account {account.account_id} is not open"
    if not account.session_open and not account.ledger.has_exposure():
        return f"session {account.session_id} of account {account.account_id} is closed and holds nothing"
    return None


def _close(state: ShardState, account: Account, control: Control) -> None:
    text = f"session {account.session_id} of account {account.account_id} closed"
    if account.session_open:
        account.closed_ns = state.time_ns
    else:
        text += " before; what it holds is being closed"
    account.session_open = False
    refuse_early(state, account, f"session {account.session_id} closed", lambda request: True, changes=True)
    cancel_working(state, account, control.control_id)
    state.answer(RiskEventKind.SESSION_CLOSED, control, text, account)
    state.emit_equity(account, EquityTrigger.SESSION_CLOSE)
    if control.flatten:
        flatten(state, account, control.control_id)
