"""Where an order enters the account shard: identity, target, risk controls, approval or reject."""

from functools import partial

from streams.domain import account_records as records
from streams.domain.account import Account, WorkingOrder
from streams.domain.account_book import AccountBook
from streams.domain.enums import Action, RiskEventKind, Side
from streams.domain.live_orders import TOPICS, live_reject, mode_of, under_level
from streams.domain.messages import OrderRequest
from streams.domain.shard import Output
from streams.risk.controls import Proposal, Reject, first_reject


def on_request(book: AccountBook, request: OrderRequest) -> None:
    """Answers a request: approved to the venue, or refused with the reason."""
    account = book.accounts.get(request.account_id)
    if _used_before(book, account, request):
        text = f"order {request.order_id}: the account has used this order id before; send a new one"
        _refuse(book, account, request, Reject("DUPLICATE_ORDER_ID", text), terminal=False)
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


def _on_new(book: AccountBook, account: Account, request: OrderRequest) -> None:
    instrument = book.instruments.get(request.symbol)
    if instrument is None:
        _refuse(book, account, request, _unknown_instrument(request, request.symbol))
        return
    if request.side is Side.UNKNOWN or request.quantity is None:
        text = f"order {request.order_id}: a NEW order needs side and quantity"
        _refuse(book, account, request, Reject("FIELD_MISSING", text))
        return
    proposal = Proposal(
        request=request,
        account=account,
        instrument=instrument,
        asked=request,
        added_leaves=account.added_leaves(request, request.quantity),
        reference_price=request.price or request.stop_price or book.mark_price(request.symbol),
        replaced=None,
        valuation=partial(book.valuation, account),
        converts=book.converts(instrument.currency, account.currency),
    )
    reject = under_level(book, account, proposal.asked.mode, partial(first_reject, proposal))
    if reject is not None:
        _refuse(book, account, request, reject)
        return
    order = WorkingOrder(request, request.quantity, request.price, request.stop_price)
    order.waiting = request.parent_order_id in account.working
    account.add_order(order)
    approve(book, account, request)


def _on_mass_cancel(book: AccountBook, account: Account, request: OrderRequest) -> None:
    """Cancels the account's working orders, of a symbol and of a side where the request names them."""
    chosen = [
        order
        for order in account.working.values()
        if request.symbol in ("", order.symbol) and request.side in (Side.UNKNOWN, order.side)
    ]
    for order in chosen:
        request_id = f"{request.order_id}:{order.order_id}"
        approve(book, account, records.cancel_of(account.account_id, order, request_id, request.ts))
    result = records.mass_cancel_result(request, account, len(chosen), book.next_id(), book.time_ns)
    book.emit(Output("order.results", request.account_id, result))


def _on_cancel(book: AccountBook, account: Account, request: OrderRequest) -> None:
    target = _target(book, account, request)
    if target is not None:
        approve(book, account, request._replace(symbol=target.symbol))


def _on_replace(book: AccountBook, account: Account, request: OrderRequest) -> None:
    target = _target(book, account, request)
    if target is None:
        return
    if target.replace_quantity is not None:
        text = f"order {target.order_id}: a replace of it is still on its way; wait for its result"
        _refuse(book, account, request, Reject("PENDING_REPLACE", text))
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
    proposal = Proposal(
        request=request,
        account=account,
        instrument=instrument,
        asked=asked,
        added_leaves=max(quantity - target.quantity, 0),
        reference_price=asked.price or asked.stop_price or book.mark_price(target.symbol),
        replaced=target,
        valuation=partial(book.valuation, account),
        converts=book.converts(instrument.currency, account.currency),
    )
    reject = under_level(book, account, proposal.asked.mode, partial(first_reject, proposal))
    if reject is not None:
        _refuse(book, account, request, reject)
        return
    with account.change_order(target):
        target.replace_quantity = quantity
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


def approve(book: AccountBook, account: Account, request: OrderRequest) -> None:
    """Sends a request on to the venue of its symbol, a live one to the external adapter."""
    mode = mode_of(account, request)
    message = records.approved(request._replace(mode=mode), account.session_id, book.next_id(), book.time_ns)
    book.emit(Output(TOPICS[mode], request.symbol, message))


def _refuse(
    book: AccountBook, account: Account | None, request: OrderRequest, reject: Reject, terminal: bool = True
) -> None:
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
    )
    book.emit(Output("risk.events", request.account_id, event))
