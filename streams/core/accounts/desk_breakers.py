"""Breakers of the desk, over all accounts of all shards.

Each account shard reports its share to the judge (partition 0) on the topic desk when an interval of market time has
passed and something has changed. The judge sums the shares, and all shards do what it decides. So the desk's breakers
are exact to that interval and to the way of two records. They latch.
"""

from schemas.records.bounds import within
from schemas.records.enums import BreakerState, DeskReportKind, TradingState
from schemas.records.messages import Control, DeskReport
from schemas.records.numbers import MONEY_MAX, NANOS_PER_MS
from schemas.records.output import Output
from streams.core.accounts.approval import cancel_working
from streams.core.accounts.authorise import on_revocation, revoke_all
from streams.core.accounts.flatten import flatten
from streams.core.accounts.state.account import Account
from streams.core.accounts.state.desk_state import JUDGE, Share
from streams.core.accounts.state.shard_state import ShardState
from streams.core.ledger.marks import converted
from streams.core.risk.breakers.breaker import Transition
from streams.core.risk.breakers.breaker_set import DeskStop


def count(state: ShardState, orders: int = 0, cancels: int = 0, business: int = 0, technical: int = 0) -> None:
    """Counts requests and failures for the next share."""
    desk = state.desk
    desk.orders += orders
    desk.cancels += cancels
    desk.business += business
    desk.technical += technical


def on_session(state: ShardState, old: Account | None) -> None:
    """Keeps, when a session replaces an account's last, the PnL of that one for the desk."""
    if old is not None:
        made = state.valuation(old).equity - old.opening_cash
        state.desk.retired[old.currency] = state.desk.retired.get(old.currency, 0) + made


def on_time(state: ShardState) -> None:
    """Reports the shard's share if an interval of market time has passed and something has changed."""
    desk, config = state.desk, state.config.desk
    if not config.breakers or state.time_ns < desk.due_ns:
        return
    interval = config.interval_ms * NANOS_PER_MS
    desk.due_ns = (state.time_ns // interval + 1) * interval
    share = _share(state)
    counts = (desk.orders, desk.cancels, desk.business, desk.technical)
    if share is None or (share == desk.sent and not any(counts)):
        return
    desk.sent = share
    desk.orders = desk.cancels = desk.business = desk.technical = 0
    report = state.desk_report(DeskReportKind.SHARE)._replace(
        currency=config.currency,
        equity=share[0],
        opening_cash=share[1],
        realised_pnl=share[2],
        orders=counts[0],
        cancels=counts[1],
        business_rejects=counts[2],
        technical_failures=counts[3],
    )
    state.emit(Output("desk", report.shard, report, JUDGE))


def _share(state: ShardState) -> Share | None:
    """Returns the sums of the shard's accounts in the desk's currency, cut at MONEY_MAX.

    None if one of them has no rate into it yet.
    """
    equity = opening = realised = 0
    into = state.config.desk.currency
    for currency, made in state.desk.retired.items():
        rate = state.marks.rate_between(currency, into)
        if rate is None:
            return None
        equity += converted(made, rate)
        realised += converted(made, rate)
    for account in state.accounts.values():
        rate = state.marks.rate_between(account.currency, into)
        if rate is None:
            return None
        equity += converted(state.valuation(account).equity, rate)
        opening += converted(account.opening_cash, rate)
        realised += converted(sum(item.realised_pnl for item in account.ledger.positions.values()), rate)
    return within(equity, MONEY_MAX), within(opening, MONEY_MAX), within(realised, MONEY_MAX)


def on_report(state: ShardState, report: DeskReport) -> None:
    """Takes a share (as the judge), a decision of the judge, or a revocation by another shard."""
    if report.kind is DeskReportKind.SHARE and state.partition == JUDGE:
        _judge(state, report)
    elif report.kind is DeskReportKind.BREAKER:
        _adopt(state, report)
    elif report.kind is DeskReportKind.REVOCATION:
        on_revocation(state, report)


def _judge(state: ShardState, report: DeskReport) -> None:
    """Judges the sum of all shares. Opening cash that comes or goes with sessions shifts peaks and baselines."""
    desk = state.desk
    assert report.equity is not None
    assert report.opening_cash is not None
    assert report.realised_pnl is not None
    before = desk.total()[1]
    desk.shares[report.shard] = (report.equity, report.opening_cash, report.realised_pnl)
    desk.clock_ns = now_ns = max(desk.clock_ns, report.ts)
    equity, opening, realised = desk.total()
    breakers = desk.breakers
    breakers.shift(opening - before)
    told = breakers.on_requests(now_ns, report.orders, report.cancels)
    if report.orders:
        told += breakers.on_sums(now_ns, report.orders, report.business_rejects, report.technical_failures)
    told += breakers.on_equity(now_ns, opening + realised, equity)
    for transition in told:
        _tell(state, transition, f"{report.shard}@{report.ts}")


def reset_desk(state: ShardState, name: str, control: Control) -> str | None:
    """Closes a breaker of the desk by a person's command. Returns its risk event's id, or None unless it is the judge.

    Raises ValueError if there is no such breaker, or if it is CLOSED.
    """
    if state.partition != JUDGE:
        return None
    return _tell(state, state.desk.breakers.reset(name), control.control_id, control)


def _tell(state: ShardState, transition: Transition, cause: str, control: Control | None = None) -> str:
    """Records a transition and reports it to every shard. The judge itself follows it at once."""
    breaker, event_id = transition.breaker, state.emit_transition(transition, cause, control=control)
    report = state.desk_report(DeskReportKind.BREAKER)._replace(
        breaker=breaker.name,
        breaker_state=breaker.state,
        event_id=event_id,
        text=f"{breaker.why}; {breaker.remedy(None)}" if breaker.why else transition.why,
    )
    for partition in range(state.config.account_partitions):
        state.emit(Output("desk", report.shard, report, partition))
    _adopt(state, report)
    return event_id


def _adopt(state: ShardState, report: DeskReport) -> None:
    """Follows a decision of the judge. A repeated decision changes nothing."""
    assert report.breaker is not None
    assert report.event_id is not None
    if any(item.event_id == report.event_id for item in state.desk.stops):
        return
    state.desk.drop(report.breaker)
    if report.breaker_state is not BreakerState.OPEN:
        return
    config = state.config.desk.breakers.get(report.breaker)
    when_open = config.when_open if config else TradingState.HALTED
    state.desk.stops.append(DeskStop(report.breaker, report.event_id, when_open, report.text or ""))
    revoke_all(state, f"breaker {report.breaker} of the desk is open: {report.text}")
    if config is None:
        return
    for account in state.accounts.values():
        if config.cancel_orders or config.flatten:
            cancel_working(state, account, report.event_id)
        if config.flatten:
            flatten(state, account, report.event_id)
