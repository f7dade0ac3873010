"""Where breakers hear of an account's events, and what follows when one of them has another state.

Called for every request and its refusal or approval, for every report of the venue, and at every mark. Each transition
is one risk event; canceling and flattening follow at once, in the same batch.
"""

from schemas.records.enums import Action, BreakerState, ExecType, OrderType, RiskEventKind
from schemas.records.messages import Control, ExecutionReport, Mark, OrderRequest
from schemas.records.output import Output
from streams.core.accounts import desk_watch
from streams.core.accounts.approval import cancel_working
from streams.core.accounts.authorise import revoke
from streams.core.accounts.flatten import flatten
from streams.core.accounts.state import account_records as records
from streams.core.accounts.state.account import Account, WorkingOrder
from streams.core.accounts.state.shard_state import AccountBook
from streams.core.ledger.account_clock import advance
from streams.core.risk.breakers.breaker import Transition
from streams.core.risk.breakers.breaker_set import BreakerSet
from streams.core.risk.breakers.equity_meters import NEVER_NS
from streams.core.risk.breakers.order_meters import FillFacts
from streams.core.risk.breakers.stops import STOP_CODES
from streams.core.risk.control import Reject

ORDERS = (Action.NEW, Action.REPLACE)
STOP_ORDERS = (OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP)
VENUE_REFUSES = frozenset({"EXPIRE_TIME_PASSED", "UNKNOWN_PARENT", "POST_ONLY_WOULD_TAKE"})
"""Rejects of the venue for what the order asks: business. All its others are failures of execution: technical."""


def attach(book: AccountBook, account: Account, old: Account | None) -> None:
    """A session opens: its breakers by its limits; what was not CLOSED in the account's last session stays so."""
    account.breakers = BreakerSet(account.opening_cash)
    account.breakers.configure(account.limits.breakers)
    if old is not None:
        account.breakers.inherit(old.breakers)
    desk_watch.on_session(book, account, old)
    restore(book, account)


def configure(book: AccountBook, account: Account) -> None:
    """An account's limits have changed."""
    account.breakers.configure(account.limits.breakers, account.peak_equity)
    restore(book, account)


def restore(book: AccountBook, account: Account) -> None:
    """What the shard works out of an account and keeps beside it."""
    account.breakers.desk_stops = book.desk.stops
    book.holdings.watch(book, account, account.breakers.watches_equity)
    for symbol in account.flattening:
        book.closing.setdefault(symbol, {})[account.account_id] = None
    _plan(book, account)


def _plan(book: AccountBook, account: Account) -> None:
    """Notes which accounts wait for time to pass."""
    waits = account.breakers.due_ns != NEVER_NS or account.breakers.gaps
    if waits:
        book.waiting[account.account_id] = 0
        book.waiting_ns = 0
    elif book.waiting:
        book.waiting.pop(account.account_id, None)


def on_request(book: AccountBook, account: Account, request: OrderRequest) -> None:
    """A request has come, on the account's clock: it counts, whatever becomes of it."""
    orders = int(request.action in ORDERS)
    desk_watch.count(book, orders=orders, cancels=1 - orders)
    if account.breakers.by_name:
        if account.breakers.due_ns <= account.clock_ns or book.waiting_ns <= book.time_ns:
            _judge_time(book, account, request.order_id)
        told = account.breakers.on_requests(account.clock_ns, orders, 1 - orders)
        _tell(book, account, told, request.order_id)


def on_refused(book: AccountBook, account: Account, request: OrderRequest, reject: Reject) -> None:
    """A control has refused a new order."""
    if request.action is not Action.NEW or reject.code in STOP_CODES:
        return
    desk_watch.count(book, business=1)
    _tell(book, account, account.breakers.on_refused(account.clock_ns, request.order_id), request.order_id)


def on_approved(account: Account, request: OrderRequest) -> None:
    """A new order goes to the venue."""
    if account.breakers.stopping:
        account.breakers.on_approved(request.order_id)


