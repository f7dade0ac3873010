"""The working orders of a venue in time priority: they enter, wait, trade, change and end here."""

from collections.abc import Callable

from schemas.records.enums import TERMINAL_STATUSES, Action, ExecType, Liquidity, OrderType, OrdStatus, TimeInForce
from schemas.records.messages import ApprovedOrder, ExecutionReport
from schemas.records.output import State
from streams.core.market.trades import UNKNOWN_AGGRESSOR, TradePrint
from streams.core.simulators.simulator import Match, Simulator
from streams.core.simulators.venue_order import TRIGGERED_TYPES, OrderKey, VenueOrder
from streams.core.venue.agenda import Agenda
from streams.core.venue.entry_refusal import entry_refusal
from streams.core.venue.expiries import Expiries, expiry_code, expiry_ns
from streams.core.venue.linked_orders import LinkedOrders
from streams.core.venue.monthly_volume import MonthlyVolume
from streams.core.venue.price_watch import PriceWatch, time_priority, trade_priority
from streams.core.venue.splits import LESS_THAN_A_LOT, OUT_OF_RANGE, split_order
from streams.core.venue.triggers import follow_market, is_triggered, tightest_stop
from streams.core.venue.venue_records import ExecutionReporter, cancel_reason
from streams.core.venue.venue_view import VenueView

IMMEDIATE = (TimeInForce.IOC, TimeInForce.FOK)


