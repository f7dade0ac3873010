"""Where an order enters the account shard: identity, target, risk controls, approval or reject."""

from functools import partial

from schemas.records.enums import Action, RiskEventKind, Side
from schemas.records.messages import OrderRequest, OrderResult
from schemas.records.output import Output
from streams.core.accounts import breaker_watch
from streams.core.accounts.approval import approve, cancel_working
from streams.core.accounts.live_orders import live_reject, under_level
from streams.core.accounts.state import account_records as records
from streams.core.accounts.state.account import Account, WorkingOrder
from streams.core.accounts.state.shard_state import AccountBook
from streams.core.ledger.account_clock import advance
from streams.core.ledger.exposure import exposure_of
from streams.core.reference.instruments import Instrument
from streams.core.risk.control import Reject
from streams.core.risk.proposal import Proposal
from streams.core.risk.rate_controls import count_message, count_new_order


def on_request(book: AccountBook, request: OrderRequest) -> None:
    """Answers a request: approved to the venue, or refused with the reason."""
    account = book.accounts.get(request.account_id)
    if account is not None:
        advance(account, book.time_ns, request.ts, record_time=book.record_time)
        count_message(account, request, _known_symbol(book, account, request))
        breaker_watch.on_request(book, account, request)
    if _used_before(book, account, request):
        _answer_again(book, account, request)
        return
    if account is None:
        book.strangers.add(_stranger_key(request))
    else:
        account.seen.add(request.order_id)
    if account is None or not account.session_open:
        text = (
            f"order {request.order_id}: account {request.account_id} has no open session; "
            "open one with a SESSION_OPEN control"
        )
        _refuse(book, account, request, Reject("UNKNOWN_ACCOUNT", text))
    elif (reject := live_reject(book, account, request)) is not None:
        _refuse(book, account, request, reject)
    elif request.action is Action.NEW:
        _on_new(book, account, request)
    elif request.action is Action.CANCEL:
        _on_cancel(book, account, request)
    elif request.action is Action.REPLACE:
        _on_replace(book, account, request)
    elif request.action is Action.MASS_CANCEL:
        _on_mass_cancel(book, account, request)
    else:
        text = f"order {request.order_id}: action is not one of NEW, CANCEL, REPLACE, MASS_CANCEL"
        _refuse(book, account, request, Reject("UNSUPPORTED_ACTION", text))


def _used_before(book: AccountBook, account: Account | None, request: OrderRequest) -> bool:
    if _stranger_key(request) in book.strangers:
        return True
    return account is not None and (request.order_id in account.seen or request.order_id in account.working)


def _stranger_key(request: OrderRequest) -> str:
    return f"{request.account_id}\0{request.order_id}"


def _known_symbol(book: AccountBook, account: Account, request: OrderRequest) -> str | None:
    """The instrument that a request is about; None where the reference data don't know it."""
    symbol = request.symbol
    if request.action is Action.REPLACE:
        target = account.working.get(request.orig_order_id or "")
        symbol = target.symbol if target else symbol
    return symbol if symbol in book.instruments else None


def _answer_again(book: AccountBook, account: Account | None, request: OrderRequest) -> None:
    """The identical request gets its first answer again, as soon as there is one; another is refused."""
    if account is not None and account.answers.knows(request):
        answer = account.answers.of(request)
        if answer is not None:
            again = answer._replace(result_id=book.next_id(), poss_resend=True, terminal=False, ts=book.time_ns)
            book.emit(Output("order.results", request.account_id, again))
        return
    text = f"order {request.order_id}: the account has used this order id before; send a new one"
    reject = Reject("DUPLICATE_ORDER_ID", text)
    _tell_refused(book, account, request, reject, terminal=False)


