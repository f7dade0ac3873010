"""The way to the venue: which mode a request has, whether the gate allows a live order, and the approval itself."""

from collections.abc import Callable

from schemas.records.enums import Action, TradingMode
from schemas.records.messages import OrderRequest
from schemas.records.output import Output
from streams.core.accounts.live_authority import missing_authority
from streams.core.accounts.state import account_records as records
from streams.core.accounts.state.account import Account
from streams.core.accounts.state.shard_state import ShardState
from streams.core.ledger.working_order import WorkingOrder
from streams.core.risk.limits import RiskLimits
from streams.core.risk.proposal import Reject

TOPICS = {TradingMode.LIVE: "orders.live", TradingMode.PAPER: "orders.approved"}


def approve(state: ShardState, account: Account, request: OrderRequest) -> None:
    """Sends a request to the venue of its symbol, or a live one to the external adapter."""
    mode = _mode_of(account, request)
    sent = request if request.mode is mode else request._replace(mode=mode)
    message = records.approved(sent, account.session_id, state.next_id(), state.time_ns)
    state.emit(Output(TOPICS[mode], request.symbol, message))


def cancel_working(
    state: ShardState,
    account: Account,
    cause: str,
    is_meant: Callable[[WorkingOrder], bool] = lambda order: True,
    ts: int | None = None,
) -> int:
    """Asks the venue to cancel working orders, each under the id cause:order_id. Returns their number."""
    chosen = [order for order in account.ledger.working.values() if is_meant(order)]
    for order in chosen:
        request_id = f"{cause}:{order.order_id}"
        approve(
            state,
            account,
            records.cancel_of(account.account_id, order, request_id, state.time_ns if ts is None else ts),
        )
    return len(chosen)


def limits_of(state: ShardState, account: Account, mode: TradingMode) -> RiskLimits:
    """Returns the limits of an order: for a live order, the account's reduced to those of its strategy's level."""
    if mode is not TradingMode.LIVE or account.strategy_id is None:
        return account.limits
    return state.authorisations.limits_under(account.strategy_id, account.limits)


def _mode_of(account: Account, request: OrderRequest) -> TradingMode:
    """Returns the mode of a request. A cancel or replace has the mode of its order, not its own."""
    if request.action is Action.NEW:
        return request.mode
    target = account.ledger.working.get(request.orig_order_id or "")
    return request.mode if target is None else target.request.mode


def live_reject(state: ShardState, account: Account, request: OrderRequest) -> Reject | None:
    """Returns the refusal of a NEW or REPLACE that may not trade in its mode. Cancels always may."""
    if request.action not in (Action.NEW, Action.REPLACE):
        return None
    mode = _mode_of(account, request)
    if mode not in TOPICS:
        return Reject("UNSUPPORTED_MODE", f"order {request.order_id}: mode is not one of PAPER, LIVE")
    other = _linked_in_another_mode(account, request) if request.action is Action.NEW else None
    if other is not None:
        text = (
            f"order {request.order_id}: it hangs together with order {other}, which is not {mode}; one mode is needed"
        )
        return Reject("ORDER_FORM", text)
    missing = missing_authority(state, account, request) if mode is TradingMode.LIVE else None
    return _mixed(account, request) if missing is None and request.action is Action.NEW else missing


def _mixed(account: Account, request: OrderRequest) -> Reject | None:
    """Refuses a second mode in a symbol: a live order can't close a position that exists on paper only."""
    symbol, mode = request.symbol, account.ledger.mode_in(request.symbol)
    if request.mode is mode or not (account.ledger.position_quantity(symbol) or account.ledger.orders_in(symbol)):
        return None
    text = f"order {request.order_id}: what account {account.account_id} holds or works in {symbol} is {mode}"
    return Reject("MIXED_MODE", f"{text}; close it before an order that is {request.mode}", mode, request.mode)


def _linked_in_another_mode(account: Account, request: OrderRequest) -> str | None:
    if request.parent_order_id is None and request.oco_group is None:
        return None
    parent = account.ledger.working.get(request.parent_order_id or "")
    linked = [*([] if parent is None else [parent]), *account.ledger.group(request.oco_group or "")]
    return next((order.order_id for order in linked if order.request.mode is not request.mode), None)
