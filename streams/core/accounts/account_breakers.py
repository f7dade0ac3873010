"""Breakers of accounts: what they hear of each record, and what follows when one of them changes its state.

The shard asks them once before a request, and tells them once what a request, an execution or a mark led to. Each
transition is one risk event. Cancels and closing orders follow at once, in the same batch.
"""

from schemas.records.construction import record_of
from schemas.records.enums import Action, BreakerState, ExecType, OrderType
from schemas.records.messages import Control, ExecutionReport, Mark, OrderRequest
from streams.core.accounts import desk_breakers
from streams.core.accounts.approval import cancel_working
from streams.core.accounts.authorise import revoke
from streams.core.accounts.booking import Booked
from streams.core.accounts.flatten import flatten
from streams.core.accounts.order_entry import Outcome
from streams.core.accounts.state.account import Account
from streams.core.accounts.state.shard_state import ShardState
from streams.core.risk.breakers.breaker import Transition
from streams.core.risk.breakers.breaker_set import BreakerSet, Measured
from streams.core.risk.breakers.equity_meters import NEVER_NS
from streams.core.risk.breakers.meter import FillFacts
from streams.core.risk.breakers.stops import STOP_CODES

ORDERS = (Action.NEW, Action.REPLACE)
STOP_ORDERS = (OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP)
BUSINESS_REJECTS = frozenset({"EXPIRE_TIME_PASSED", "UNKNOWN_PARENT", "POST_ONLY_WOULD_TAKE"})
"""Rejects of the venue because of the order's terms. All its other rejects are technical failures of execution."""


def attach(state: ShardState, account: Account, old: Account | None) -> None:
    """Gives a new session its breakers. It goes on with those of the account's last session (days_outlive_sessions).

    A breaker that was not CLOSED keeps its state in any case.
    """
    account.breakers = BreakerSet(account.opening_cash)
    account.breakers.configure(account.limits.breakers)
    if old is not None and state.config.days_outlive_sessions and old.currency == account.currency:
        account.breakers.go_on(old.breakers, account.opening_cash - old.ledger.cash, _kept(state))
    elif old is not None:
        account.breakers.inherit(old.breakers)
    desk_breakers.on_session(state, old)
    restore(state, account)


def judge_new_limits(state: ShardState, account: Account, control: Control) -> None:
    """Judges an account after its session has opened or its limits have changed: losses may reach them already."""
    if state.config.days_outlive_sessions:
        _judge_now(state, account, [], control.control_id)


def configure(state: ShardState, account: Account) -> None:
    """Takes the changed limits of an account."""
    account.breakers.configure(account.limits.breakers, account.peak_equity, _kept(state))
    restore(state, account)


def _kept(state: ShardState) -> Measured:
    """Returns which measurements go on when limits change or a session follows another."""
    if state.config.measures_outlive_names:
        return Measured.OF_ANY_NAME
    return Measured.OF_ITS_NAME if state.config.days_outlive_sessions else Measured.NOTHING


def restore(state: ShardState, account: Account) -> None:
    """Derives what the shard keeps beside an account: desk stops, valued positions, flattening, waits."""
    account.breakers.desk_stops = state.desk.stops
    state.holdings.watch(state.marks, account.ledger, account.breakers.watches_equity)
    for symbol in account.flattening:
        state.closing.setdefault(symbol, {})[account.account_id] = None
    _plan_wait(state, account)


def _plan_wait(state: ShardState, account: Account) -> None:
    """Notes whether the account's breakers wait for time to pass."""
    waits = account.breakers.due_ns != NEVER_NS or account.breakers.gaps
    if waits:
        state.waiting[account.account_id] = 0
        state.waiting_ns = 0
    elif state.waiting:
        state.waiting.pop(account.account_id, None)


def before_request(state: ShardState, account: Account, request: OrderRequest) -> None:
    """Counts a request on the account's clock, before anything judges it."""
    ledger = account.ledger
    ledger.advance(state.time_of(request) if state.clients_move_clocks else state.time_ns)
    account.memory.count_message(account.limits.kept, request, _known_symbol(state, account, request), ledger.clock_ns)
    orders = int(request.action in ORDERS)
    desk_breakers.count(state, orders=orders, cancels=1 - orders)
    breakers = account.breakers
    if breakers.by_name:
        if breakers.due_ns <= ledger.clock_ns or state.waiting_ns <= state.time_ns:
            _judge_time(state, account, request.order_id)
        _tell(state, account, breakers.on_requests(ledger.clock_ns, orders, 1 - orders), request.order_id)