class VenueOrders:
    """The orders of one symbol. next_id returns the id of an execution report, report receives it."""

    def __init__(
        self,
        venue: VenueView,
        next_id: Callable[[], str],
        report: Callable[[ExecutionReport], None],
        exact: bool,
    ) -> None:
        self._venue = venue
        self._reports = ExecutionReporter(venue, next_id, report)
        self._exact = exact
        self.working: dict[OrderKey, VenueOrder] = {}
        self._places = 0
        self.expiries = Expiries(self.working)
        self._links = LinkedOrders()
        self._volumes = MonthlyVolume()
        self._watch: PriceWatch | None = None
        self._agenda: Agenda | None = None
        """The orders that are told of the update that is being processed."""

    @property
    def watch(self) -> PriceWatch:
        """The prices at which the market can change these orders."""
        if self._watch is None:
            self._watch = PriceWatch(self._venue, self.working, stale=self._exact)
        return self._watch

    def watch_everything(self) -> None:
        """Watches every update until all orders have seen the book again, after the orders or simulators changed."""
        if self._watch is not None:
            self._watch.release()
        self._watch = PriceWatch(self._venue, self.working, stale=True)

    def _see(self, order: VenueOrder) -> None:
        """Watches an order that may have changed, if it still works."""
        if self._watch is not None and order.key in self.working:
            self._watch.see(order)

    def _forget(self, order: VenueOrder) -> None:
        if self._watch is not None:
            self._watch.remove(order)

    # Requests

    def open(self, request: ApprovedOrder, latency_ns: int) -> None:
        """Takes an arriving new order: refuses it, or lets it rest, wait or trade."""
        assert request.quantity is not None
        if (request.account_id, request.order_id) in self.working:
            return  # A copy; see ExecutionShard.apply.
        order = VenueOrder(request, request.quantity, request.price, request.stop_price, latency_ns=latency_ns)
        order.triggered = request.order_type not in TRIGGERED_TYPES
        order.arrival_px = self._venue.book.mid_price
        order.waiting = request.parent_order_id is not None
        refusal = entry_refusal(self._venue, order, self._links, self.working, self._takes_though_passive(order))
        if refusal is not None:
            self._close(order, OrdStatus.REJECTED, ExecType.REJECTED, *refusal)
            return
        order.status = OrdStatus.NEW
        assert self._venue.instrument is not None
        order.expires_ns = expiry_ns(request, self._venue.instrument, self._venue.time_ns)
        self._add_working(order)
        self.expiries.add(order)
        self._links.add(order)
        if self._can_rest(order):
            self._rest(order)
        self._reports.send(order, ExecType.NEW)
        self._apply_links(order)
        if not order.resting and order.key in self.working:
            self._move(order)
        self._see(order)

    def _add_working(self, order: VenueOrder) -> None:
        """Adds the order behind all others."""
        self._places += 1
        order.place = self._places
        self.working[order.key] = order

    def change(self, request: ApprovedOrder) -> None:
        """Takes an arriving cancel or replace."""
        assert request.orig_order_id is not None
        order = self.working.get((request.account_id, request.orig_order_id))
        if order is None:
            text = f"request {request.order_id}: order {request.orig_order_id} is not working at the venue"
            self._reports.reject_unknown(request, "TOO_LATE_TO_CANCEL", text)
        elif request.action is Action.CANCEL:
            reason = cancel_reason(request)
            self._close(order, OrdStatus.CANCELED, ExecType.CANCELED, *reason, request_id=request.order_id)
        else:
            self._replace(order, request)

    def _apply_links(self, order: VenueOrder) -> None:
        """Applies the end of the parent, or fills of the group, that happened before the order arrived."""
        left = self._links.group_left(order)
        if left is not None:
            self._limit_leaves(order, left, "OCO")
        executed = self._links.executed_parent(order)
        if executed is not None and order.key in self.working:
            self._on_parent_end(order, executed)

    def _replace(self, order: VenueOrder, request: ApprovedOrder) -> None:
        assert request.quantity is not None
        if request.quantity <= order.cum_quantity:
            text = f"request {request.order_id}: order {order.request.order_id} has already executed the new quantity"
            self._reports.refuse_change(order, request, "TOO_LATE_TO_CANCEL", text)
            return
        before = (order.quantity, order.price, order.stop_price)
        order.quantity, order.price, order.stop_price = request.quantity, request.price, request.stop_price
        if order.request.order_type is OrderType.TRAILING_STOP:
            order.stop_price = tightest_stop(order, request.stop_price, before[2])
        if self._takes_though_passive(order):
            order.quantity, order.price, order.stop_price = before
            text = f"request {request.order_id}: post-only order {order.request.order_id} would trade at once"
            self._reports.refuse_change(order, request, "POST_ONLY_WOULD_TAKE", text)
            return
        if order.quantity > before[0] or (order.price, order.stop_price) != before[1:]:
            self._forget(order)
            del self.working[order.key]
            self._add_working(order)
            self._links.requeue(order)
            order.resting = False
        self._reports.send(order, ExecType.REPLACED, request_id=request.order_id)
        self._move(order)
        self._see(order)

    # The market moves

    def on_book(self) -> None:
        """Lets the orders react to a new quote, new levels, a halt or a resumption."""
        if not self.working:
            return
        watch, book = self.watch, self._venue.book
        orders = list(self.working.values()) if watch.stale else watch.orders_at_book(book)
        if orders:
            agenda = self._agenda = Agenda(orders, time_priority, complete=watch.stale)
            while (order := agenda.take()) is not None:
                if order.key in self.working:
                    if order.resting:
                        self._simulator(order).see_book(order, book)
                    self._move(order)
                    self._see(order)
            self._agenda = None
        if watch.stale:
            self._watch = None

    def on_trade(self, trade: TradePrint) -> None:
        """Lets the resting orders meet a market trade, best price first, then time priority."""
        venue, book, instrument = self._venue, self._venue.book, self._venue.instrument
        if not book.is_open or instrument is None:
            return
        watch = self.watch
        any_age = trade.aggressor != UNKNOWN_AGGRESSOR or not venue.rules.stale_quotes_judge_no_prints
        age_ns = 0 if any_age else venue.time_ns - book.seen_ns
        everybody = sorted(self.working.values(), key=trade_priority) if watch.stale else None
        orders = watch.orders_at_trade(trade, book, age_ns) if everybody is None else everybody
        if not orders:
            return
        agenda = self._agenda = Agenda(orders, trade_priority, complete=watch.stale)
        while (order := agenda.take()) is not None:
            if not order.resting or order.price is None or order.key not in self.working:
                continue
            if not trade.can_meet(order.buying, order.price, book) or not (any_age or self._may_trade(order)):
                continue
            if watch.begin_trade(order, trade, is_used_up=trade.sz - trade.used < instrument.lot_size):
                match = self._simulator(order).meet_trade(order, instrument, book, trade)
                if match is not None:
                    self._fill(order, match, trade)
                self._see(order)
        self._agenda = None
        watch.end_trade()

    def _move(self, order: VenueOrder) -> None:
        """Triggers, enters or matches an order as the present market allows."""
        if order.waiting or not self._may_trade(order):
            if order.is_active and order.request.time_in_force in IMMEDIATE:
                self._cancel(order, "MARKET_NOT_OPEN", "the market is halted, crossed, stale or not there")
            return
        if not order.triggered and not self._trigger(order):
            return
        if order.resting:
            self._meet_quote(order)
        else:
            self._enter(order)

    def _trigger(self, order: VenueOrder) -> bool:
        if not is_triggered(order, self._venue.book):
            assert self._venue.instrument is not None
            follow_market(order, self._venue.book, self._venue.instrument.tick_size)
            return False
        order.triggered = True
        self._reports.send(order, ExecType.TRIGGERED, reason_code="PRICE_REACHED")
        return True

    def _enter(self, order: VenueOrder) -> None:
        """Matches an active order that is not in the book, and rests, cancels or keeps what is left."""
        venue, request = self._venue, order.request
        assert venue.instrument is not None
        simulator = self._simulator(order)
        if request.post_only and self._would_take(order):
            self._cancel(order, "POST_ONLY_WOULD_TAKE", "post-only, and it would trade at once")
            return
        is_whole = request.time_in_force is TimeInForce.FOK
        if is_whole and simulator.fillable(order, venue.instrument, venue.book, venue.last_minute()) < order.leaves:
            self._cancel(order, "FOK_NOT_FILLABLE")
            return
        while order.status not in TERMINAL_STATUSES:
            match = simulator.take(order, venue.instrument, venue.book, venue.last_minute())
            if match is None:
                break
            if match.beyond:
                venue.recent_beyond.add(venue.time_ns, match.quantity)
            self._fill(order, match)
        if order.status in TERMINAL_STATUSES:
            return
        if request.time_in_force in IMMEDIATE:
            self._cancel(order, "IOC_REMAINDER")
        elif order.price is not None:
            self._rest(order)
        elif venue.rules.liquidity_runs_out:
            self._reports.tell_waiting(order)

    def _can_rest(self, order: VenueOrder) -> bool:
        """Returns whether an arriving order enters the book without trading."""
        if not order.is_active or order.price is None or order.request.time_in_force in IMMEDIATE:
            return False
        return self._may_trade(order) and not self._would_take(order)

    def _rest(self, order: VenueOrder) -> None:
        order.resting = True
        self._simulator(order).rest(order, self._venue.book)

    def _meet_quote(self, order: VenueOrder) -> None:
        assert self._venue.instrument is not None
        while order.status not in TERMINAL_STATUSES:
            match = self._simulator(order).meet_quote(order, self._venue.instrument, self._venue.book)
            if match is None:
                return
            self._fill(order, match)

    def _may_trade(self, order: VenueOrder) -> bool:
        """Returns whether the order may trade: the instrument is known, and its book is priced, open and not stale."""
        book = self._venue.book
        if self._venue.instrument is None or book.ts == 0 or not book.is_open:
            return False
        return self._venue.time_ns - book.seen_ns <= self._simulator(order).stale_after_ns

    def _would_take(self, order: VenueOrder) -> bool:
        book = self._venue.book
        return order.marketable_at(book.ask if order.buying else book.bid)

    def _takes_though_passive(self, order: VenueOrder) -> bool:
        return order.request.post_only and order.is_active and self._may_trade(order) and self._would_take(order)

    def _simulator(self, order: VenueOrder) -> Simulator:
        return self._venue.simulator_of(order.request.account_id)

    def _fill(self, order: VenueOrder, match: Match, trade: TradePrint | None = None) -> None:
        assert 0 < match.quantity <= order.leaves, "a fill never exceeds what is open"
        assert order.marketable_at(match.price), "a fill never breaks the limit price"
        assert self._venue.instrument is not None
        notional = match.quantity * match.price
        before = self._volumes.add(order, notional, self._venue.time_ns)
        order.cum_quantity += match.quantity
        order.notional += notional
        order.fills += 1
        if match.liquidity is Liquidity.ADDED:
            order.added_quantity += match.quantity
            order.added_notional += notional
        fee = self._simulator(order).order_fee(order, self._venue.instrument, before)
        commission, order.fee = fee - order.fee, fee
        filled = order.leaves == 0
        order.status = OrdStatus.FILLED if filled else OrdStatus.PARTIALLY_FILLED
        exec_type = ExecType.FILL if filled else ExecType.PARTIAL_FILL
        self._reports.send_fill(order, exec_type, match, commission, trade)
        if filled:
            del self.working[order.key]
            self._forget(order)
            self.expiries.discard(order)
        for other in self._links.on_fill(order, self.working):
            if other.key in self.working:
                self._limit_leaves(other, order.leaves, "OCO")
        if filled:
            self._release_children(order)

    # Ends

    def expire_due(self) -> None:
        """Expires the orders that are due."""
        time_ns = self._venue.time_ns
        for order in self.expiries.take_due(time_ns):
            if order.key in self.working:
                code = expiry_code(order.request, self._venue.instrument, time_ns)
                self._close(order, OrdStatus.EXPIRED, ExecType.EXPIRED, code)

    def _cancel(self, order: VenueOrder, code: str, why: str | None = None) -> None:
        text = why and f"order {order.request.order_id}: {why}"
        self._close(order, OrdStatus.CANCELED, ExecType.CANCELED, code, text)

    def _close(
        self,
        order: VenueOrder,
        status: OrdStatus,
        exec_type: ExecType,
        code: str,
        text: str | None = None,
        request_id: str | None = None,
    ) -> None:
        order.status = status
        self.working.pop(order.key, None)
        self._forget(order)
        self.expiries.discard(order)
        self._reports.send(order, exec_type, request_id=request_id, reason_code=code, text=text)
        self._release_children(order)

    def _release_children(self, order: VenueOrder) -> None:
        for child in self._links.on_end(order, self.working):
            if child.key in self.working:
                self._on_parent_end(child, order.cum_quantity)

    def _on_parent_end(self, child: VenueOrder, executed: int) -> None:
        """Activates a child whose parent has ended with fills, and cancels it if the parent had none."""
        if executed == 0:
            self._cancel(child, "PARENT_ENDED", "its parent order ended without a fill")
            return
        self._limit_leaves(child, executed, "PARENT_EXECUTED_LESS")
        child.waiting = False
        self._reports.send(child, ExecType.TRIGGERED, reason_code="PARENT_EXECUTED")
        self._move(child)
        self._see(child)
        if self._agenda is not None:
            self._agenda.join(child)

    def _limit_leaves(self, order: VenueOrder, left: int, code: str) -> None:
        """Reduces the open quantity of an order to at most left; cancels the order if that is 0."""
        if left == 0:
            self._cancel(order, code, "another order of its group has executed")
        elif order.leaves > left:
            order.quantity = order.cum_quantity + left
            self._reports.send(order, ExecType.RESTATED, reason_code=code)

    def split(self, to: int, of: int) -> None:
        """Restates the orders for a split of each `of` units into `to` units, all of them before the first ends."""
        assert self._venue.instrument is not None
        self.watch_everything()
        restated = [(item, split_order(item, to, of, self._venue.instrument)) for item in self.working.values()]
        for order, fits in restated:
            if order.key in self.working and fits and order.leaves > 0:
                self._reports.send(order, ExecType.RESTATED, reason_code="SPLIT")
            elif order.key in self.working:
                self._cancel(order, "SPLIT", LESS_THAN_A_LOT if fits else OUT_OF_RANGE)

    def refuse_split(self, request: ApprovedOrder) -> None:
        """Refuses a request that still travels and that a split would take out of range."""
        self._reports.refuse(request, self.working, "SPLIT", f"order {request.order_id}: {OUT_OF_RANGE}")

    # State

    def to_state(self) -> State:
        """Returns the orders, links and volumes as JSON values."""
        return {
            "working": [order.to_state() for order in self.working.values()],
            "links": self._links.to_state(),
            "volumes": self._volumes.to_state(),
        }

    def restore(self, state: State) -> None:
        """Restores the orders, links and volumes from to_state."""
        orders = [VenueOrder.from_state(item) for item in state["working"]]
        self.working = {}
        for order in orders:
            self._add_working(order)
        self.expiries = Expiries(self.working)
        self._links = LinkedOrders.from_state(state["links"], orders)
        self._volumes = MonthlyVolume.from_state(state["volumes"])
        self.watch_everything()