def on_report(book: AccountBook, account: Account, report: ExecutionReport, first: bool) -> None:
    """The venue has said something of an order. first: nothing was heard of the order before."""
    if not first:
        return
    refused = report.exec_type is ExecType.REJECTED
    business = int(refused and report.reason_code in VENUE_REFUSES)
    technical = int(refused) - business
    desk_watch.count(book, business=business, technical=technical)
    if account.breakers.by_name:
        now_ns = advance(account, book.time_ns, None, record_time=book.record_time)
        told = account.breakers.on_outcome(now_ns, report.order_id, business, technical)
        _tell(book, account, told, report.exec_id)


def on_ended(book: AccountBook, account: Account, order: WorkingOrder, report: ExecutionReport) -> None:
    """An order will execute no more."""
    if account.breakers.stopping:
        told = account.breakers.on_order_ended(account.clock_ns, order.order_id)
        _tell(book, account, told, report.exec_id)


def on_fill(book: AccountBook, account: Account, report: ExecutionReport, quantity_before: int) -> None:
    """A fill is booked. quantity_before: the position before it, 1e-9 units."""
    trip = _trip(account, report.symbol, quantity_before)
    if not account.breakers.by_name:
        return
    assert report.last_px is not None
    stopped_out = report.order_type in STOP_ORDERS and report.cum_qty == report.last_qty
    facts = FillFacts(
        report.symbol,
        report.side,
        report.last_px,
        trip,
        stopped_out,
        report.slippage_mid,
        report.slippage_arrival,
    )
    told = account.breakers.on_fill(account.clock_ns, report.order_id, facts)
    if account.breakers.gaps and not quantity_before:
        book.waiting_ns = 0
    book.holdings.settle(account)
    book.holdings.revalue(book, account, report.symbol)
    told += _judge_equity(book, account, [report.symbol])
    _tell(book, account, told, report.exec_id)


def _trip(account: Account, symbol: str, before: int) -> int | None:
    """PnL of the round trip that a fill ended: to flat, or through it; commissions taken off."""
    position = account.positions[symbol]
    if before == 0 or ((position.quantity > 0) == (before > 0) and position.quantity):
        return None
    realised = position.realised_pnl
    trip = realised - account.trip_starts.get(symbol, 0)
    account.trip_starts[symbol] = realised
    return trip


def on_split(book: AccountBook, account: Account, symbol: str, cause: str) -> None:
    """A position was restated."""
    book.holdings.settle(account)
    book.holdings.revalue(book, account, symbol)
    _judge_now(book, account, [symbol], cause)


def on_mark(book: AccountBook, mark: Mark, charged: list[Account]) -> None:
    """A mark, or time alone, has come: what it moves is judged to the event. charged: who paid borrow fees."""
    cause = f"{mark.symbol}@{mark.ts}"
    for account in charged:
        book.holdings.settle(account)
    for name, symbols in book.holdings.moved_by(mark.symbol):
        account = book.accounts[name]
        for symbol in symbols:
            book.holdings.revalue(book, account, symbol)
        _judge_now(book, account, symbols, cause)
    for account in charged:
        _judge_now(book, account, list(account.positions), cause)
    if book.time_ns >= book.waiting_ns:
        for name in sorted(book.waiting):
            _judge_time(book, book.accounts[name], cause)
        book.waiting_ns = min(book.waiting.values(), default=NEVER_NS)
    desk_watch.on_time(book)


def _judge_now(book: AccountBook, account: Account, symbols: list[str], cause: str) -> None:
    if account.breakers.watches_equity:
        advance(account, book.time_ns, None, record_time=book.record_time)
        told = _judge_equity(book, account, symbols)
        if told:
            _tell(book, account, told, cause)