def _known_symbol(state: ShardState, account: Account, request: OrderRequest) -> str | None:
    """Returns the instrument of a request; None if the reference data do not know it."""
    symbol = request.symbol
    if request.action is Action.REPLACE:
        target = account.ledger.working.get(request.orig_order_id or "")
        symbol = target.symbol if target else symbol
    return symbol if symbol in state.instruments else None


def after_request(state: ShardState, account: Account, request: OrderRequest, outcome: Outcome) -> None:
    """Tells the breakers that a new order was approved or refused."""
    reject, breakers = outcome.reject, account.breakers
    if outcome.approved and breakers.stopping:
        breakers.on_approved(request.order_id)
    if reject is None or request.action is not Action.NEW or reject.code in STOP_CODES:
        return
    desk_breakers.count(state, business=1)
    _tell(state, account, breakers.on_refused(account.ledger.clock_ns, request.order_id), request.order_id)


def after_execution(state: ShardState, booked: Booked) -> None:
    """Tells the breakers the outcome of an order, or a fill."""
    if booked.accepted_or_rejected:
        _take_outcome(state, booked.account, booked.report)
    if booked.quantity_before is not None:
        _take_fill(state, booked.account, booked.report, booked.quantity_before)


def _take_outcome(state: ShardState, account: Account, report: ExecutionReport) -> None:
    refused = report.exec_type is ExecType.REJECTED
    business = int(refused and report.reason_code in BUSINESS_REJECTS)
    technical = int(refused) - business
    desk_breakers.count(state, business=business, technical=technical)
    if account.breakers.by_name:
        now_ns = account.ledger.advance(state.time_ns)
        told = account.breakers.on_outcome(now_ns, report.order_id, business, technical)
        _tell(state, account, told, report.exec_id)


def _take_fill(state: ShardState, account: Account, report: ExecutionReport, quantity_before: int) -> None:
    ledger = account.ledger
    trip = _end_trip(account, report.symbol, quantity_before)
    if not account.breakers.watches_fills:
        return
    assert report.last_px is not None
    stopped_out = report.order_type in STOP_ORDERS and report.cum_qty == report.last_qty
    slippage_mid, slippage_arrival = report.slippage_mid, report.slippage_arrival
    values = (report.symbol, report.side, report.last_px, trip, stopped_out, slippage_mid, slippage_arrival)
    facts = record_of(FillFacts, values)
    told = account.breakers.on_fill(ledger.clock_ns, report.order_id, facts)
    if account.breakers.gaps and not quantity_before:
        state.waiting_ns = 0
    state.holdings.settle(ledger)
    state.holdings.revalue(state.marks, ledger, report.symbol)
    told += _judge_equity(state, account, [report.symbol])
    _tell(state, account, told, report.exec_id)


def _end_trip(account: Account, symbol: str, quantity_before: int) -> int | None:
    """Returns the PnL, net of commission, of the round trip that a fill ended: to flat or through it. Else None."""
    position = account.ledger.positions[symbol]
    if quantity_before == 0 or ((position.quantity > 0) == (quantity_before > 0) and position.quantity):
        return None
    realised = position.realised_pnl
    trip = realised - account.trip_starts.get(symbol, 0)
    account.trip_starts[symbol] = realised
    return trip


def after_order_end(state: ShardState, booked: Booked) -> None:
    """Tells the breakers that an order will execute no more."""
    account, order = booked.account, booked.ended
    if order is not None and account.breakers.stopping:
        told = account.breakers.on_order_ended(account.ledger.clock_ns, order.order_id)
        _tell(state, account, told, booked.report.exec_id)


def after_notice(state: ShardState, holders: list[Account], notice: ExecutionReport) -> None:
    """Judges the accounts whose positions were restated, or brought a payment."""
    for account in holders:
        state.holdings.settle(account.ledger)
        state.holdings.revalue(state.marks, account.ledger, notice.symbol)
        _judge_now(state, account, [notice.symbol], notice.exec_id)


