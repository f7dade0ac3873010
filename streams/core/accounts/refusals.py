"""Refusals of requests by the account shard: the client's result and the risk event."""

from schemas.records.enums import Action, RiskEventKind
from schemas.records.messages import OrderRequest, OrderResult
from schemas.records.output import Output
from streams.core.accounts.state import account_records as records
from streams.core.accounts.state.account import Account
from streams.core.accounts.state.shard_state import ShardState
from streams.core.risk.proposal import Reject


def refuse(state: ShardState, account: Account | None, request: OrderRequest, reject: Reject) -> None:
    """Refuses a request for good: the refusal is its first answer."""
    result = emit_refusal(state, account, request, reject, terminal=True)
    if account is not None:
        account.answers.add(request, result)


def emit_refusal(
    state: ShardState, account: Account | None, request: OrderRequest, reject: Reject, terminal: bool
) -> OrderResult:
    """Emits result and risk event of a refusal, and returns the result. terminal: it ends the order, if it is one."""
    target = None
    if account and request.orig_order_id and request.action is not Action.NEW:
        target = account.ledger.working.get(request.orig_order_id)
    result = records.risk_result(request, account, target, reject, terminal, state.next_id(), state.time_ns)
    if not request.ts:
        result = result._replace(order_ts=state.sent_ns(request))
    state.emit(Output("order.results", request.account_id, result))
    state.emit_risk_event(
        RiskEventKind.ORDER_REJECTED,
        reject.text,
        account,
        request.account_id,
        by_key=True,
        code=reject.code,
        order_id=request.order_id,
        limit_value=reject.limit_value,
        observed_value=reject.observed_value,
        breaker=reject.breaker,
    )
    return result
