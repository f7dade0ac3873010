"""Flattening: the shard closes an account's positions by orders of its own, booked like any other.

The closing orders are MARKET, IOC and reduce-only, with ids made of the cause and the symbol, and live where what they
close is. Neither controls nor authorisations are asked, so they go out while the account is HALTED. None is larger than
what other orders of its side leave to close: where cancels are on their way, closing waits for their answers. What a
closing order leaves open is tried again at the next quote of its symbol, CLOSING_ORDERS_MAX orders at most; then the
rest stays, and a risk event says so.
"""

from collections.abc import Callable

from schemas.records.enums import Action, MarkKind, OrderType, OrdStatus, RiskEventKind, Side, TimeInForce
from schemas.records.messages import ExecutionReport, Mark, OrderRequest
from schemas.records.numbers import price_text
from schemas.records.output import Output
from streams.core.accounts.approval import approve
from streams.core.accounts.state import account_records as records
from streams.core.accounts.state.account import Account, WorkingOrder
from streams.core.accounts.state.shard_state import AccountBook

CLOSING_ORDERS_MAX = 20
"""For each symbol of one flattening."""


def flatten(
    book: AccountBook, account: Account, cause: str, is_meant: Callable[[str], bool] = lambda symbol: True
) -> None:
    """Closes what is open, and what working orders may still open before their cancels reach them.

    cause: id of the event or control that asks for it. is_meant: which symbols. Canceling the working orders is the
    caller's.
    """
    for symbol in sorted(filter(is_meant, account.symbols())):
        if account.position_quantity(symbol) or account.orders_in(symbol):
            account.flattening[symbol] = (cause, 0)
            book.closing.setdefault(symbol, {})[account.account_id] = None
            _step(book, account, symbol)


def on_mark(book: AccountBook, mark: Mark) -> None:
    """Where the mark is a quote, what is still to be closed in its symbol is tried again."""
    if mark.kind is not MarkKind.QUOTE:
        return
    for name in sorted(book.closing.get(mark.symbol, ())):
        account = book.accounts[name]
        if mark.symbol in account.flattening:
            _step(book, account, mark.symbol)
        else:
            del book.closing[mark.symbol][name]


def on_report(book: AccountBook, account: Account, report: ExecutionReport) -> None:
    """An order has ended: there may be more to close, or nothing any more."""
    flattening = account.flattening.get(report.symbol)
    if flattening is None:
        return
    own = report.order_id.startswith(_order_id(flattening[0], report.symbol))
    if not own or report.ord_status is OrdStatus.FILLED or not account.position_quantity(report.symbol):
        _step(book, account, report.symbol)


def _order_id(cause: str, symbol: str) -> str:
    return f"flatten-{cause}-{symbol}"


def _step(book: AccountBook, account: Account, symbol: str) -> None:
    """Sends the next closing order, waits, or ends the flattening of a symbol."""
    cause, sent = account.flattening[symbol]
    held = account.position_quantity(symbol)
    working = account.orders_in(symbol)
    own = _order_id(cause, symbol)
    if not held and not working:
        del account.flattening[symbol]
        return
    if not held or any(order.order_id.startswith(own) for order in working):
        return
    side = Side.SELL if held > 0 else Side.BUY
    quantity = _quantity(book, symbol, abs(held) - account.working_leaves(symbol, side))
    if quantity <= 0:
        if not working:
            _give_up(book, account, symbol, "the rest is below what the instrument can trade")
        return
    if sent >= CLOSING_ORDERS_MAX:
        _give_up(book, account, symbol, f"{sent} closing orders did not close it")
        return
    account.flattening[symbol] = (cause, sent + 1)
    _send(book, account, symbol, side, quantity, own if sent == 0 else f"{own}-{sent + 1}")


def _quantity(book: AccountBook, symbol: str, closable: int) -> int:
    """What one order of the instrument can close of it, 1e-9 units."""
    instrument = book.instruments.get(symbol)
    if instrument is None:
        return 0
    quantity = min(closable, instrument.max_quantity)
    quantity -= quantity % instrument.lot_size
    return quantity if quantity >= instrument.min_quantity else 0


def _send(book: AccountBook, account: Account, symbol: str, side: Side, quantity: int, order_id: str) -> None:
    request = OrderRequest(
        action=Action.NEW,
        order_id=order_id,
        orig_order_id=None,
        account_id=account.account_id,
        strategy_id=account.strategy_id,
        symbol=symbol,
        side=side,
        order_type=OrderType.MARKET,
        time_in_force=TimeInForce.IOC,
        quantity=quantity,
        price=None,
        ts=book.time_ns,
        reduce_only=True,
        mode=account.mode_in(symbol),
    )
    account.seen.add(order_id)
    account.add_order(WorkingOrder(request, quantity, None))
    approve(book, account, request)


def _give_up(book: AccountBook, account: Account, symbol: str, why: str) -> None:
    cause, _ = account.flattening.pop(symbol)
    held = price_text(account.position_quantity(symbol))
    event = records.risk_event(
        book.next_id(),
        RiskEventKind.LIMIT_WARNING,
        account.account_id,
        account.session_id,
        book.time_ns,
        f"account {account.account_id} still holds {held} {symbol}: {why}; close it by hand",
        code="FLATTEN_INCOMPLETE",
        observed_value=held,
        symbol=symbol,
        cause=cause,
    )
    book.emit(Output("risk.events", account.account_id, event, book.partition))
