"""Operators' commands: paper sessions, trading states, limits; each is answered by a risk event."""

from streams.domain import account_records as records
from streams.domain.account import Account, SeenIds
from streams.domain.account_book import AccountBook
from streams.domain.authorisations import on_authorisation
from streams.domain.enums import ControlKind, EquityTrigger, RiskEventKind, TradingState
from streams.domain.messages import Control
from streams.domain.order_entry import approve
from streams.domain.shard import Output
from streams.risk.limits import Limits


def on_control(book: AccountBook, control: Control) -> None:
    """Carries out a command or refuses it; a refused one changes nothing."""
    if control.kind is ControlKind.SESSION_OPEN:
        _open_session(book, control)
        return
    if control.kind is ControlKind.AUTHORISATION:
        problem = on_authorisation(book, control)
        if problem is not None:
            _refuse_control(book, control, problem)
        return
    if control.account_id is None:
        accounts = list(book.accounts.values())
    elif control.account_id in book.accounts:
        accounts = [book.accounts[control.account_id]]
    else:
        _refuse_control(book, control, f"account {control.account_id} is not known")
        return
    for account in accounts:
        if control.kind is ControlKind.SESSION_CLOSE:
            _close_session(book, account, control)
        elif control.kind is ControlKind.TRADING_STATE:
            _set_trading_state(book, account, control)
        elif control.kind is ControlKind.LIMITS:
            _set_limits(book, account, control)
        else:
            _refuse_control(book, control, f"kind {control.kind} is not known to this version")


def _open_session(book: AccountBook, control: Control) -> None:
    account_id, session_id = control.account_id, control.session_id
    if not account_id or not session_id or not control.currency or control.opening_cash is None:
        _refuse_control(book, control, "SESSION_OPEN needs account_id, session_id, currency and opening_cash")
        return
    old = book.accounts.get(account_id)
    if old is not None and (old.session_open or old.working or old.has_exposure()):
        state = "is still open" if old.session_open else "has working orders or open positions"
        _refuse_control(book, control, f"session {old.session_id} of account {account_id} {state}")
        return
    try:
        limits = Limits.from_config(book.config.limits)
        limits = limits.changed_by(control.limits) if control.limits else limits
    except ValueError as error:
        _refuse_control(book, control, f"limits: {error}")
        return
    account = Account(
        account_id=account_id,
        session_id=session_id,
        strategy_id=control.strategy_id,
        currency=control.currency,
        opening_cash=control.opening_cash,
        limits=limits,
        seen=old.seen if old else SeenIds(book.config.seen_order_ids_max),
        cash=control.opening_cash,
        peak_equity=control.opening_cash,
    )
    book.accounts[account_id] = account
    _answer(
        book,
        RiskEventKind.SESSION_OPENED,
        account,
        control,
        f"session {session_id} of account {account_id} opened",
    )
    book.emit_equity(account, EquityTrigger.SESSION_OPEN)


def _close_session(book: AccountBook, account: Account, control: Control) -> None:
    if not account.session_open or (control.session_id and control.session_id != account.session_id):
        if control.account_id is not None:
            named = control.session_id or account.session_id
            _refuse_control(book, control, f"session {named} of account {account.account_id} is not open")
        return
    account.session_open = False
    for order in account.working.values():
        cancel = records.cancel_of(account.account_id, order, f"{control.control_id}:{order.order_id}", book.time_ns)
        approve(book, account, cancel)
    text = f"session {account.session_id} of account {account.account_id} closed"
    _answer(book, RiskEventKind.SESSION_CLOSED, account, control, text)
    book.emit_equity(account, EquityTrigger.SESSION_CLOSE)


def _set_trading_state(book: AccountBook, account: Account, control: Control) -> None:
    if control.trading_state is TradingState.UNKNOWN:
        _refuse_control(book, control, "TRADING_STATE needs trading_state ACTIVE, REDUCING or HALTED")
        return
    account.trading_state = control.trading_state
    text = f"account {account.account_id} is {control.trading_state}"
    _answer(book, RiskEventKind.TRADING_STATE_CHANGED, account, control, text)


def _set_limits(book: AccountBook, account: Account, control: Control) -> None:
    try:
        account.limits = account.limits.changed_by(control.limits or "")
    except ValueError as error:
        _refuse_control(book, control, f"limits: {error}")
        return
    text = f"limits of account {account.account_id} changed: {control.limits}"
    _answer(book, RiskEventKind.LIMITS_CHANGED, account, control, text)


def _answer(book: AccountBook, kind: RiskEventKind, account: Account, control: Control, text: str) -> None:
    event = records.risk_event(
        book.next_id(),
        kind,
        account.account_id,
        account.session_id,
        book.time_ns,
        text,
        control_id=control.control_id,
        actor=control.actor,
        reason=control.reason,
    )
    book.emit(Output("risk.events", account.account_id, event))


def _refuse_control(book: AccountBook, control: Control, why: str) -> None:
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
    )
    book.emit(Output("risk.events", account_id, event, book.partition))
