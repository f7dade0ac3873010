"""Breakers of the whole desk: each account shard tells its share, one judges the sum, and all do what it says.

A shard tells its share to the judge (partition 0) on the topic desk when an interval of market time has passed and
something has changed. So the desk's breakers are exact to that interval and to the way of two records; they latch.
"""

from schemas.records.enums import BreakerState, DeskReportKind, RiskEventKind, TradingState
from schemas.records.messages import Control, DeskReport
from schemas.records.numbers import NANOS_PER_MS
from schemas.records.output import Output
from streams.core.accounts.approval import cancel_working
from streams.core.accounts.authorise import on_revocation, revoke_all
from streams.core.accounts.flatten import flatten
from streams.core.accounts.state import account_records as records
from streams.core.accounts.state.account import Account
from streams.core.accounts.state.desk_state import JUDGE, Share
from streams.core.accounts.state.shard_state import AccountBook
from streams.core.ledger.conversion import converted
from streams.core.risk.breakers.breaker import Transition
from streams.core.risk.breakers.stops import DeskStop


def count(book: AccountBook, orders: int = 0, cancels: int = 0, business: int = 0, technical: int = 0) -> None:
    """What the next share tells."""
    desk = book.desk
    desk.orders += orders
    desk.cancels += cancels
    desk.business += business
    desk.technical += technical


def on_session(book: AccountBook, account: Account, old: Account | None) -> None:
    """A session replaces an account's last: what that one made stays the desk's."""
    if old is not None:
        made = book.valuation(old).equity - old.opening_cash
        book.desk.retired[old.currency] = book.desk.retired.get(old.currency, 0) + made


def on_time(book: AccountBook) -> None:
    """Market time has moved on."""
    desk, config = book.desk, book.config.desk
    if not config.breakers or book.time_ns < desk.due_ns:
        return
    interval = config.interval_ms * NANOS_PER_MS
    desk.due_ns = (book.time_ns // interval + 1) * interval
    share = _share(book)
    counts = (desk.orders, desk.cancels, desk.business, desk.technical)
    if share is None or (share == desk.sent and not any(counts)):
        return
    desk.sent = share
    desk.orders = desk.cancels = desk.business = desk.technical = 0
    report = _report(book, DeskReportKind.SHARE)._replace(
        currency=config.currency,
        equity=share[0],
        opening_cash=share[1],
        realised_pnl=share[2],
        orders=counts[0],
        cancels=counts[1],
        business_rejects=counts[2],
        technical_failures=counts[3],
    )
    book.emit(Output("desk", report.shard, report, JUDGE))


def _share(book: AccountBook) -> Share | None:
    """The shard's accounts in the desk's currency; None as long as one of them has no rate into it."""
    equity = opening = realised = 0
    into = book.config.desk.currency
    for currency, made in book.desk.retired.items():
        rate = book.rate_between(currency, into)
        if rate is None:
            return None
        equity += converted(made, rate)
        realised += converted(made, rate)
    for account in book.accounts.values():
        rate = book.rate_between(account.currency, into)
        if rate is None:
            return None
        equity += converted(book.valuation(account).equity, rate)
        opening += converted(account.opening_cash, rate)
        realised += converted(sum(item.realised_pnl for item in account.positions.values()), rate)
    return equity, opening, realised


def on_report(book: AccountBook, report: DeskReport) -> None:
    """A share for the judge, what the judge says, or what any shard takes from a strategy."""
    if report.kind is DeskReportKind.SHARE and book.partition == JUDGE:
        _judge(book, report)
    elif report.kind is DeskReportKind.BREAKER:
        _adopt(book, report)
    elif report.kind is DeskReportKind.REVOCATION:
        on_revocation(book, report)


def _judge(book: AccountBook, report: DeskReport) -> None:
    """Judges the sum. Opening cash that comes or goes with sessions moves peaks and baselines with it."""
    desk = book.desk
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
        _tell(book, transition, f"{report.shard}@{report.ts}")


def reset_desk(book: AccountBook, name: str, control: Control) -> str | None:
    """A person closes a breaker of the desk: the judge does. Gives its risk event's id, None in any other shard.

    Raises ValueError that says why not.
    """
    if book.partition != JUDGE:
        return None
    return _tell(book, book.desk.breakers.reset(name), control.control_id, control)


def _tell(book: AccountBook, transition: Transition, cause: str, control: Control | None = None) -> str:
    """One risk event, and a copy of what it says to every shard; the judge's own follows at once."""
    breaker, breach = transition.breaker, transition.breach
    event = records.risk_event(
        book.next_id(),
        RiskEventKind.BREAKER_TRANSITION,
        "",
        None,
        book.time_ns,
        f"breaker {breaker.name} of the desk is {breaker.state}, was {transition.before}: {transition.why}",
        code=f"BREAKER_{breaker.state}",
        control_id=control.control_id if control else None,
        limit_value=breach.limit if breach else None,
        observed_value=breach.observed if breach else None,
        actor=control.actor if control else None,
        reason=control.reason if control else None,
        breaker=breaker.name,
        breaker_state=breaker.state,
        window=breach.window if breach else None,
        cause=cause,
    )
    breaker.event_id = event.event_id
    book.emit(Output("risk.events", "", event, book.partition))
    report = _report(book, DeskReportKind.BREAKER)._replace(
        breaker=breaker.name, breaker_state=breaker.state, event_id=event.event_id, text=transition.why
    )
    for partition in range(book.config.account_partitions):
        book.emit(Output("desk", report.shard, report, partition))
    _adopt(book, report)
    return event.event_id


def _adopt(book: AccountBook, report: DeskReport) -> None:
    """Does what the judge says; saying it twice changes nothing."""
    assert report.breaker is not None
    assert report.event_id is not None
    if any(item.event_id == report.event_id for item in book.desk.stops):
        return
    book.desk.drop(report.breaker)
    if report.breaker_state is not BreakerState.OPEN:
        return
    config = book.config.desk.breakers.get(report.breaker)
    when_open = config.when_open if config else TradingState.HALTED
    book.desk.stops.append(DeskStop(report.breaker, report.event_id, when_open, report.text or ""))
    revoke_all(book, f"breaker {report.breaker} of the desk is open: {report.text}")
    if config is None:
        return
    for account in book.accounts.values():
        if config.cancel_orders or config.flatten:
            cancel_working(book, account, report.event_id)
        if config.flatten:
            flatten(book, account, report.event_id)


def _report(book: AccountBook, kind: DeskReportKind) -> DeskReport:
    return DeskReport(
        kind=kind,
        shard=f"accounts-{book.partition}",
        currency=None,
        equity=None,
        opening_cash=None,
        realised_pnl=None,
        orders=0,
        cancels=0,
        business_rejects=0,
        technical_failures=0,
        breaker=None,
        breaker_state=BreakerState.UNKNOWN,
        event_id=None,
        text=None,
        ts=book.time_ns,
    )
