"""Where an execution is booked: order status, position, cash, and the client's result."""

from schemas.records.enums import TERMINAL_STATUSES, EquityTrigger, ExecType, OrdStatus, Side
from schemas.records.messages import ExecutionReport
from schemas.records.output import Output, RecordRefused
from streams.core.accounts import breaker_watch, flatten
from streams.core.accounts.state import account_records as records
from streams.core.accounts.state.account import Account, WorkingOrder
from streams.core.accounts.state.shard_state import AccountBook
from streams.core.ledger.account_clock import advance
from streams.core.ledger.conversion import converted
from streams.core.ledger.position import Position
from streams.core.risk.rate_controls import count_fill


def on_execution(book: AccountBook, report: ExecutionReport) -> None:
    """Books a report of the venue. Raises RecordRefused where no working order fits it."""
    if report.exec_type is ExecType.SPLIT:
        for holder in book.split_positions(report):
            breaker_watch.on_split(book, holder, report.symbol, report.exec_id)
        return
    account = book.accounts.get(report.account_id)
    order = account.working.get(report.order_id) if account else None
    if account is None or (order is None and report.exec_type is not ExecType.CANCEL_REJECT):
        text = f"execution {report.exec_id}: account {report.account_id} has no working order {report.order_id}"
        raise RecordRefused("EXECUTION_WITHOUT_ORDER", text)
    first = order is not None and order.status is OrdStatus.PENDING_NEW
    if order is not None:
        counted, price = account.counted(order), order.price
        _follow(order, report)
        account.recount(order, counted)
        if order.price != price:
            account.reprice(order)
    result = records.execution_result(report, book.next_id(), book.time_ns)
    account.answers.give(result)
    book.emit(Output("order.results", report.account_id, result))
    breaker_watch.on_report(book, account, report, first and report.exec_type is not ExecType.CANCEL_REJECT)
    if report.exec_type in (ExecType.PARTIAL_FILL, ExecType.FILL):
        _book(book, account, report)
    if order is not None and report.ord_status in TERMINAL_STATUSES:
        account.remove_order(order)
        breaker_watch.on_ended(book, account, order, report)
        flatten.on_report(book, account, report)


def _follow(order: WorkingOrder, report: ExecutionReport) -> None:
    if report.exec_type is ExecType.CANCEL_REJECT:
        order.replace_quantity = None
        return
    order.status, order.cum_quantity = report.ord_status, report.cum_qty
    if report.exec_type in (ExecType.REPLACED, ExecType.RESTATED):
        assert report.order_qty is not None
        if report.exec_type is ExecType.REPLACED:
            order.replace_quantity = None
        elif order.replace_quantity is not None:
            order.replace_quantity = order.replace_quantity * report.order_qty // order.quantity
        order.quantity, order.price, order.stop_price = report.order_qty, report.price, report.stop_price
    elif report.exec_type is ExecType.TRIGGERED:
        order.triggered = not order.waiting
        order.waiting = False


def _book(book: AccountBook, account: Account, report: ExecutionReport) -> None:
    advance(account, book.time_ns, None, record_time=book.record_time)
    count_fill(account)
    assert report.last_qty is not None
    assert report.last_px is not None
    currency, rate = book.rate_of(report.symbol, account)
    notional = converted(report.last_qty * report.last_px, rate)
    commission = converted(report.commission or 0, rate)
    buys = report.side is Side.BUY
    position = account.positions.setdefault(report.symbol, Position())
    held = position.quantity
    realised = position.book_notional(report.last_qty if buys else -report.last_qty, notional, commission)
    account.cash -= (notional if buys else -notional) + commission
    if report.symbol not in book.marks:
        book.marks[report.symbol] = (report.last_px, report.last_px)
    book.emit(Output("fills", account.account_id, records.fill(report, account, position, realised, currency, rate)))
    book.emit_position(account, report.symbol, position, report.exec_id)
    book.emit_equity(account, EquityTrigger.FILL)
    breaker_watch.on_fill(book, account, report, held)
