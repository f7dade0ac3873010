"""The orders that work at a venue, in time priority: how each enters, waits, trades, changes and ends."""

from collections.abc import Callable

from schemas.records.enums import TERMINAL_STATUSES, Action, ExecType, Liquidity, OrderType, OrdStatus, TimeInForce
from schemas.records.messages import ApprovedOrder, ExecutionReport
from schemas.records.output import State
from streams.core.market.trades import Print
from streams.core.simulators.simulator import Match, Simulator
from streams.core.simulators.venue_order import TRIGGERED_TYPES, OrderKey, VenueOrder
from streams.core.venue.expiries import Expiries
from streams.core.venue.linked_orders import LinkedOrders
from streams.core.venue.monthly_volume import MonthlyVolume
from streams.core.venue.price_watch import Watch
from streams.core.venue.reports import Reporter
from streams.core.venue.splits import split_order
from streams.core.venue.triggers import follow_market, is_triggered, tighter
from streams.core.venue.venue_view import Surroundings

IMMEDIATE = (TimeInForce.IOC, TimeInForce.FOK)


class VenueOrders:
    """Orders of one symbol. next_id gives an execution report's id, report takes it."""

    def __init__(
        self,
        venue: Surroundings,
        next_id: Callable[[], str],
        report: Callable[[ExecutionReport], None],
        exact: bool,
    ) -> None:
        self._venue = venue
        self._reports = Reporter(venue, next_id, report)
        self._exact = exact
        self.working: dict[OrderKey, VenueOrder] = {}
        self._places = 0
        self.expiries = Expiries(self.working)
        self._links = LinkedOrders()
        self._volumes = MonthlyVolume()
        self._watch: Watch | None = None

    @property
    def watch(self) -> Watch:
        """What of the market can matter to these orders."""
        if self._watch is None:
            self._watch = Watch(self._venue, self.working, stale=self._exact)
        return self._watch

    def watch_everything(self) -> None:
        """Until all orders have seen the book again: they, or what decides over them, have changed."""
        self._watch = Watch(self._venue, self.working, stale=True)

    def _watch_anew(self) -> None:
        if self._watch is not None and not self._watch.stale:
            self._watch = None

    # Requests

    def open(self, request: ApprovedOrder, latency_ns: int) -> None:
        """A new order arrives."""
        assert request.quantity is not None
        order = VenueOrder(request, request.quantity, request.price, request.stop_price, latency_ns=latency_ns)
        order.triggered = request.order_type not in TRIGGERED_TYPES
        order.arrival_px = self._venue.book.middle
        refusal = self._refusal(order)
        if refusal is not None:
            self._close(order, OrdStatus.REJECTED, ExecType.REJECTED, *refusal)
            return
        order.status = OrdStatus.NEW
        self._set_expiry(order)
        self._take_in(order)
        self.expiries.add(order)
        self._links.add(order)
        if self._can_rest(order):
            self._rest(order)
        self._reports.tell(order, ExecType.NEW)
        self._settle_links(order)
        if not order.resting and order.key in self.working:
            self._move(order)
        if self._watch is not None and order.key in self.working:
            self._watch.add(order)

    def _take_in(self, order: VenueOrder) -> None:
        """Gives the order its place behind all others."""
        self._places += 1
        order.place = self._places
        self.working[order.key] = order

    def change(self, request: ApprovedOrder) -> None:
        """A cancel or replace arrives."""
        assert request.orig_order_id is not None
        order = self.working.get((request.account_id, request.orig_order_id))
        if order is None:
            text = f"request {request.order_id}: order {request.orig_order_id} is not working at the venue"
            self._reports.tell_unknown(request, "TOO_LATE_TO_CANCEL", text)
        elif request.action is Action.CANCEL:
            code = "CANCEL_REQUESTED"
            self._close(order, OrdStatus.CANCELED, ExecType.CANCELED, code, None, request_id=request.order_id)
        else:
            self._replace(order, request)

    def _refusal(self, order: VenueOrder) -> tuple[str, str] | None:
        request, venue = order.request, self._venue
        if venue.instrument is None:
            return "UNKNOWN_INSTRUMENT", f"instrument {venue.symbol} is not in the reference data"
        refusal = venue.simulator_of(request.account_id).refuse(order)
        if refusal is not None:
            return refusal
        if request.expire_ts is not None and request.expire_ts <= venue.time_ns:
            return "EXPIRE_TIME_PASSED", f"order {request.order_id}: its expire_ts had passed when it arrived"
        parent = request.parent_order_id
        if parent is not None and not self._links.knows(request.account_id, parent, self.working):
            return "UNKNOWN_PARENT", f"order {request.order_id}: parent order {parent} is not known at the venue"
        order.waiting = parent is not None
        if request.post_only and order.is_active and self._is_live(order) and self._would_take(order):
            return "POST_ONLY_WOULD_TAKE", f"order {request.order_id}: post-only, and it would trade at once"
        return None

    def _settle_links(self, order: VenueOrder) -> None:
        """What became of the parent or of others of the group while the order was on its way."""
        left = self._links.group_left(order)
        if left is not None:
            self._cut(order, left, "OCO")
        executed = self._links.executed_parent(order)
        if executed is not None and order.key in self.working:
            self._parent_ended(order, executed)

    def _replace(self, order: VenueOrder, request: ApprovedOrder) -> None:
        assert request.quantity is not None
        if request.quantity <= order.cum_quantity:
            text = f"request {request.order_id}: order {order.request.order_id} has already executed the new quantity"
            self._refuse_change(order, request, "TOO_LATE_TO_CANCEL", text)
            return
        before = (order.quantity, order.price, order.stop_price)
        order.quantity, order.price, order.stop_price = request.quantity, request.price, request.stop_price
        if order.request.order_type is OrderType.TRAILING_STOP:
            order.stop_price = tighter(order, request.stop_price, before[2])
        if order.request.post_only and order.is_active and self._is_live(order) and self._would_take(order):
            order.quantity, order.price, order.stop_price = before
            text = f"request {request.order_id}: post-only order {order.request.order_id} would trade at once"
            self._refuse_change(order, request, "POST_ONLY_WOULD_TAKE", text)
            return
        if order.quantity > before[0] or (order.price, order.stop_price) != before[1:]:
            del self.working[order.key]
            self._take_in(order)
            self._links.requeue(order)
            order.resting = False
        self._reports.tell(order, ExecType.REPLACED, request_id=request.order_id)
        self._move(order)
        if self._watch is not None and order.key in self.working:
            self._watch.add(order)

    def _refuse_change(self, order: VenueOrder, request: ApprovedOrder, code: str, text: str) -> None:
        self._reports.tell(order, ExecType.CANCEL_REJECT, request_id=request.order_id, reason_code=code, text=text)

    # The market moves

    def on_book(self) -> None:
        """The market told its quote or levels."""
        if not self.working:
            return
        watch, book = self.watch, self._venue.book
        all_see_it = watch.stale or watch.linked
        for order in list(self.working.values()) if all_see_it else watch.told_book(book):
            if order.key in self.working:
                if order.resting:
                    self._simulator(order).see_book(order, book)
                self._move(order)
        if all_see_it:
            self._watch = None
        else:
            watch.settle()

    def on_trade(self, trade: Print) -> None:
        """The market traded; of orders that stand in the book the best placed come first."""
        book = self._venue.book
        if not book.is_open or self._venue.instrument is None:
            return
        watch = self.watch
        all_see_it = watch.stale or watch.linked
        for order in sorted(self.working.values() if all_see_it else watch.told_trade(trade.px), key=_placed):
            if not order.resting or order.price is None or order.key not in self.working:
                continue
            if trade.can_meet(order.buying, order.price, book):
                match = self._simulator(order).meet_trade(order, self._venue.instrument, book, trade)
                if match is not None:
                    self._fill(order, match, trade)
        if all_see_it:
            self._watch_anew()
        else:
            watch.settle()

    def _move(self, order: VenueOrder) -> None:
        """Lets an order do what the market lets it do now."""
        if order.waiting or not self._is_live(order):
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
        self._reports.tell(order, ExecType.TRIGGERED, reason_code="PRICE_REACHED")
        return True

    def _enter(self, order: VenueOrder) -> None:
        """An active order meets a live market for the first time, or again after a change of its price."""
        venue, request = self._venue, order.request
        assert venue.instrument is not None
        simulator = self._simulator(order)
        if request.post_only and self._would_take(order):
            self._cancel(order, "POST_ONLY_WOULD_TAKE", "post-only, and it would trade at once")
            return
        if request.time_in_force is TimeInForce.FOK:
            volume = venue.tape.volume(venue.time_ns)
            if simulator.fillable(order, venue.instrument, venue.book, volume) < order.leaves:
                self._cancel(order, "FOK_NOT_FILLABLE")
                return
        while order.status not in TERMINAL_STATUSES:
            match = simulator.take(order, venue.instrument, venue.book, venue.tape.volume(venue.time_ns))
            if match is None:
                break
            self._fill(order, match)
        if order.status in TERMINAL_STATUSES:
            return
        if request.time_in_force in IMMEDIATE:
            self._cancel(order, "IOC_REMAINDER")
        elif order.price is not None:
            self._rest(order)

    def _can_rest(self, order: VenueOrder) -> bool:
        """Whether an order that arrives goes into the book without trading."""
        if not order.is_active or order.price is None or order.request.time_in_force in IMMEDIATE:
            return False
        return self._is_live(order) and not self._would_take(order)

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

    def _is_live(self, order: VenueOrder) -> bool:
        """Whether the order may trade: the instrument is known, its book is there, open, and not stale."""
        venue, book = self._venue, self._venue.book
        if venue.instrument is None or book.ts == 0 or not book.is_open:
            return False
        return venue.time_ns - book.seen_ns <= self._simulator(order).stale_after_ns

    def _would_take(self, order: VenueOrder) -> bool:
        book = self._venue.book
        return order.marketable_at(book.ask if order.buying else book.bid)

    def _simulator(self, order: VenueOrder) -> Simulator:
        return self._venue.simulator_of(order.request.account_id)

    def _fill(self, order: VenueOrder, match: Match, trade: Print | None = None) -> None:
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
        self._reports.tell_fill(order, exec_type, match, commission, trade)
        if filled:
            del self.working[order.key]
            self.expiries.drop(order)
        for other in self._links.executed(order, self.working):
            if other.key in self.working:
                self._cut(other, order.leaves, "OCO")
        if filled:
            self._ended(order)

    # Ends

    def expire_due(self) -> None:
        """Ends what has expired by now."""
        for order in self.expiries.take_due(self._venue.time_ns):
            if order.key in self.working:
                code = "EXPIRE_TIME" if order.request.time_in_force is TimeInForce.GTD else "DAY_END"
                self._close(order, OrdStatus.EXPIRED, ExecType.EXPIRED, code)

    def _set_expiry(self, order: VenueOrder) -> None:
        if order.request.time_in_force is TimeInForce.DAY:
            assert self._venue.instrument is not None
            order.expires_ns = self._venue.instrument.day_end_after_ns(self._venue.time_ns)
        elif order.request.time_in_force is TimeInForce.GTD:
            order.expires_ns = order.request.expire_ts

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
        self.expiries.drop(order)
        self._reports.tell(order, exec_type, request_id=request_id, reason_code=code, text=text)
        self._ended(order)

    def _ended(self, order: VenueOrder) -> None:
        for child in self._links.ended(order, self.working):
            if child.key in self.working:
                self._parent_ended(child, order.cum_quantity)

    def _parent_ended(self, child: VenueOrder, executed: int) -> None:
        """The order that a child waited for has ended, having executed so much."""
        if executed == 0:
            self._cancel(child, "PARENT_ENDED", "its parent order ended without a fill")
            return
        self._watch_anew()
        self._cut(child, executed, "PARENT_EXECUTED_LESS")
        child.waiting = False
        self._reports.tell(child, ExecType.TRIGGERED, reason_code="PARENT_EXECUTED")
        self._move(child)

    def _cut(self, order: VenueOrder, left: int, code: str) -> None:
        """No more than left may still execute."""
        if left == 0:
            self._cancel(order, code, "another order of its group has executed")
        elif order.leaves > left:
            order.quantity = order.cum_quantity + left
            self._reports.tell(order, ExecType.RESTATED, reason_code=code)

    def split(self, to: int, of: int) -> None:
        """Orders as if each of units had become to units."""
        assert self._venue.instrument is not None
        self.watch_everything()
        for order in list(self.working.values()):
            split_order(order, to, of, self._venue.instrument)
            if order.leaves > 0:
                self._reports.tell(order, ExecType.RESTATED, reason_code="SPLIT")
            else:
                self._cancel(order, "SPLIT", "less than a lot is left of it after the split")

    # State

    def to_state(self) -> State:
        """JSON-able form."""
        return {
            "working": [order.to_state() for order in self.working.values()],
            "links": self._links.to_state(),
            "volumes": self._volumes.to_state(),
        }

    def restore(self, state: State) -> None:
        """Takes the state that to_state described."""
        orders = [VenueOrder.from_state(item) for item in state["working"]]
        self.working = {}
        for order in orders:
            self._take_in(order)
        self.expiries = Expiries(self.working)
        self._links = LinkedOrders.from_state(state["links"], orders)
        self._volumes = MonthlyVolume.from_state(state["volumes"])
        self.watch_everything()


def _placed(order: VenueOrder) -> int:
    """Sorts bids from the highest and asks from the lowest, each in time priority; the two sides never compete."""
    price = order.price or 0
    return -price if order.buying else price
