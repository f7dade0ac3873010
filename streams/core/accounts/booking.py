"""Booking of an execution: order status, position, cash, and the client's result."""

from schemas.records.enums import TERMINAL_STATUSES, EquityTrigger, ExecType, OrdStatus, Side
from schemas.records.messages import ExecutionReport
from schemas.records.numbers import price_text
from schemas.records.output import Output, RecordRefused
from streams.core.accounts.state import account_records as records
from streams.core.accounts.state.account import Account
from streams.core.accounts.state.shard_state import ShardState
from streams.core.ledger.marks import converted
from streams.core.ledger.position import Position
from streams.core.ledger.working_order import WorkingOrder
from streams.core.reference.instruments import multiplied

FLAT = Position()
"""An account's position in a symbol that it has not traded. Never changed."""


class Booked:
    """The effect of an execution report.

    accepted_or_rejected: the report is the venue's first about its order. quantity_before: the position before a fill,
    1e-9 units; None if the report is no fill. ended: the order, if it has ended and must leave the working orders.
    """

    __slots__ = ("accepted_or_rejected", "account", "ended", "quantity_before", "report")

    def __init__(
        self,
        report: ExecutionReport,
        account: Account,
        accepted_or_rejected: bool,
        quantity_before: int | None,
        ended: WorkingOrder | None,
    ) -> None:
        self.report = report
        self.account = account
        self.accepted_or_rejected = accepted_or_rejected
        self.quantity_before = quantity_before
        self.ended = ended


class FillMoney:
    """A fill's amounts in its account's currency.

    quantity: 1e-9 units; price: 1e-9. multiplier: of the contract, 1e-9. currency: the instrument's; rate: its price in
    the account's, 1e-9, None if both are the same. notional, commission: 1e-18 of the account's currency.
    """

    __slots__ = ("commission", "currency", "multiplier", "notional", "price", "quantity", "rate")

    def __init__(self, state: ShardState, account: Account, report: ExecutionReport) -> None:
        quantity, price = report.last_qty, report.last_px
        assert quantity is not None
        assert price is not None
        self.quantity, self.price = quantity, price
        self.currency, self.rate = state.marks.rate_of(report.symbol, account.ledger.currency)
        self.multiplier = state.marks.multiplier_of(report.symbol)
        self.notional = converted(multiplied(quantity * price, self.multiplier), self.rate)
        self.commission = converted(report.commission or 0, self.rate)


def book_execution(state: ShardState, report: ExecutionReport) -> Booked:
    """Books a report of the venue.

    Raises RecordRefused if no working order fits it, or if it would bring the account out of its bounds.
    """
    account = state.accounts.get(report.account_id)
    order = account.ledger.working.get(report.order_id) if account else None
    kind = report.exec_type
    if account is None or (order is None and kind is not ExecType.CANCEL_REJECT):
        text = f"execution {report.exec_id}: account {report.account_id} has no working order {report.order_id}"
        raise RecordRefused("EXECUTION_WITHOUT_ORDER", text)
    if order is not None and kind is not ExecType.CANCEL_REJECT:
        _check_fit(order, report)
    money: FillMoney | None = None
    if kind is ExecType.PARTIAL_FILL or kind is ExecType.FILL:
        money = FillMoney(state, account, report)
        _check_range(account, report, money)
    first = order is not None and order.status is OrdStatus.PENDING_NEW
    if order is not None:
        ledger, counted, price = account.ledger, account.ledger.counted(order), order.price
        _follow(order, report)
        ledger.recount(order, counted)
        if order.price != price:
            ledger.reprice(order)
    result = records.execution_result(report, state.next_id(), state.time_ns)
    account.answers.note_result(result)
    state.emit(Output("order.results", report.account_id, result))
    quantity_before = book_fill(state, account, report, money) if money is not None else None
    return Booked(
        report,
        account,
        first and kind is not ExecType.CANCEL_REJECT,
        quantity_before,
        order if report.ord_status in TERMINAL_STATUSES else None,
    )


def _check_fit(order: WorkingOrder, report: ExecutionReport) -> None:
    """Refuses a report about another symbol or side, or about more than the order's quantity."""
    changes = report.exec_type is ExecType.REPLACED or report.exec_type is ExecType.RESTATED
    quantity = report.order_qty if changes and report.order_qty is not None else order.quantity
    if report.symbol == order.symbol and report.side is order.side and report.cum_qty <= quantity:
        return
    text = (
        f"execution {report.exec_id}: {report.side} {price_text(report.cum_qty)} {report.symbol} does not fit order "
        f"{order.order_id}, {order.side} {price_text(quantity)} {order.symbol}; only its venue may report an order"
    )
    raise RecordRefused("EXECUTION_MISMATCH", text)


def _check_range(account: Account, report: ExecutionReport, money: FillMoney) -> None:
    """Refuses a fill that would bring position or money out of the bounds that schemas.records.bounds proves."""
    position = account.ledger.positions.get(report.symbol, FLAT)
    if position.can_take(money.quantity, money.notional, money.commission):
        return
    text = (
        f"execution {report.exec_id}: {price_text(money.quantity)} {report.symbol} at {price_text(money.price)} "
        f"would bring account {account.account_id} out of range; end its trading and open a session with less cash"
    )
    raise RecordRefused("EXECUTION_OUT_OF_RANGE", text)


def _follow(order: WorkingOrder, report: ExecutionReport) -> None:
    """Brings a working order to the state that the venue reports."""
    if report.exec_type is ExecType.CANCEL_REJECT:
        order.replace_quantity = None
        return
    split_on_its_way = order.status is OrdStatus.PENDING_NEW and report.order_qty != order.quantity
    order.status, order.cum_quantity = report.ord_status, report.cum_qty
    if split_on_its_way or report.exec_type in (ExecType.REPLACED, ExecType.RESTATED):
        assert report.order_qty is not None
        if report.exec_type is ExecType.REPLACED:
            order.replace_quantity = None
        elif order.replace_quantity is not None:
            order.replace_quantity = order.replace_quantity * report.order_qty // order.quantity
        order.quantity, order.price, order.stop_price = report.order_qty, report.price, report.stop_price
    elif report.exec_type is ExecType.TRIGGERED:
        order.triggered = not order.waiting
        order.waiting = False


def book_fill(state: ShardState, account: Account, report: ExecutionReport, money: FillMoney) -> int:
    """Books a fill into position and cash. Returns the position before it, 1e-9 units."""
    ledger, marks = account.ledger, state.marks
    ledger.advance(state.time_ns)
    account.memory.count_fill(account.limits.kept, ledger.clock_ns)
    buys = report.side is Side.BUY
    position = ledger.positions.get(report.symbol)
    if position is None:
        position = ledger.positions[report.symbol] = Position()
    quantity_before = position.quantity
    position.multiplier = money.multiplier
    quantity = money.quantity if buys else -money.quantity
    realised = position.book_notional(quantity, money.notional, money.commission)
    ledger.cash -= (money.notional if buys else -money.notional) + money.commission
    if report.symbol not in marks.quotes:
        marks.quotes[report.symbol] = (money.price, money.price)
    fill = records.fill(report, account, position, realised, money.currency, money.rate)
    state.emit(Output("fills", account.account_id, fill))
    state.emit_position(account, report.symbol, position, report.exec_id)
    state.emit_equity(account, EquityTrigger.FILL)
    return quantity_before
