"""Order entry: identity of a request, its target, the risk controls, and the approval or refusal."""

from typing import NamedTuple

from schemas.records.enums import Action, RiskEventKind, Side
from schemas.records.messages import OrderRequest
from schemas.records.output import Output
from streams.core.accounts.approval import approve, cancel_working, limits_of, live_reject
from streams.core.accounts.early_requests import early_reject, refuse_early
from streams.core.accounts.refusals import emit_refusal, refuse
from streams.core.accounts.state import account_records as records
from streams.core.accounts.state.account import Account
from streams.core.accounts.state.shard_state import ShardState, stranger_key
from streams.core.ledger.working_order import WorkingOrder
from streams.core.reference.instruments import Instrument
from streams.core.risk.judges.judge import first_reject
from streams.core.risk.proposal import Proposal, Reject


class Outcome(NamedTuple):
    """The outcome of a request. approved: it is a new order that goes to the venue. reject: it was refused.

    Neither: it is a cancel or replace that goes to the venue, or a repeated request.
    """

    approved: bool = False
    reject: Reject | None = None


PASSED_ON = Outcome()
APPROVED = Outcome(approved=True)


def enter(state: ShardState, account: Account | None, request: OrderRequest) -> Outcome:
    """Answers a request: it is approved to the venue, or refused with the reason."""
    if state.used_before(account, request):
        _answer_again(state, account, request)
        return PASSED_ON
    if account is None:
        state.strangers.add(stranger_key(request))
    else:
        account.ledger.seen.add(request.order_id)
    return enter_first(state, account, request)


def enter_first(state: ShardState, account: Account | None, request: OrderRequest) -> Outcome:
    """Answers a request whose id is new, or that waited under it."""
    if account is None or not account.session_open:
        text = (
            f"order {request.order_id}: account {request.account_id} has no open session; "
            "open one with a SESSION_OPEN control"
        )
        return _refused(state, account, request, Reject("UNKNOWN_ACCOUNT", text))
    reject = None
    if account.early or request.ts > state.horizon_ns:
        reject = early_reject(state, account, request)
    if reject is None:
        reject = live_reject(state, account, request)
    if reject is not None:
        return _refused(state, account, request, reject)
    if request.action is Action.NEW:
        return _enter_new(state, account, request)
    if request.action is Action.CANCEL:
        return _enter_cancel(state, account, request)
    if request.action is Action.REPLACE:
        return _enter_replace(state, account, request)
    if request.action is Action.MASS_CANCEL:
        return _enter_mass_cancel(state, account, request)
    text = f"order {request.order_id}: action is not one of NEW, CANCEL, REPLACE, MASS_CANCEL"
    return _refused(state, account, request, Reject("UNSUPPORTED_ACTION", text))


def _answer_again(state: ShardState, account: Account | None, request: OrderRequest) -> None:
    """Answers the identical request as the first time, if that has an answer yet; refuses any other."""
    early = None if account is None else account.early.get(request.order_id)
    if early is not None and early.request == request:
        return
    if account is not None and account.answers.knows(request):
        answer = account.answers.answer_to(request)
        if answer is not None:
            again = answer._replace(result_id=state.next_id(), poss_resend=True, terminal=False, ts=state.time_ns)
            state.emit(Output("order.results", request.account_id, again))
        return
    text = f"order {request.order_id}: the account has used this order id before; send a new one"
    emit_refusal(state, account, request, Reject("DUPLICATE_ORDER_ID", text), terminal=False)


def _enter_new(state: ShardState, account: Account, request: OrderRequest) -> Outcome:
    ledger = account.ledger
    stopped = _stop_reject(state, account, request, request.symbol)
    if stopped is not None:
        return _refused(state, account, request, stopped)
    instrument = state.instruments.get(request.symbol)
    if instrument is None:
        return _refused(state, account, request, _unknown_instrument(request, request.symbol))
    if request.side is Side.UNKNOWN or request.quantity is None:
        text = f"order {request.order_id}: a NEW order needs side and quantity"
        return _refused(state, account, request, Reject("FIELD_MISSING", text))
    account.memory.count_new_order(account.limits.kept, request, ledger.clock_ns)
    added = ledger.added_leaves(request, request.quantity)
    reject = _judge(state, account, instrument, request, request, added, None)
    if reject is not None:
        return _refused(state, account, request, reject)
    order = WorkingOrder(request, request.quantity, request.price, request.stop_price)
    order.waiting = request.parent_order_id in ledger.working
    ledger.add_order(order)
    account.answers.add(request, None)
    approve(state, account, request)
    return APPROVED


def _judge(
    state: ShardState,
    account: Account,
    instrument: Instrument,
    request: OrderRequest,
    asked: OrderRequest,
    added_leaves: int,
    replaced: WorkingOrder | None,
) -> Reject | None:
    """Asks the controls. Sends the cancels that they want, and warns of limits that an order came near."""
    assert asked.quantity is not None
    proposal = Proposal(
        request,
        instrument,
        asked,
        asked.quantity,
        added_leaves,
        replaced,
        account.ledger,
        account.exposures,
        account.memory,
        account.breakers,
        account.trading_state,
        state.marks,
        state.time_ns,
        state.config.self_match_at_market,
    )
    reject = first_reject(limits_of(state, account, asked.mode).judges, proposal)
    for order in proposal.cancels:
        request_id = f"{request.order_id}:{order.order_id}"
        met_by = request.order_id if state.config.self_match_at_market else None
        approve(state, account, records.cancel_of(account.account_id, order, request_id, request.ts, met_by))
    if reject is None and (proposal.near or proposal.far):
        _warn(state, account, proposal)
    return reject