def after_mark(state: ShardState, mark: Mark, charged: list[Account]) -> None:
    """Judges the accounts that a mark moves, and those that wait for time. charged: accounts that paid borrow fees."""
    cause = f"{mark.symbol}@{mark.ts}"
    for account in charged:
        state.holdings.settle(account.ledger)
    for name, symbols in state.holdings.moved_by(mark.symbol):
        account = state.accounts[name]
        for symbol in symbols:
            state.holdings.revalue(state.marks, account.ledger, symbol)
        _judge_now(state, account, symbols, cause)
    for account in charged:
        _judge_now(state, account, list(account.ledger.positions), cause)
    if state.time_ns >= state.waiting_ns:
        for name in sorted(state.waiting):
            _judge_time(state, state.accounts[name], cause)
        state.waiting_ns = min(state.waiting.values(), default=NEVER_NS)
    desk_breakers.on_time(state)


def _judge_now(state: ShardState, account: Account, symbols: list[str], cause: str) -> None:
    if account.breakers.watches_equity:
        account.ledger.advance(state.time_ns)
        told = _judge_equity(state, account, symbols)
        if told:
            _tell(state, account, told, cause)


def _judge_equity(state: ShardState, account: Account, symbols: list[str]) -> list[Transition]:
    """Judges the worth of an account, and of the symbols whose worth has changed."""
    ledger = account.ledger
    held = state.holdings.of(ledger)
    if held is None:
        return []
    breakers, now_ns = account.breakers, ledger.clock_ns
    told = breakers.on_equity(now_ns, held.settled, ledger.cash + held.total)
    if breakers.watches_symbols:
        for symbol in symbols:
            position = ledger.positions[symbol]
            settled = position.settled_pnl
            worth = settled + held.values.get(symbol, 0) - position.cost
            told += breakers.on_symbol(now_ns, symbol, settled, worth)
    return told


def _judge_time(state: ShardState, account: Account, cause: str) -> None:
    """Judges gaps of market data, then the waits that are over: a gap that lasts starts its wait again."""
    ledger, breakers, quoted_ns = account.ledger, account.breakers, state.marks.quoted_ns
    now_ns = max(ledger.clock_ns, state.time_ns)
    told: list[Transition] = []
    next_ns = NEVER_NS
    for breaker, meter in breakers.gaps:
        symbols = [""] if meter.of_any_symbol else [name for name, item in ledger.positions.items() if item.quantity]
        for symbol in symbols:
            last_ns = quoted_ns.get(symbol) if symbol else max(quoted_ns.values(), default=None)
            if last_ns is not None:
                told += breakers.on_gap(now_ns, breaker, meter, state.time_ns - last_ns, symbol)
                next_ns = min(next_ns, last_ns + meter.gap_ns)
    _tell(state, account, told + breakers.on_time(now_ns), cause)
    if account.account_id in state.waiting:
        state.waiting[account.account_id] = min(next_ns, breakers.due_ns)


def reset(state: ShardState, account: Account, name: str, control: Control) -> str:
    """Closes a breaker of the account by a person's command. Returns the risk event's id.

    A drawdown's peak starts from the equity now, a day's loss counts from it until the day ends, windows are empty.
    Raises ValueError if there is no such breaker, or if it is CLOSED.
    """
    transition = account.breakers.reset(name)
    _plan_wait(state, account)
    return state.emit_transition(transition, control.control_id, account, control)


def _tell(state: ShardState, account: Account, transitions: list[Transition], cause: str) -> None:
    """Records transitions. A breaker that opened cancels, flattens and revokes as it is configured."""
    if not transitions:
        return
    _plan_wait(state, account)
    for transition in transitions:
        event_id = state.emit_transition(transition, cause, account)
        breaker = transition.breaker
        if breaker.state is not BreakerState.OPEN:
            continue
        if breaker.config.cancel_orders or breaker.config.flatten:
            cancel_working(state, account, event_id)
        if breaker.config.flatten:
            flatten(state, account, event_id)
        if breaker.latches:
            why = f"breaker {breaker.name} of account {account.account_id} is open: {transition.why}"
            revoke(state, account.strategy_id, why)
