"""Requests whose time is ahead of the market: they wait, or are refused if they can't.

A request judged before its time would be judged by another market, and limits that look at time would have to believe
the client's. So it waits until marks and executions have brought the shard to its time (decision 15).
"""

from collections.abc import Callable

from schemas.records.enums import Action
from schemas.records.messages import OrderRequest
from schemas.records.numbers import NANOS_PER_HOUR
from streams.core.accounts.refusals import refuse
from streams.core.accounts.state.account import Account
from streams.core.accounts.state.early_queue import AHEAD_MAX_NS, WAITING_MAX, EarlyRequest
from streams.core.accounts.state.shard_state import ShardState
from streams.core.risk.proposal import Reject


def keep_if_early(state: ShardState, account: Account, request: OrderRequest) -> bool:
    """Keeps a request for later and remembers its id. Returns False if it must be judged or refused now."""
    due_ns = _due_ns(account, request)
    if (
        due_ns <= state.horizon_ns
        or due_ns > state.time_ns + AHEAD_MAX_NS
        or len(account.early) >= WAITING_MAX
        or not account.session_open
        or state.used_before(account, request)
    ):
        return False
    account.ledger.seen.add(request.order_id)
    account.answers.add(request, None)
    early = account.early[request.order_id] = EarlyRequest(due_ns, request)
    state.early.add(early)
    return True


def early_reject(state: ShardState, account: Account, request: OrderRequest) -> Reject | None:
    """Returns the refusal of a request that is for later and may not wait; None if it is for now."""
    due_ns = _due_ns(account, request)
    if due_ns <= state.horizon_ns:
        return None
    if due_ns > state.time_ns + AHEAD_MAX_NS:
        text = (
            f"request {request.order_id}: its ts {request.ts} is more than {AHEAD_MAX_NS // NANOS_PER_HOUR} hours "
            f"after the market's time {state.time_ns}; stamp requests with the market's time, or with 0 for now"
        )
        return Reject("TS_TOO_FAR_AHEAD", text, str(state.time_ns + AHEAD_MAX_NS), str(request.ts))
    text = (
        f"request {request.order_id}: {WAITING_MAX} requests of account {account.account_id} wait for the market to "
        "come to their ts; send it later, or with ts 0 for now; a MASS_CANCEL refuses the orders that wait"
    )
    return Reject("TOO_MANY_WAITING", text, str(WAITING_MAX), str(len(account.early) + 1))


def take_due(state: ShardState) -> tuple[Account, OrderRequest] | None:
    """Returns the next request whose time has come, with its account; None if there is none. It waits no more."""
    request = state.early.take_due(state.horizon_ns)
    if request is None:
        return None
    account = state.accounts[request.account_id]
    del account.early[request.order_id]
    return account, request


def refuse_early(
    state: ShardState, account: Account, why: str, is_meant: Callable[[OrderRequest], bool], changes: bool = False
) -> int:
    """Refuses the new orders that wait and are meant, and with changes all else that waits. Returns their number."""
    chosen = [
        early
        for early in account.early.values()
        if (is_meant(early.request) if early.request.action is Action.NEW else changes)
    ]
    for early in chosen:
        request = early.request
        del account.early[request.order_id]
        state.early.discard(early)
        text = f"request {request.order_id}: it waited for the market to come to {early.due_ns}, and {why}"
        refuse(state, account, request, Reject("CANCELED_WHILE_WAITING", text))
    return len(chosen)


def _due_ns(account: Account, request: OrderRequest) -> int:
    """Returns the time for which a request is: not before that of the order that it changes or hangs on."""
    other = request.parent_order_id if request.action is Action.NEW else request.orig_order_id
    early = account.early.get(other) if other is not None else None
    return request.ts if early is None else max(request.ts, early.due_ns)
