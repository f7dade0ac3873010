"""Live orders: which mode a request has, what the gate has to have said before one passes, and under which limits."""

from collections.abc import Callable

from schemas.records.enums import Action, TradingLevel, TradingMode
from schemas.records.messages import OrderRequest
from streams.core.accounts.state.account import Account
from streams.core.accounts.state.shard_state import AccountBook
from streams.core.risk.control import Reject

LIVE_LEVELS = (TradingLevel.LIMITED_LIVE, TradingLevel.FULL_LIVE)
TOPICS = {TradingMode.LIVE: "orders.live", TradingMode.PAPER: "orders.approved"}


def mode_of(account: Account, request: OrderRequest) -> TradingMode:
    """A change has the mode of its order, whatever it says itself."""
    if request.action is Action.NEW:
        return request.mode
    target = account.working.get(request.orig_order_id or "")
    return request.mode if target is None else target.request.mode


def live_reject(book: AccountBook, account: Account, request: OrderRequest) -> Reject | None:
    """Why a NEW or REPLACE may not trade in its mode; cancels always may."""
    if request.action not in (Action.NEW, Action.REPLACE):
        return None
    mode = mode_of(account, request)
    if mode not in TOPICS:
        return Reject("UNSUPPORTED_MODE", f"order {request.order_id}: mode is not one of PAPER, LIVE")
    other = _linked_in_another_mode(account, request) if request.action is Action.NEW else None
    if other is not None:
        text = (
            f"order {request.order_id}: it hangs together with order {other}, which is not {mode}; one mode is needed"
        )
        return Reject("ORDER_FORM", text)
    missing = _missing(book, account, request) if mode is TradingMode.LIVE else None
    return _mixed(account, request) if missing is None and request.action is Action.NEW else missing


def _mixed(account: Account, request: OrderRequest) -> Reject | None:
    """What an account holds and works in a symbol is of one mode: no live order can close what is on paper only."""
    symbol, mode = request.symbol, account.mode_in(request.symbol)
    if request.mode is mode or not (account.position_quantity(symbol) or account.orders_in(symbol)):
        return None
    text = f"order {request.order_id}: what account {account.account_id} holds or works in {symbol} is {mode}"
    return Reject("MIXED_MODE", f"{text}; close it before an order that is {request.mode}", mode, request.mode)


def _linked_in_another_mode(account: Account, request: OrderRequest) -> str | None:
    if request.parent_order_id is None and request.oco_group is None:
        return None
    parent = account.working.get(request.parent_order_id or "")
    linked = [*([] if parent is None else [parent]), *account.group(request.oco_group or "")]
    return next((order.order_id for order in linked if order.request.mode is not request.mode), None)


def _missing(book: AccountBook, account: Account, request: OrderRequest) -> Reject | None:
    """What a live order lacks: a strategy, its decision, a live level, the approval, time."""
    subject, strategy = f"order {request.order_id}", account.strategy_id
    if not strategy:
        text = f"{subject}: session {account.session_id} has no strategy that the gate could authorise"
        return Reject("LIVE_NO_STRATEGY", text)
    if request.strategy_id not in (None, strategy):
        text = f"{subject}: strategy {request.strategy_id} is not that of session {account.session_id}, {strategy}"
        return Reject("LIVE_WRONG_STRATEGY", text, strategy, request.strategy_id)
    known = book.authorisations.by_strategy.get(strategy)
    if known is None:
        text = f"{subject}: the gate has decided nothing on strategy {strategy}; `paper gate evaluate` it"
        return Reject("LIVE_NO_DECISION", text)
    decision = f"{subject}: decision {known.decision_id} on strategy {strategy}"
    if known.revoked is not None:
        return Reject("LIVE_REVOKED", f"{decision} is revoked: {known.revoked}")
    if known.level not in LIVE_LEVELS:
        return Reject("LIVE_PAPER_ONLY", f"{decision} says {known.level}")
    if known.approved_by is None:
        return Reject("LIVE_NOT_APPROVED", f"{decision} has no person's approval; `paper gate approve` it")
    if account.clock_ns >= known.expires_ns:
        text = f"{decision} has expired; evaluate the strategy again"
        return Reject("LIVE_EXPIRED", text, str(known.expires_ns), str(account.clock_ns))
    return None


def under_level(
    book: AccountBook, account: Account, mode: TradingMode, check: Callable[[], Reject | None]
) -> Reject | None:
    """The answer of the controls, for a live order under the limits of its strategy's level."""
    if mode is not TradingMode.LIVE or account.strategy_id is None:
        return check()
    own = account.limits
    account.limits = book.authorisations.limits_under(account.strategy_id, own)
    try:
        return check()
    finally:
        account.limits = own
