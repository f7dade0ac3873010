"""A view of all accounts, made from the topics: orders, positions, equity and the last quotes."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Lock, Thread
from typing import Any, TypeVar

from infra.settings import Settings
from schemas.avro.codec import Codec
from schemas.records.enums import Action, ExecType, MarkKind, RiskEventKind
from schemas.records.messages import (
    AccountEquity,
    Fill,
    Mark,
    OrderRequest,
    OrderResult,
    PositionReport,
    RiskEvent,
)
from streams.errors import LogUnavailable, NoAnswer
from streams.pipeline.clients.follow import FollowedRecord, Follower
from streams.serve.account_view import KEPT_MAX, AccountView
from streams.serve.awaited import Arrivals, Awaited
from streams.serve.order_state import OrderState, changes_order
from streams.serve.position_value import PositionValues

TOPICS = ("orders", "order.results", "fills", "positions", "account.equity", "marks", "risk.events")
POLL_S = 0.1
"""Longest time that a read of the topics waits for a record."""
ANSWER, ORDER, CONTROL = "answer", "order", "control"
READY_S = 120.0
Found = TypeVar("Found")
OnRecord = Callable[[Any], None]
"""Called for each record of results, fills, positions, equity, quotes and risk events, in the thread of the view."""
OnResult = Callable[[OrderResult, OrderState, Fill | None], None]
"""Called for each result as it comes, with its order and its booked fill, in the thread of the view."""


ANSWERS = frozenset(
    {
        RiskEventKind.KILLED,
        RiskEventKind.RESUMED,
        RiskEventKind.TRADING_STATE_CHANGED,
        RiskEventKind.LIMITS_CHANGED,
        RiskEventKind.CONTROL_REJECTED,
    }
)


class DeskView:
    """The accounts and the last quote of each symbol. It is read from the topics when the service starts."""

    def __init__(self, settings: Settings, codec: Codec, values: PositionValues) -> None:
        self.accounts: dict[str, AccountView] = {}
        self.quotes: dict[str, Mark] = {}
        self.values = values
        self.market_ns = 0
        """The newest time of the market, UTC nanoseconds."""
        self.is_all_killed = False
        """True if an operator has killed everything."""
        self.control_answers: dict[str, RiskEvent] = {}
        """The answer to each operator's command, by its id."""
        self.listeners: list[OnResult] = []
        self.watchers: list[OnRecord] = []
        self.lock = Lock()
        """Held while records are taken. Who holds it sees all of an order's records that came together."""
        self.failure: LogUnavailable | None = None
        self._settings, self._codec = settings, codec
        self._unbooked: dict[str, OrderResult] = {}
        self._booked: dict[str, Fill] = {}
        """Fills of which one half has come: the result, or the booked fill. By exec_id."""
        self._arrivals, self._came = Arrivals(), list[Awaited]()
        self._stop, self._ready = Event(), Event()
        self._thread: Thread | None = None

    def start(self) -> None:
        """Begins to read, and waits until all that is on the topics has been read. Raises NoAnswer, LogUnavailable."""
        follower = Follower(self._settings, self._codec, TOPICS, from_start=True)
        self._thread = Thread(target=self._follow, args=(follower,), name="desk-view", daemon=True)
        self._thread.start()
        if not self._ready.wait(READY_S):
            raise NoAnswer(f"the topics were not read within {READY_S:.0f} s; `paper status` says how they are")
        if self.failure is not None:
            raise self.failure

    def stop(self) -> None:
        """Ends the reading."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def account(self, account_id: str) -> AccountView:
        """Returns the view of an account; an empty one if no record names it yet."""
        return self.accounts.get(account_id) or AccountView(account_id)

    def await_answer(self, account_id: str, request_id: str, patience_s: float) -> OrderResult | None:
        """Waits for the first answer to a request; None if none comes in time."""
        wanted = Awaited(ANSWER, account_id, request_id)
        return self._await(wanted, lambda: self.account(account_id).answers.get(request_id), patience_s)

    def await_order(self, account_id: str, order_id: str, patience_s: float) -> OrderState | None:
        """Waits until an order is in the view; None if it does not come in time."""
        wanted = Awaited(ORDER, account_id, order_id)
        return self._await(wanted, lambda: self.account(account_id).orders.get(order_id), patience_s)

    def await_control(self, control_id: str, patience_s: float) -> RiskEvent | None:
        """Waits for the answer to an operator's command; None if it does not come in time."""
        wanted = Awaited(CONTROL, "", control_id)
        return self._await(wanted, lambda: self.control_answers.get(control_id), patience_s)

    def _await(self, wanted: Awaited, look: Callable[[], Found | None], patience_s: float) -> Found | None:
        """Returns what look finds, at once or when it has come; None if it takes too long or the view has ended."""

        def seen() -> Found | None:
            with self.lock:
                return look()

        arrived = self._arrivals.expect(wanted)
        try:
            found = seen()
            if found is None and self.failure is None:
                arrived.wait(patience_s)
                found = seen()
            return found
        finally:
            self._arrivals.leave(wanted, arrived)

    def _follow(self, follower: Follower) -> None:
        try:
            with follower:
                while not self._stop.is_set():
                    records = list(follower.poll(POLL_S))
                    with self.lock:
                        for record in records:
                            self._take(record)
                        if self._ready.is_set():
                            # Before, the requests and the results of an order may be far apart.
                            self._forget_old()
                    self._arrivals.came(self._came)
                    self._came.clear()
                    if follower.is_at_end:
                        self._ready.set()
        except LogUnavailable as error:
            self.failure = error
        finally:
            if self.failure is None and not self._stop.is_set():
                self.failure = LogUnavailable("the view of the topics has ended by an error of ours; see the log")
            self._arrivals.end()
            self._ready.set()

    def _forget_old(self) -> None:
        for account in self.accounts.values():
            account.forget_old()
        while len(self.control_answers) > KEPT_MAX:
            del self.control_answers[next(iter(self.control_answers))]

    def _take(self, record: FollowedRecord) -> None:
        message: Any = record.message
        if isinstance(message, Mark):
            self._take_mark(message)
        elif isinstance(message, OrderRequest):
            self._take_request(message, record.timestamp_ns)
        elif isinstance(message, OrderResult):
            self._take_result(message)
        elif isinstance(message, Fill):
            self._take_fill(message)
        elif isinstance(message, PositionReport):
            self._of(message.account_id).positions[message.symbol] = message
        elif isinstance(message, AccountEquity):
            self._of(message.account_id).take_equity(message)
        elif isinstance(message, RiskEvent):
            self._take_event(message)
        if self._ready.is_set() and not isinstance(message, OrderRequest):
            for watcher in self.watchers:
                watcher(message)

    def _take_event(self, event: RiskEvent) -> None:
        if event.control_id is not None and event.kind in ANSWERS:
            self.control_answers.setdefault(event.control_id, event)
            self._came.append(Awaited(CONTROL, "", event.control_id))
        if event.account_id:
            self._of(event.account_id).take_event(event)
        elif not event.strategy_id and not event.symbol and event.kind in (RiskEventKind.KILLED, RiskEventKind.RESUMED):
            self.is_all_killed = event.kind is RiskEventKind.KILLED

    def _take_mark(self, mark: Mark) -> None:
        self.market_ns = max(self.market_ns, mark.ts)
        self.values.take(mark)
        if mark.kind is MarkKind.QUOTE:
            self.quotes[mark.symbol] = mark

    def _take_request(self, request: OrderRequest, stamp_ns: int) -> None:
        if request.action is Action.NEW and request.order_id not in self._of(request.account_id).forgotten:
            self._order(request.account_id, request.order_id).take_request(request, stamp_ns)
            self._came.append(Awaited(ORDER, request.account_id, request.order_id))

    def _take_result(self, result: OrderResult) -> None:
        account = self._of(result.account_id)
        request_id = result.request_id or result.order_id
        account.answers.setdefault(request_id, result)
        self._came.append(Awaited(ANSWER, result.account_id, request_id))
        self._came.append(Awaited(ORDER, result.account_id, result.order_id))
        if result.exec_type is ExecType.MASS_CANCEL or not result.order_id:
            return
        if not changes_order(result):
            self._take_repetition(account, result)
            return
        self._order(result.account_id, result.order_id).take_result(result)
        if result.last_qty is None or result.exec_id is None:
            self._tell(result, None)
        elif (fill := self._booked.pop(result.exec_id, None)) is not None:
            self._tell(result, fill)
        else:
            self._unbooked[result.exec_id] = result

    def _take_repetition(self, account: AccountView, result: OrderResult) -> None:
        """Forgets an order that was sent again after it had ended and left the view: it has no other result here."""
        order = account.orders.get(result.order_id)
        if result.poss_resend and (order is None or not order.has_result):
            account.orders.pop(result.order_id, None)
            account.forgotten.append(result.order_id)

    def _take_fill(self, fill: Fill) -> None:
        self._of(fill.account_id).fills.append(fill)
        result = self._unbooked.pop(fill.exec_id, None)
        if result is None:
            self._booked[fill.exec_id] = fill
        else:
            self._tell(result, fill)

    def _tell(self, result: OrderResult, fill: Fill | None) -> None:
        order = self._order(result.account_id, result.order_id)
        for listener in self.listeners:
            listener(result, order, fill)

    def _of(self, account_id: str) -> AccountView:
        found = self.accounts.get(account_id)
        if found is None:
            found = self.accounts[account_id] = AccountView(account_id)
        return found

    def _order(self, account_id: str, order_id: str) -> OrderState:
        orders = self._of(account_id).orders
        found = orders.get(order_id)
        if found is None:
            found = orders[order_id] = OrderState(order_id, account_id)
        return found
