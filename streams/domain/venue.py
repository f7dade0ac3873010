"""The simulated venue of one symbol: its clock, its quote, and the orders that work there in time priority."""

from collections.abc import Callable
from heapq import heapify, heappop, heappush

from streams.domain import execution_records as records
from streams.domain.enums import TERMINAL_STATUSES, Action, ExecType, OrderType, OrdStatus, TimeInForce
from streams.domain.instruments import Instrument
from streams.domain.market_data import QUOTE, quote_at
from streams.domain.messages import ApprovedOrder, ExecutionReport, MarketData
from streams.domain.numbers import NANOS_PER_S
from streams.domain.quote import Quote
from streams.domain.shard import RecordRefused, State
from streams.domain.venue_order import OrderKey, VenueOrder, approved_from_state
from streams.execution.simulator import Match, Simulator

Arrival = tuple[int, int, ApprovedOrder]
"""Due time (UTC nanoseconds), sequence of submission, request."""

CLOCK_AHEAD_MAX_NS = 24 * 3600 * NANOS_PER_S

IMMEDIATE = (TimeInForce.IOC, TimeInForce.FOK)


class Venue:
    """Clock and orders of one symbol. report is called with each execution report, next_id gives its id."""

    def __init__(
        self,
        symbol: str,
        instrument: Instrument | None,
        simulator: Simulator,
        next_id: Callable[[], str],
        report: Callable[[ExecutionReport], None],
    ) -> None:
        self.symbol = symbol
        self.time_ns = 0
        self.quote: Quote | None = None
        self.marked_ns: int | None = None
        self.orders: dict[OrderKey, VenueOrder] = {}
        self.configure(instrument, simulator)
        self._next_id = next_id
        self._report = report
        self._before_market: list[tuple[ApprovedOrder, int]] = []
        """Requests that came before the symbol had a market time, and when they were sent."""
        self._data_ns = 0
        """Time of the last update of the market."""
        self._arrivals: list[Arrival] = []
        self._submitted = 0
        self._next_expiry_ns: int | None = None
        """No working order expires earlier than this."""

    def configure(self, instrument: Instrument | None, simulator: Simulator) -> None:
        """Takes a new instrument definition and simulator; working orders stay."""
        self._instrument = instrument
        self._simulator = simulator

    # The clock

    def submit(self, request: ApprovedOrder, sent_ns: int) -> None:
        """Sends a request on its way: it arrives the simulator's latency after sent_ns, and never in the past.

        A sender's time more than CLOCK_AHEAD_MAX_NS ahead is not of this market's clock: the request arrives at once.
        """
        if self.time_ns == 0:
            self._before_market.append((request, sent_ns))
            return
        due_ns = self.time_ns
        if sent_ns <= self.time_ns + CLOCK_AHEAD_MAX_NS:
            due_ns = max(due_ns, sent_ns + self._simulator.latency_ns(request))
        if request.action is not Action.NEW:
            due_ns = max([due_ns, *(due for due, _, sent in self._arrivals if _concerns(request, sent))])
        self._submitted += 1
        heappush(self._arrivals, (due_ns, self._submitted, request))
        self.advance(self.time_ns)

    def advance(self, time_ns: int) -> None:
        """Moves the clock on, and at their own times what falls due: expiries, then arrivals in order of submission."""
        if self.time_ns == 0 and time_ns > 0:
            self.time_ns = time_ns
            waiting, self._before_market = self._before_market, []
            for request, sent_ns in waiting:
                self.submit(request, sent_ns)
        while True:
            arrival_ns = self._arrivals[0][0] if self._arrivals else None
            expiry_ns = self._next_expiry_ns
            due = [due for due in (arrival_ns, expiry_ns) if due is not None and due <= time_ns]
            if not due:
                break
            self.time_ns = max(self.time_ns, min(due))
            if expiry_ns is not None and expiry_ns <= self.time_ns:
                self._expire()
            else:
                self._arrive(heappop(self._arrivals)[2])
        self.time_ns = max(self.time_ns, time_ns)

    # The market

    def on_market_data(self, record: MarketData, record_time_ns: int | None) -> None:
        """Takes the updates one after another; the last quote alone where nothing works or is due here."""
        if record.times[0] < self._data_ns:
            text = (
                f"market.data of {self.symbol} starts at {record.times[0]}, before its last update at {self._data_ns}; "
                "feed older data to a fresh pipeline (another TOPIC_PREFIX)"
            )
            raise RecordRefused("MARKET_TIME_STEPS_BACK", text)
        self._data_ns = record.times[-1]
        if record_time_ns is not None:
            self.advance(record_time_ns)
        if self.orders or self._arrivals or self._before_market:
            self._step_through(record, record_time_ns)
            return
        last = len(record.bid_px) - 1
        if last >= 0:
            position = record.kinds.rindex(QUOTE)
            self.quote = quote_at(record, last, record.times[position])
        if record_time_ns is None:
            self.advance(record.times[-1])

    def _step_through(self, record: MarketData, record_time_ns: int | None) -> None:
        row = 0
        for kind, time_ns in zip(record.kinds, record.times, strict=True):
            if record_time_ns is None:
                self.advance(time_ns)
            if kind == QUOTE:
                self.quote = quote_at(record, row, time_ns)
                row += 1
                for order in list(self.orders.values()):
                    self._trade(order)

    # Requests

    def _arrive(self, request: ApprovedOrder) -> None:
        if request.action is Action.NEW:
            self._open(request)
            return
        assert request.orig_order_id is not None
        order = self.orders.get((request.account_id, request.orig_order_id))
        if order is None:
            self._refuse_change(request)
        elif request.action is Action.CANCEL:
            self._close(order, OrdStatus.CANCELED, ExecType.CANCELED, "CANCEL_REQUESTED", request.order_id)
        else:
            self._replace(order, request)

    def _open(self, request: ApprovedOrder) -> None:
        assert request.quantity is not None
        order = VenueOrder(request, request.quantity, request.price)
        if self._instrument is None:
            text = f"instrument {self.symbol} is not in the reference data"
            self._close(order, OrdStatus.REJECTED, ExecType.REJECTED, "UNKNOWN_INSTRUMENT", text=text)
            return
        refusal = self._simulator.refuse(order)
        if refusal is not None:
            self._close(order, OrdStatus.REJECTED, ExecType.REJECTED, refusal.code, text=refusal.text)
            return
        order.status = OrdStatus.NEW
        if request.time_in_force is TimeInForce.DAY:
            order.expires_ns = self._instrument.day_end_after_ns(self.time_ns)
            self._next_expiry_ns = min(self._next_expiry_ns or order.expires_ns, order.expires_ns)
        self.orders[order.key] = order
        self._tell(order, ExecType.NEW)
        if request.time_in_force is TimeInForce.FOK and self._fillable(order) < order.leaves:
            self._close(order, OrdStatus.CANCELED, ExecType.CANCELED, "FOK_NOT_FILLABLE")
            return
        self._trade(order)
        if order.status in TERMINAL_STATUSES:
            return
        if request.time_in_force in IMMEDIATE:
            self._close(order, OrdStatus.CANCELED, ExecType.CANCELED, "IOC_REMAINDER")
        else:
            order.resting = request.order_type is OrderType.LIMIT

    def _replace(self, order: VenueOrder, request: ApprovedOrder) -> None:
        assert request.quantity is not None
        if request.quantity <= order.cum_quantity:
            text = f"request {request.order_id}: order {order.request.order_id} has already executed the new quantity"
            code = "TOO_LATE_TO_CANCEL"
            self._tell(order, ExecType.CANCEL_REJECT, request_id=request.order_id, reason_code=code, text=text)
            return
        keeps_priority = request.price == order.price and request.quantity <= order.quantity
        order.quantity, order.price = request.quantity, request.price
        if not keeps_priority:
            del self.orders[order.key]
            self.orders[order.key] = order
            order.resting = False
        self._tell(order, ExecType.REPLACED, request_id=request.order_id)
        self._trade(order)
        order.resting = order.request.order_type is OrderType.LIMIT

    def _refuse_change(self, request: ApprovedOrder) -> None:
        message = records.unknown_order(
            request,
            exec_id=self._next_id(),
            time_ns=self.time_ns,
            simulator=self._simulator.name,
            code="TOO_LATE_TO_CANCEL",
            text=f"request {request.order_id}: order {request.orig_order_id} is not working at the venue",
        )
        self._report(message)

    # Trading

    def _fillable(self, order: VenueOrder) -> int:
        return self._simulator.fillable(order, self.quote) if self.quote else 0

    def _trade(self, order: VenueOrder) -> None:
        while self.quote is not None and self._instrument is not None and order.leaves:
            match = self._simulator.match(order, self._instrument, self.quote)
            if match is None:
                return
            self._fill(order, match, self._simulator.commission(self._instrument, match))

    def _fill(self, order: VenueOrder, match: Match, commission: int) -> None:
        assert 0 < match.quantity <= order.leaves, "a fill never exceeds what is open"
        assert order.marketable_at(match.price), "a fill never breaks the limit price"
        order.cum_quantity += match.quantity
        order.notional += match.quantity * match.price
        filled = order.leaves == 0
        order.status = OrdStatus.FILLED if filled else OrdStatus.PARTIALLY_FILLED
        self._tell(order, ExecType.FILL if filled else ExecType.PARTIAL_FILL, match=match, commission=commission)
        if filled:
            del self.orders[order.key]

    def _expire(self) -> None:
        for order in list(self.orders.values()):
            if order.expires_ns is not None and order.expires_ns <= self.time_ns:
                self._close(order, OrdStatus.EXPIRED, ExecType.EXPIRED, "DAY_END")
        expiries = [order.expires_ns for order in self.orders.values() if order.expires_ns is not None]
        self._next_expiry_ns = min(expiries, default=None)

    def _close(
        self,
        order: VenueOrder,
        status: OrdStatus,
        exec_type: ExecType,
        code: str,
        request_id: str | None = None,
        text: str | None = None,
    ) -> None:
        order.status = status
        self.orders.pop(order.key, None)
        self._tell(order, exec_type, request_id=request_id, reason_code=code, text=text)

    def _tell(
        self,
        order: VenueOrder,
        exec_type: ExecType,
        *,
        request_id: str | None = None,
        match: Match | None = None,
        commission: int | None = None,
        reason_code: str | None = None,
        text: str | None = None,
    ) -> None:
        message = records.report(
            order,
            exec_type,
            exec_id=self._next_id(),
            time_ns=self.time_ns,
            simulator=self._simulator.name,
            quote=self.quote,
            request_id=request_id,
            match=match,
            commission=commission,
            reason_code=reason_code,
            text=text,
        )
        self._report(message)

    # State

    def to_state(self) -> State:
        """JSON-able form."""
        quote = self.quote
        return {
            "symbol": self.symbol,
            "time_ns": self.time_ns,
            "quote": [getattr(quote, name) for name in Quote.__dataclass_fields__] if quote else None,
            "marked_ns": self.marked_ns,
            "orders": [order.to_state() for order in self.orders.values()],
            "before_market": [[list(request), sent_ns] for request, sent_ns in self._before_market],
            "data_ns": self._data_ns,
            "arrivals": [[due, submitted, list(request)] for due, submitted, request in sorted(self._arrivals)],
            "submitted": self._submitted,
            "next_expiry_ns": self._next_expiry_ns,
        }

    def restore(self, state: State) -> None:
        """Takes the state that to_state described."""
        self.time_ns = state["time_ns"]
        self.quote = Quote(*state["quote"]) if state["quote"] else None
        self.marked_ns = state["marked_ns"]
        orders = [VenueOrder.from_state(item) for item in state["orders"]]
        self.orders = {order.key: order for order in orders}
        self._before_market = [(approved_from_state(item), sent_ns) for item, sent_ns in state["before_market"]]
        self._data_ns = state["data_ns"]
        self._arrivals = [(due, submitted, approved_from_state(item)) for due, submitted, item in state["arrivals"]]
        heapify(self._arrivals)
        self._submitted = state["submitted"]
        self._next_expiry_ns = state["next_expiry_ns"]


def _concerns(request: ApprovedOrder, sent: ApprovedOrder) -> bool:
    """Whether two requests are about the same order."""
    target = sent.order_id if sent.action is Action.NEW else sent.orig_order_id
    return (request.account_id, request.orig_order_id) == (sent.account_id, target)
