"""Operators' commands: each is checked, carried out on the account or the shard, and answered."""

from collections.abc import Callable
from functools import partial

from schemas.records.enums import ControlKind, RiskEventKind, TradingState
from schemas.records.messages import Control, OrderRequest
from streams.core.accounts import account_breakers
from streams.core.accounts.approval import cancel_working
from streams.core.accounts.authorise import on_authorisation
from streams.core.accounts.desk_breakers import reset_desk
from streams.core.accounts.early_requests import refuse_early
from streams.core.accounts.flatten import flatten
from streams.core.accounts.session_controls import close_session, open_session
from streams.core.accounts.state.account import Account
from streams.core.accounts.state.account_records import waiting_text
from streams.core.accounts.state.shard_state import ShardState
from streams.core.ledger.working_order import WorkingOrder
from streams.core.risk.kill_switch import KillScope, KillTarget, target_of

ForAccounts = Callable[[ShardState, list[Account], Control], None]


def on_control(state: ShardState, control: Control) -> None:
    """Carries out a command or refuses it. A refused command changes nothing."""
    if not control.actor.strip() or not control.reason.strip():
        state.refuse(control, "a command needs actor and reason: who asks, and why")
    elif control.kind is ControlKind.SESSION_OPEN:
        open_session(state, control)
    elif control.account_id is not None and control.account_id not in state.accounts:
        state.refuse(control, f"account {control.account_id} is not known; open a session of it first")
    elif control.kind in COMMANDS:
        meant = [item for item in state.accounts.values() if control.account_id in (None, item.account_id)]
        if not meant and control.kind in OF_EACH_ACCOUNT:
            state.answer(OF_EACH_ACCOUNT[control.kind], control, "there is no account in this partition")
            return
        COMMANDS[control.kind](state, meant, control)
    else:
        state.refuse(control, f"kind {control.kind} is not known to this version")


def _set_trading_state(state: ShardState, accounts: list[Account], control: Control) -> None:
    if control.trading_state is TradingState.UNKNOWN:
        state.refuse(control, "TRADING_STATE needs trading_state ACTIVE, REDUCING or HALTED")
        return
    for account in accounts:
        account.trading_state = control.trading_state
        text = f"account {account.account_id} is {control.trading_state}"
        state.answer(RiskEventKind.TRADING_STATE_CHANGED, control, text, account)


def _set_limits(state: ShardState, accounts: list[Account], control: Control) -> None:
    try:
        changed = [account.limits.changed_by(control.limits or "") for account in accounts]
    except ValueError as error:
        state.refuse(control, f"limits: {error}")
        return
    for account, limits in zip(accounts, changed, strict=True):
        account.limits = limits
        account_breakers.configure(state, account)
        text = f"limits of account {account.account_id} changed: {control.limits}"
        state.answer(RiskEventKind.LIMITS_CHANGED, control, text, account)
        account_breakers.judge_new_limits(state, account, control)


def _kill(state: ShardState, accounts: list[Account], control: Control) -> None:
    """Refuses new orders of the target and cancels its working orders. A repeated kill is answered like the first."""
    try:
        target = target_of(control)
    except ValueError as error:
        state.refuse(control, str(error))
        return

    waiting = sum(
        refuse_early(state, account, f"{target} is killed", partial(_is_killed_early, state, target, account))
        for account in accounts
    )
    canceled = sum(
        cancel_working(state, account, control.control_id, partial(_is_killed, state, target, account))
        for account in accounts
    )
    text = f"{target} is killed: {canceled} working orders are being canceled, new ones are refused"
    text += waiting_text(waiting)
    killed = accounts[0] if target.scope is KillScope.ACCOUNT else None
    state.kills.kill(target, state.answer(RiskEventKind.KILLED, control, text, killed))
    if control.flatten:
        for account in accounts:
            flatten(state, account, control.control_id, partial(_is_killed_symbol, target, account))


def _is_killed_symbol(target: KillTarget, account: Account, symbol: str) -> bool:
    return target.covers(account.account_id, (account.strategy_id,), symbol)


def _is_killed(state: ShardState, target: KillTarget, account: Account, order: WorkingOrder) -> bool:
    return target.covers(account.account_id, state.strategies_of(account, order.request), order.symbol)


def _is_killed_early(state: ShardState, target: KillTarget, account: Account, request: OrderRequest) -> bool:
    return target.covers(account.account_id, state.strategies_of(account, request), request.symbol)


def _resume(state: ShardState, accounts: list[Account], control: Control) -> None:
    try:
        target = target_of(control)
    except ValueError as error:
        state.refuse(control, str(error))
        return
    if target not in state.kills:
        killed = ", ".join(map(str, state.kills.targets)) or "nothing"
        state.refuse(control, f"{target} is not killed; killed is: {killed}")
        return
    state.kills.resume(target)
    account = accounts[0] if target.scope is KillScope.ACCOUNT else None
    state.answer(RiskEventKind.RESUMED, control, f"{target} may trade again", account)


def _reset_breaker(state: ShardState, accounts: list[Account], control: Control) -> None:
    """Closes a breaker of the account, or of the desk if no account is named; then the judge answers."""
    if not control.breaker:
        state.refuse(control, "BREAKER_RESET needs breaker, the name of one that is open")
        return
    try:
        if control.account_id is None:
            reset_desk(state, control.breaker, control)
        else:
            account_breakers.reset(state, accounts[0], control.breaker, control)
    except ValueError as error:
        state.refuse(control, str(error))


def _authorise(state: ShardState, accounts: list[Account], control: Control) -> None:
    """Takes the gate's command about a strategy, which holds in every shard, whatever accounts it has."""
    on_authorisation(state, control)


COMMANDS: dict[ControlKind, ForAccounts] = {
    ControlKind.SESSION_CLOSE: close_session,
    ControlKind.TRADING_STATE: _set_trading_state,
    ControlKind.LIMITS: _set_limits,
    ControlKind.KILL: _kill,
    ControlKind.RESUME: _resume,
    ControlKind.BREAKER_RESET: _reset_breaker,
    ControlKind.AUTHORISATION: _authorise,
}
"""The function that carries out a command for the accounts that it names."""

OF_EACH_ACCOUNT: dict[ControlKind, RiskEventKind] = {
    ControlKind.SESSION_CLOSE: RiskEventKind.SESSION_CLOSED,
    ControlKind.TRADING_STATE: RiskEventKind.TRADING_STATE_CHANGED,
    ControlKind.LIMITS: RiskEventKind.LIMITS_CHANGED,
}
"""Commands that each account answers, with the answer of a shard that has no account."""