def _on_new(book: AccountBook, account: Account, request: OrderRequest) -> None:
    stopped = stop_reason(book, account, request, request.symbol)
    if stopped is not None:
        _refuse(book, account, request, stopped)
        return
    instrument = book.instruments.get(request.symbol)
    if instrument is None:
        _refuse(book, account, request, _unknown_instrument(request, request.symbol))
        return
    if request.side is Side.UNKNOWN or request.quantity is None:
        text = f"order {request.order_id}: a NEW order needs side and quantity"
        _refuse(book, account, request, Reject("FIELD_MISSING", text))
        return
    count_new_order(account, request)
    added = account.added_leaves(request, request.quantity)
    if _passes(book, account, instrument, request, request, added, None):
        order = WorkingOrder(request, request.quantity, request.price, request.stop_price)
        order.waiting = request.parent_order_id in account.working
        account.add_order(order)
        account.answers.add(request, None)
        breaker_watch.on_approved(account, request)
        approve(book, account, request)


def _passes(
    book: AccountBook,
    account: Account,
    instrument: Instrument,
    request: OrderRequest,
    asked: OrderRequest,
    added_leaves: int,
    replaced: WorkingOrder | None,
) -> bool:
    """Asks the controls; refuses the request where one is against it, and tells what came near a limit."""
    assert asked.quantity is not None
    symbol = instrument.symbol
    proposal = Proposal(
        request,
        account,
        instrument,
        asked,
        asked.quantity,
        added_leaves,
        book.mark_price(symbol),
        book.mark_times.get(symbol),
        book.time_ns,
        replaced,
        book.converts(instrument.currency, account.currency),
        partial(exposure_of, book),
    )
    reject = under_level(book, account, asked.mode, lambda: account.limits.first_reject(proposal))
    for order in proposal.cancels:
        request_id = f"{request.order_id}:{order.order_id}"
        approve(book, account, records.cancel_of(account.account_id, order, request_id, request.ts))
    if reject is not None:
        _refuse(book, account, request, reject)
        return False
    if proposal.near or proposal.far:
        _warn(book, account, proposal)
    return True


def _warn(book: AccountBook, account: Account, proposal: Proposal) -> None:
    """One LIMIT_WARNING each time that an approved order's number comes up to the soft limit from below."""
    warned, symbol = account.memory.warned, proposal.symbol
    for control in proposal.far:
        warned.pop(control.warning_key(symbol), None)
    for control, observed, limit in proposal.near:
        key = control.warning_key(symbol)
        if key in warned:
            continue
        warned[key] = None
        said = control.warning(proposal, observed, limit)
        event = records.risk_event(
            book.next_id(),
            RiskEventKind.LIMIT_WARNING,
            account.account_id,
            account.session_id,
            book.time_ns,
            said.text,
            code=said.code,
            order_id=proposal.request.order_id,
            limit_value=said.limit_value,
            observed_value=said.observed_value,
            symbol=symbol,
        )
        book.emit(Output("risk.events", account.account_id, event))


def _on_mass_cancel(book: AccountBook, account: Account, request: OrderRequest) -> None:
    """Cancels the account's working orders, of a symbol and of a side where the request names them."""

    def is_meant(order: WorkingOrder) -> bool:
        return request.symbol in ("", order.symbol) and request.side in (Side.UNKNOWN, order.side)

    canceled = cancel_working(book, account, request.order_id, is_meant, request.ts)
    result = records.mass_cancel_result(request, account, canceled, book.next_id(), book.time_ns)
    account.answers.add(request, result)
    book.emit(Output("order.results", request.account_id, result))


def _on_cancel(book: AccountBook, account: Account, request: OrderRequest) -> None:
    target = _target(book, account, request)
    if target is not None:
        account.answers.add(request, None)
        approve(book, account, request._replace(symbol=target.symbol))


