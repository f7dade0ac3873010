"""The simulated venue of one symbol: its clock, its market, and requests on their way to it."""

from collections.abc import Callable
from heapq import heapify, heappop, heappush

from streams.domain.book import Book
from streams.domain.enums import Action
from streams.domain.instruments import Instrument
from streams.domain.market_data import BOOK, HALT, QUOTE, RESUME, SPLIT, TRADE, MarketRows
from streams.domain.messages import ApprovedOrder, ExecutionReport, MarketData
from streams.domain.numbers import NANOS_PER_S
from streams.domain.shard import RecordRefused, State
from streams.domain.splits import split_request
from streams.domain.tape import Print, Tape
from streams.domain.venue_order import approved_from_state
from streams.domain.venue_orders import VenueOrders
from streams.execution.simulator import Simulator

Arrival = tuple[int, int, int, ApprovedOrder]
"""Due time (UTC nanoseconds), sequence of submission, when it was sent, request."""
Choice = Callable[[str, str], Simulator]
"""The simulator of an account's orders in a symbol."""

CLOCK_AHEAD_MAX_NS = 24 * 3600 * NANOS_PER_S


class Venue:
    """Clock, market and orders of one symbol.

    report is called with each execution report, next_id gives its id; on_split is told shares after and before.
    """

    def __init__(
        self,
        symbol: str,
        instrument: Instrument | None,
        choice: Choice,
        next_id: Callable[[], str],
        report: Callable[[ExecutionReport], None],
        on_split: Callable[["Venue", int, int], None],
    ) -> None:
        self.symbol = symbol
        self.time_ns = 0
        self.book = Book()
        self.tape = Tape()
        self.marked_ns: int | None = None
        self.orders = VenueOrders(self, next_id, report)
        self.configure(instrument, choice)
        self._on_split = on_split
        self._before_market: list[tuple[ApprovedOrder, int]] = []
        """Requests that came before the symbol had a market time, and when they were sent."""
        self._data_ns = 0
        """Time of the last update of the market."""
        self._arrivals: list[Arrival] = []
        self._submitted = 0

    def configure(self, instrument: Instrument | None, choice: Choice) -> None:
        """Takes a new instrument definition and new simulators; working orders stay."""
        self.instrument = instrument
        self._choice = choice

    def simulator_of(self, account_id: str) -> Simulator:
        """Who decides over an account's orders."""
        return self._choice(account_id, self.symbol)

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
            due_ns = max(due_ns, sent_ns + self.simulator_of(request.account_id).latency_ns(request, sent_ns))
        if request.action is not Action.NEW:
            due_ns = max([due_ns, *(due for due, _, _, sent in self._arrivals if _concerns(request, sent))])
        self._submitted += 1
        heappush(self._arrivals, (due_ns, self._submitted, sent_ns, request))
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
            expiry_ns = self.orders.next_expiry_ns
            due = [due for due in (arrival_ns, expiry_ns) if due is not None and due <= time_ns]
            if not due:
                break
            self.time_ns = max(self.time_ns, min(due))
            if expiry_ns is not None and expiry_ns <= self.time_ns:
                self.orders.expire_due()
            else:
                _, _, sent_ns, request = heappop(self._arrivals)
                self._arrive(request, sent_ns)
        self.time_ns = max(self.time_ns, time_ns)

    def _arrive(self, request: ApprovedOrder, sent_ns: int) -> None:
        if request.action is Action.NEW:
            self.orders.open(request, max(self.time_ns - sent_ns, 0))
        else:
            self.orders.change(request)

    # The market

    def on_market_data(self, record: MarketData, record_time_ns: int | None) -> None:
        """Takes the updates one after another; the last quote alone where that makes no difference."""
        if record.times[0] < self._data_ns:
            text = (
                f"market.data of {self.symbol} starts at {record.times[0]}, before its last update at {self._data_ns}; "
                "feed older data to a fresh pipeline (another TOPIC_PREFIX)"
            )
            raise RecordRefused("MARKET_TIME_STEPS_BACK", text)
        self._data_ns = record.times[-1]
        if record_time_ns is not None:
            self.advance(record_time_ns)
        if self._is_quiet(record):
            row = len(record.bid_px) - 1
            time_ns = record.times[-1]
            if record_time_ns is None:
                self.advance(time_ns)
            self._refresh(record, row, time_ns)
        else:
            self._step_through(record, record_time_ns)

    def _is_quiet(self, record: MarketData) -> bool:
        """Quotes alone, and nothing here that any but the last of them could concern: no order, nothing taken.

        Each quote of a deep book decides which of its levels stay.
        """
        waiting = self.orders.working or self._arrivals or self._before_market
        if waiting or self.book.is_deep or len(record.bid_px) != len(record.kinds):
            return False
        return self.book.is_untouched

    def _refresh(self, record: MarketData, row: int, time_ns: int) -> None:
        bid, ask = (record.bid_px[row], record.bid_sz[row]), (record.ask_px[row], record.ask_sz[row])
        self.book.refresh(bid, ask, time_ns)
        self.book.seen_ns = self.time_ns

    def _step_through(self, record: MarketData, record_time_ns: int | None) -> None:
        rows = MarketRows(record)
        for kind, time_ns in zip(record.kinds, record.times, strict=True):
            if record_time_ns is None:
                self.advance(time_ns)
            if kind == QUOTE:
                self._refresh(record, rows.next(QUOTE), time_ns)
                self.orders.on_book()
            elif kind == TRADE:
                self._on_trade(record, rows.next(TRADE), time_ns)
            elif kind == BOOK:
                bids, asks = rows.next_levels()
                self.book.refresh_levels(bids, asks, time_ns)
                self.book.seen_ns = self.time_ns
                self.orders.on_book()
            elif kind == SPLIT:
                row = rows.next(SPLIT)
                self._split(record.split_to[row], record.split_of[row])
            elif kind in (HALT, RESUME):
                self.book.halted = kind == HALT
                self.orders.on_book()

    def _on_trade(self, record: MarketData, row: int, time_ns: int) -> None:
        self.tape.add(time_ns, record.trade_sz[row])
        if self.orders.working:
            self.orders.on_trade(Print(record.trade_px[row], record.trade_sz[row], record.aggressors[row]))

    def _split(self, to: int, of: int) -> None:
        """Orders are restated, and wait until the market tells its prices anew; positions follow by the notice."""
        self.book.clear()
        self.tape.split(to, of)
        instrument = self.instrument
        if instrument is not None:
            self.orders.split(to, of)
            self._before_market = [
                (split_request(item, to, of, instrument), sent) for item, sent in self._before_market
            ]
            self._arrivals = [
                (due, count, sent, split_request(item, to, of, instrument)) for due, count, sent, item in self._arrivals
            ]
        self._on_split(self, to, of)

    # State

    def to_state(self) -> State:
        """JSON-able form."""
        return {
            "symbol": self.symbol,
            "time_ns": self.time_ns,
            "book": self.book.to_state(),
            "tape": self.tape.to_state(),
            "marked_ns": self.marked_ns,
            "orders": self.orders.to_state(),
            "before_market": [[list(request), sent_ns] for request, sent_ns in self._before_market],
            "data_ns": self._data_ns,
            "arrivals": [[*head, list(request)] for *head, request in sorted(self._arrivals)],
            "submitted": self._submitted,
        }

    def restore(self, state: State) -> None:
        """Takes the state that to_state described."""
        self.time_ns = state["time_ns"]
        self.book = Book.from_state(state["book"])
        self.tape = Tape.from_state(state["tape"])
        self.marked_ns = state["marked_ns"]
        self.orders.restore(state["orders"])
        self._before_market = [(approved_from_state(item), sent_ns) for item, sent_ns in state["before_market"]]
        self._data_ns = state["data_ns"]
        self._arrivals = [(due, count, sent, approved_from_state(item)) for due, count, sent, item in state["arrivals"]]
        heapify(self._arrivals)
        self._submitted = state["submitted"]


def _concerns(request: ApprovedOrder, sent: ApprovedOrder) -> bool:
    """Whether two requests are about the same order."""
    target = sent.order_id if sent.action is Action.NEW else sent.orig_order_id
    return (request.account_id, request.orig_order_id) == (sent.account_id, target)
