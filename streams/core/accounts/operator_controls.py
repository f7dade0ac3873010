"""Operators' commands: each is checked, carried out in the account's or the shard's state, and answered."""

from collections.abc import Callable
from functools import partial

from schemas.records.enums import ControlKind, RiskEventKind, TradingState
from schemas.records.messages import Control
from streams.core.accounts import breaker_watch
from streams.core.accounts.approval import cancel_working
from streams.core.accounts.authorise import on_authorisation
from streams.core.accounts.control_answers import answer, refuse
from streams.core.accounts.desk_watch import reset_desk
from streams.core.accounts.flatten import flatten
from streams.core.accounts.session_controls import close_session, open_session
from streams.core.accounts.state.account import Account, WorkingOrder
from streams.core.accounts.state.shard_state import AccountBook
from streams.core.risk.kill_switch import KillScope, KillTarget, target_of

ForAccounts = Callable[[AccountBook, list[Account], Control], None]


def on_control(book: AccountBook, control: Control) -> None:
    """Carries out a command or refuses it; a refused one changes nothing."""
    if not control.actor.strip() or not control.reason.strip():
        refuse(book, control, "a command needs actor and reason: who asks, and why")
    elif control.kind is ControlKind.SESSION_OPEN:
        open_session(book, control)
    elif control.account_id is not None and control.account_id not in book.accounts:
        refuse(book, control, f"account {control.account_id} is not known; open a session of it first")
    elif control.kind in COMMANDS:
        meant = [item for item in book.accounts.values() if control.account_id in (None, item.account_id)]
        if not meant and control.kind in OF_EACH_ACCOUNT:
            answer(book, OF_EACH_ACCOUNT[control.kind], control, "there is no account in this partition")
            return
        COMMANDS[control.kind](book, meant, control)
    else:
        refuse(book, control, f"kind {control.kind} is not known to this version")


def _set_trading_state(book: AccountBook, accounts: list[Account], control: Control) -> None:
    if control.trading_state is TradingState.UNKNOWN:
        refuse(book, control, "TRADING_STATE needs trading_state ACTIVE, REDUCING or HALTED")
        return
    for account in accounts:
        account.trading_state = control.trading_state
        text = f"account {account.account_id} is {control.trading_state}"
        answer(book, RiskEventKind.TRADING_STATE_CHANGED, control, text, account)


def _set_limits(book: AccountBook, accounts: list[Account], control: Control) -> None:
    try:
        changed = [account.limits.changed_by(control.limits or "") for account in accounts]
    except ValueError as error:
        refuse(book, control, f"limits: {error}")
        return
    for account, limits in zip(accounts, changed, strict=True):
        account.limits = limits
        breaker_watch.configure(book, account)
        text = f"limits of account {account.account_id} changed: {control.limits}"
        answer(book, RiskEventKind.LIMITS_CHANGED, control, text, account)


def _kill(book: AccountBook, accounts: list[Account], control: Control) -> None:
    """Refuses new orders of what is named, and cancels those that work. A repeated kill is answered as the first."""
    try:
        target = target_of(control)
    except ValueError as error:
        refuse(book, control, str(error))
        return

    canceled = sum(
        cancel_working(book, account, control.control_id, partial(_is_killed, target, account)) for account in accounts
    )
    text = f"{target} is killed: {canceled} working orders are being canceled, new ones are refused"
    killed = accounts[0] if target.scope is KillScope.ACCOUNT else None
    book.kills.kill(target, answer(book, RiskEventKind.KILLED, control, text, killed))
    if control.flatten:
        for account in accounts:
            flatten(book, account, control.control_id, partial(_is_killed_symbol, target, account))


def _is_killed_symbol(target: KillTarget, account: Account, symbol: str) -> bool:
    return target.covers(account.account_id, account.strategy_id, symbol)


def _is_killed(target: KillTarget, account: Account, order: WorkingOrder) -> bool:
    return target.covers(account.account_id, account.strategy_of(order.request), order.symbol)


def _resume(book: AccountBook, accounts: list[Account], control: Control) -> None:
    try:
        target = target_of(control)
    except ValueError as error:
        refuse(book, control, str(error))
        return
    if target not in book.kills:
        killed = ", ".join(map(str, book.kills.targets)) or "nothing"
        refuse(book, control, f"{target} is not killed; killed is: {killed}")
        return
    book.kills.resume(target)
    account = accounts[0] if target.scope is KillScope.ACCOUNT else None
    answer(book, RiskEventKind.RESUMED, control, f"{target} may trade again", account)


def _reset_breaker(book: AccountBook, accounts: list[Account], control: Control) -> None:
    """Closes a breaker of the account, or of the desk where no account is named: its judge answers."""
    if not control.breaker:
        refuse(book, control, "BREAKER_RESET needs breaker, the name of one that is open")
        return
    try:
        if control.account_id is None:
            reset_desk(book, control.breaker, control)
        else:
            breaker_watch.reset(book, accounts[0], control.breaker, control)
    except ValueError as error:
        refuse(book, control, str(error))


def _authorise(book: AccountBook, accounts: list[Account], control: Control) -> None:
    """What the gate says of a strategy holds in every shard, whatever accounts it has."""
    problem = on_authorisation(book, control)
    if problem is not None:
        refuse(book, control, problem)


COMMANDS: dict[ControlKind, ForAccounts] = {
    ControlKind.SESSION_CLOSE: close_session,
    ControlKind.TRADING_STATE: _set_trading_state,
    ControlKind.LIMITS: _set_limits,
    ControlKind.KILL: _kill,
    ControlKind.RESUME: _resume,
    ControlKind.BREAKER_RESET: _reset_breaker,
    ControlKind.AUTHORISATION: _authorise,
}
"""What a command does to the accounts that it means."""

OF_EACH_ACCOUNT: dict[ControlKind, RiskEventKind] = {
    ControlKind.SESSION_CLOSE: RiskEventKind.SESSION_CLOSED,
    ControlKind.TRADING_STATE: RiskEventKind.TRADING_STATE_CHANGED,
    ControlKind.LIMITS: RiskEventKind.LIMITS_CHANGED,
}
"""Commands that are answered by each account, and the answer of a shard that has none."""