def _warn(state: ShardState, account: Account, proposal: Proposal) -> None:
    """Emits one LIMIT_WARNING each time that the number of an approved order reaches the soft limit from below."""
    warned, symbol = account.memory.warned, proposal.symbol
    for control in proposal.far:
        warned.pop(control.warning_key(symbol), None)
    for control, observed, limit in proposal.near:
        key = control.warning_key(symbol)
        if key in warned:
            continue
        warned[key] = None
        warning: Reject = control.warning(proposal, observed, limit)
        state.emit_risk_event(
            RiskEventKind.LIMIT_WARNING,
            warning.text,
            account,
            by_key=True,
            code=warning.code,
            order_id=proposal.request.order_id,
            limit_value=warning.limit_value,
            observed_value=warning.observed_value,
            symbol=symbol,
        )


def _enter_mass_cancel(state: ShardState, account: Account, request: OrderRequest) -> Outcome:
    """Cancels the account's working and waiting orders, of the symbol and the side that the request names."""

    def is_meant(order: WorkingOrder) -> bool:
        return request.symbol in ("", order.symbol) and request.side in (Side.UNKNOWN, order.side)

    def is_meant_early(early: OrderRequest) -> bool:
        return request.symbol in ("", early.symbol) and request.side in (Side.UNKNOWN, early.side)

    waiting = refuse_early(state, account, f"MASS_CANCEL {request.order_id} canceled it", is_meant_early)
    canceled = cancel_working(state, account, request.order_id, is_meant, request.ts)
    result = records.mass_cancel_result(request, account, canceled, waiting, state.next_id(), state.time_ns)
    if not request.ts:
        result = result._replace(order_ts=state.sent_ns(request))
    account.answers.add(request, result)
    state.emit(Output("order.results", request.account_id, result))
    return PASSED_ON


def _enter_cancel(state: ShardState, account: Account, request: OrderRequest) -> Outcome:
    target = account.ledger.working.get(request.orig_order_id or "")
    if target is None:
        return _refused(state, account, request, _no_target(account, request))
    account.answers.add(request, None)
    sent = request._replace(symbol=target.symbol)
    if state.config.self_match_at_market:
        sent = sent._replace(parent_order_id=None)  # Only the shard says that a cancel prevents a self-match.
    approve(state, account, sent)
    return PASSED_ON


def _enter_replace(state: ShardState, account: Account, request: OrderRequest) -> Outcome:
    ledger = account.ledger
    target = ledger.working.get(request.orig_order_id or "")
    if target is None:
        return _refused(state, account, request, _no_target(account, request))
    if target.replace_quantity is not None:
        text = f"order {target.order_id}: a replace of it is still on its way; wait for its result"
        return _refused(state, account, request, Reject("PENDING_REPLACE", text))
    stopped = _stop_reject(state, account, target.request, target.symbol)
    if stopped is not None:
        stopped = stopped._replace(text=f"replace {request.order_id} of {stopped.text}")
        return _refused(state, account, request, stopped)
    instrument = state.instruments.get(target.symbol)
    if instrument is None:
        return _refused(state, account, request, _unknown_instrument(request, target.symbol))
    quantity = target.quantity if request.quantity is None else request.quantity
    asked = target.request._replace(
        quantity=quantity,
        price=target.price if request.price is None else request.price,
        stop_price=target.stop_price if request.stop_price is None else request.stop_price,
    )
    reject = _judge(state, account, instrument, request, asked, max(quantity - target.quantity, 0), target)
    if reject is not None:
        return _refused(state, account, request, reject)
    account.answers.add(request, None)
    counted = ledger.counted(target)
    target.replace_quantity = quantity
    ledger.recount(target, counted)
    replace = request._replace(
        symbol=target.symbol, side=target.side, quantity=quantity, price=asked.price, stop_price=asked.stop_price
    )
    approve(state, account, replace)
    return PASSED_ON


def _unknown_instrument(request: OrderRequest, symbol: str) -> Reject:
    text = f"order {request.order_id}: instrument {symbol} is not in the reference data"
    return Reject("UNKNOWN_INSTRUMENT", text)


def _no_target(account: Account, request: OrderRequest) -> Reject:
    target_id = request.orig_order_id
    if not target_id:
        return Reject("FIELD_MISSING", f"request {request.order_id}: {request.action} needs orig_order_id")
    if target_id in account.ledger.seen:
        text = f"request {request.order_id}: order {target_id} is not working any more"
        return Reject("TOO_LATE_TO_CANCEL", text)
    text = f"request {request.order_id}: account {account.account_id} has no order {target_id}"
    return Reject("UNKNOWN_ORDER", text)


def _stop_reject(state: ShardState, account: Account, request: OrderRequest, symbol: str) -> Reject | None:
    """Returns the refusal of an order by a kill switch, or by a session that trades other instruments."""
    kill = state.kills.stopping(account.account_id, state.strategies_of(account, request), symbol)
    if kill is not None:
        target, event_id = kill
        text = f"order {request.order_id}: {target} is killed by risk event {event_id}; an operator must resume it"
        return Reject("KILLED", text)
    if account.instruments and symbol not in account.instruments:
        traded = ", ".join(account.instruments)
        text = f"order {request.order_id}: session {account.session_id} trades {traded}; {symbol} is not among them"
        return Reject("NOT_IN_SESSION", text)
    return None


def _refused(state: ShardState, account: Account | None, request: OrderRequest, reject: Reject) -> Outcome:
    refuse(state, account, request, reject)
    return Outcome(reject=reject)