def _on_replace(book: AccountBook, account: Account, request: OrderRequest) -> None:
    target = _target(book, account, request)
    if target is None:
        return
    if target.replace_quantity is not None:
        text = f"order {target.order_id}: a replace of it is still on its way; wait for its result"
        _refuse(book, account, request, Reject("PENDING_REPLACE", text))
        return
    stopped = stop_reason(book, account, target.request, target.symbol)
    if stopped is not None:
        _refuse(book, account, request, stopped._replace(text=f"replace {request.order_id} of {stopped.text}"))
        return
    instrument = book.instruments.get(target.symbol)
    if instrument is None:
        _refuse(book, account, request, _unknown_instrument(request, target.symbol))
        return
    quantity = target.quantity if request.quantity is None else request.quantity
    asked = target.request._replace(
        quantity=quantity,
        price=target.price if request.price is None else request.price,
        stop_price=target.stop_price if request.stop_price is None else request.stop_price,
    )
    if not _passes(book, account, instrument, request, asked, max(quantity - target.quantity, 0), target):
        return
    account.answers.add(request, None)
    counted = account.counted(target)
    target.replace_quantity = quantity
    account.recount(target, counted)
    approve(
        book,
        account,
        request._replace(
            symbol=target.symbol, side=target.side, quantity=quantity, price=asked.price, stop_price=asked.stop_price
        ),
    )


def _unknown_instrument(request: OrderRequest, symbol: str) -> Reject:
    text = f"order {request.order_id}: instrument {symbol} is not in the reference data"
    return Reject("UNKNOWN_INSTRUMENT", text)


def _target(book: AccountBook, account: Account, request: OrderRequest) -> WorkingOrder | None:
    target_id = request.orig_order_id
    target = account.working.get(target_id) if target_id else None
    if target is None:
        if not target_id:
            reject = Reject("FIELD_MISSING", f"request {request.order_id}: {request.action} needs orig_order_id")
        elif target_id in account.seen:
            reject = Reject(
                "TOO_LATE_TO_CANCEL", f"request {request.order_id}: order {target_id} is not working any more"
            )
        else:
            reject = Reject(
                "UNKNOWN_ORDER",
                f"request {request.order_id}: account {account.account_id} has no order {target_id}",
            )
        _refuse(book, account, request, reject)
    return target


def stop_reason(book: AccountBook, account: Account, request: OrderRequest, symbol: str) -> Reject | None:
    """Why an order may not be sent at all, whatever it asks for: a kill switch, or a session of other instruments."""
    stopping = book.kills.stopping(account.account_id, account.strategy_of(request), symbol)
    if stopping is not None:
        target, event_id = stopping
        text = f"order {request.order_id}: {target} is killed by risk event {event_id}; an operator must resume it"
        return Reject("KILLED", text)
    if account.instruments and symbol not in account.instruments:
        traded = ", ".join(account.instruments)
        text = f"order {request.order_id}: session {account.session_id} trades {traded}; {symbol} is not among them"
        return Reject("NOT_IN_SESSION", text)
    return None


def _refuse(book: AccountBook, account: Account | None, request: OrderRequest, reject: Reject) -> None:
    result = _tell_refused(book, account, request, reject, terminal=True)
    if account is not None:
        account.answers.add(request, result)
        breaker_watch.on_refused(book, account, request, reject)


def _tell_refused(
    book: AccountBook, account: Account | None, request: OrderRequest, reject: Reject, terminal: bool
) -> OrderResult:
    target = None
    if account and request.orig_order_id and request.action is not Action.NEW:
        target = account.working.get(request.orig_order_id)
    result = records.risk_result(request, account, target, reject, terminal, book.next_id(), book.time_ns)
    book.emit(Output("order.results", request.account_id, result))
    event = records.risk_event(
        book.next_id(),
        RiskEventKind.ORDER_REJECTED,
        request.account_id,
        account.session_id if account else None,
        book.time_ns,
        reject.text,
        code=reject.code,
        order_id=request.order_id,
        limit_value=reject.limit_value,
        observed_value=reject.observed_value,
        breaker=reject.breaker,
    )
    book.emit(Output("risk.events", request.account_id, event))
    return result