def _judge_equity(book: AccountBook, account: Account, symbols: list[str]) -> list[Transition]:
    """Judges what the account is worth, and the symbols whose worth has changed."""
    held = book.holdings.of(account)
    if held is None:
        return []
    breakers, now_ns = account.breakers, account.clock_ns
    told = breakers.on_equity(now_ns, held.settled, account.cash + held.total)
    if breakers.watches_symbols:
        for symbol in symbols:
            position = account.positions[symbol]
            settled = position.realised_pnl - position.borrow_fees
            worth = settled + held.values.get(symbol, 0) - position.cost
            told += breakers.on_symbol(now_ns, symbol, settled, worth)
    return told


def _judge_time(book: AccountBook, account: Account, cause: str) -> None:
    """Gaps of market data, and then the waits that are over: a gap that lasts starts its wait again."""
    breakers, now_ns = account.breakers, max(account.clock_ns, book.time_ns)
    told: list[Transition] = []
    next_ns = NEVER_NS
    for breaker, meter in breakers.gaps:
        symbols = [""] if meter.of_any_symbol else [name for name, item in account.positions.items() if item.quantity]
        for symbol in symbols:
            quoted_ns = book.mark_times.get(symbol) if symbol else max(book.mark_times.values(), default=None)
            if quoted_ns is not None:
                told += breakers.on_gap(now_ns, breaker, meter, book.time_ns - quoted_ns, symbol)
                next_ns = min(next_ns, quoted_ns + meter.gap_ns)
    _tell(book, account, told + breakers.on_time(now_ns), cause)
    if account.account_id in book.waiting:
        book.waiting[account.account_id] = min(next_ns, breakers.due_ns)


def reset(book: AccountBook, account: Account, name: str, control: Control) -> str:
    """A person closes a breaker of the account. Gives the risk event's id. Raises ValueError that says why not.

    A drawdown's peak starts from the equity now, a day's loss from it until the day ends, windows are empty.
    """
    transition = account.breakers.reset(name)
    _plan(book, account)
    return _record(book, account, transition, control.control_id, control)


def _tell(book: AccountBook, account: Account, transitions: list[Transition], cause: str) -> None:
    if not transitions:
        return
    _plan(book, account)
    for transition in transitions:
        event_id = _record(book, account, transition, cause)
        breaker = transition.breaker
        if breaker.state is BreakerState.OPEN:
            stop(book, account, breaker.config.cancel_orders, breaker.config.flatten, event_id)
            if breaker.latches:
                why = f"breaker {breaker.name} of account {account.account_id} is open: {transition.why}"
                revoke(book, account.strategy_id, why)


def stop(book: AccountBook, account: Account, cancel_orders: bool, flattens: bool, event_id: str) -> None:
    """What a breaker that opened does besides refusing orders."""
    if cancel_orders or flattens:
        cancel_working(book, account, event_id)
    if flattens:
        flatten(book, account, event_id)


def _record(
    book: AccountBook, account: Account, transition: Transition, cause: str, control: Control | None = None
) -> str:
    breaker, breach = transition.breaker, transition.breach
    subject = f"breaker {breaker.name} of account {account.account_id}"
    event = records.risk_event(
        book.next_id(),
        RiskEventKind.BREAKER_TRANSITION,
        account.account_id,
        account.session_id,
        book.time_ns,
        f"{subject} is {breaker.state}, was {transition.before}: {transition.why}",
        code=f"BREAKER_{breaker.state}",
        control_id=control.control_id if control else None,
        limit_value=breach.limit if breach else None,
        observed_value=breach.observed if breach else None,
        actor=control.actor if control else None,
        reason=control.reason if control else None,
        strategy_id=account.strategy_id,
        breaker=breaker.name,
        breaker_state=breaker.state,
        window=breach.window if breach else None,
        cause=cause,
    )
    breaker.event_id = event.event_id
    book.emit(Output("risk.events", account.account_id, event, book.partition))
    return event.event_id
