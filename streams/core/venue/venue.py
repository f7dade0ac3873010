"""The simulated venue of one symbol: its clock, its market, and requests on their way to it."""

from collections.abc import Callable
from heapq import heapify, heappop, heappush

from schemas.records.enums import Action
from schemas.records.from_list import record_of
from schemas.records.messages import ApprovedOrder, ExecutionReport, MarketData
from schemas.records.numbers import NANOS_PER_S
from schemas.records.output import RecordRefused, State
from streams.core.market.columns import BULK_ROWS
from streams.core.market.market_data import BOOK, HALT, QUOTE, RESUME, SPLIT, TRADE, MarketRows
from streams.core.market.order_book import Book
from streams.core.market.trades import Print, Tape
from streams.core.reference.instruments import Instrument
from streams.core.simulators.simulator import Simulator
from streams.core.venue.look_ahead import Ahead
from streams.core.venue.splits import split_request
from streams.core.venue.venue_orders import VenueOrders
from streams.core.venue.venue_view import Surroundings

Arrival = tuple[int, int, int, ApprovedOrder]
"""Due time (UTC nanoseconds), sequence of submission, when it was sent, request."""
Choice = Callable[[str, str], Simulator]
"""The simulator of an account's orders in a symbol."""

CLOCK_AHEAD_MAX_NS = 24 * 3600 * NANOS_PER_S
VAIN_MAX = 31
"""Updates that are stepped through without looking ahead, once looking ahead has found nothing to pass over."""


class Venue(Surroundings):
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
        exact: bool = False,
    ) -> None:
        self.symbol = symbol
        self.time_ns = 0
        self.book = Book()
        self.tape = Tape()
        self.marked_ns: int | None = None
        self.orders = VenueOrders(self, next_id, report, exact)
        self.configure(instrument, choice)
        self._on_split = on_split
        self._exact = exact
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
        self._simulators: dict[str, Simulator] = {}
        self.orders.watch_everything()

    def simulator_of(self, account_id: str) -> Simulator:
        """Who decides over an account's orders."""
        found = self._simulators.get(account_id)
        if found is None:
            found = self._simulators[account_id] = self._choice(account_id, self.symbol)
        return found

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
        while (due_ns := self._due_ns()) is not None and due_ns <= time_ns:
            if due_ns > self.time_ns:
                self.time_ns = due_ns
            expiry_ns = self.orders.expiries.next_ns
            if expiry_ns is not None and expiry_ns <= self.time_ns:
                self.orders.expire_due()
            else:
                _, _, sent_ns, request = heappop(self._arrivals)
                self._arrive(request, sent_ns)
        if time_ns > self.time_ns:
            self.time_ns = time_ns

    def _due_ns(self) -> int | None:
        """When the next arrival or expiry falls due."""
        expiry_ns = self.orders.expiries.next_ns
        if not self._arrivals:
            return expiry_ns
        arrival_ns = self._arrivals[0][0]
        return arrival_ns if expiry_ns is None or arrival_ns < expiry_ns else expiry_ns

    def _arrive(self, request: ApprovedOrder, sent_ns: int) -> None:
        if request.action is Action.NEW:
            self.orders.open(request, max(self.time_ns - sent_ns, 0))
        else:
            self.orders.change(request)

    # The market

    def on_market_data(self, record: MarketData, record_time_ns: int | None) -> None:
        """Takes the updates one after another; those that can't matter to any order many at once."""
        if record.times[0] < self._data_ns:
            text = (
                f"market.data of {self.symbol} starts at {record.times[0]}, before its last update at {self._data_ns}; "
                "feed older data to a fresh pipeline (another TOPIC_PREFIX)"
            )
            raise RecordRefused("MARKET_TIME_STEPS_BACK", text)
        self._data_ns = int(record.times[-1])
        self.advance(int(record.times[0]) if record_time_ns is None else record_time_ns)
        by_event = record_time_ns is None
        if self._exact or len(record.kinds) < BULK_ROWS:
            rows = MarketRows(record)
            for row, time_ns in enumerate(record.times):
                self._step(record, rows, row, int(time_ns), by_event)
        else:
            self._skip_through(record, by_event)

    def _skip_through(self, record: MarketData, by_event: bool) -> None:
        """Steps through what can matter to an order and passes over all else, with the same result.

        Where nothing could be passed over, it looks ahead again only after a while, at most VAIN_MAX updates.
        """
        rows, ahead, row, vain = MarketRows(record), Ahead(record), 0, 0
        while row < ahead.rows:
            end = ahead.rows
            if by_event:
                end = ahead.due(row, self._due_ns())
                if end == row:
                    self.advance(ahead.time_ns(row))
                    continue
            if self.orders.working:
                found = ahead.watched(row, end, self.orders.watch, self.book)
            else:
                found = ahead.idle(row, end, self.book)
            vain = min(2 * vain + 1, VAIN_MAX) if found == row else 0
            if found > row:
                self._pass_over(record, rows, ahead, row, found, by_event)
            row = min(found + 1 + vain, ahead.rows) if found < end else found
            for at in range(found, row):
                self._step(record, rows, at, ahead.time_ns(at), by_event)

    def _pass_over(
        self, record: MarketData, rows: MarketRows, ahead: Ahead, start: int, stop: int, by_event: bool
    ) -> None:
        """Takes updates of which none matters to an order, and none is a halt or a split."""
        before_ns, last_ns, quote, trade = self.time_ns, ahead.time_ns(stop - 1), rows.quotes, rows.trades
        rows.pass_over(start, stop)
        if by_event and last_ns > before_ns:
            self.time_ns = last_ns
        if rows.quotes - quote < stop - start:
            for row in range(start, stop):
                if record.kinds[row] == TRADE:
                    self.tape.add(ahead.time_ns(row), int(record.trade_sz[trade]))
                    trade += 1
        if quote < rows.quotes and not self.book.is_deep:
            time_ns = last_ns if rows.only_quotes else ahead.time_ns(record.kinds.rfind(QUOTE, start, stop))
            self.book.refresh_at_once(ahead.bids, ahead.asks, quote, rows.quotes, time_ns)
            self.book.seen_ns = max(before_ns, time_ns) if by_event else self.time_ns

    def _step(self, record: MarketData, rows: MarketRows, row: int, time_ns: int, by_event: bool) -> None:
        """Takes one update, and lets orders do what it lets them do."""
        kind = record.kinds[row]
        if by_event:
            self.advance(time_ns)
        if kind == QUOTE:
            bid_px, bid_sz, ask_px, ask_sz = rows.next_quote()
            self.book.refresh((bid_px, bid_sz), (ask_px, ask_sz), time_ns)
            self.book.seen_ns = self.time_ns
            self.orders.on_book()
        elif kind == TRADE:
            px, sz, aggressor = rows.next_trade()
            self._on_trade(Print(px, sz, aggressor), time_ns)
        elif kind == BOOK:
            bids, asks = rows.next_levels()
            self.book.refresh_levels(bids, asks, time_ns)
            self.book.seen_ns = self.time_ns
            self.orders.on_book()
        elif kind == SPLIT:
            to, of = rows.next_split()
            self._split(to, of)
        elif kind in (HALT, RESUME):
            self.book.halted = kind == HALT
            self.orders.on_book()

    def _on_trade(self, trade: Print, time_ns: int) -> None:
        self.tape.add(time_ns, trade.sz)
        if self.orders.working:
            self.orders.on_trade(trade)

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
        self._before_market = [(record_of(ApprovedOrder, item), sent_ns) for item, sent_ns in state["before_market"]]
        self._data_ns = state["data_ns"]
        self._arrivals = [
            (due, count, sent, record_of(ApprovedOrder, item)) for due, count, sent, item in state["arrivals"]
        ]
        heapify(self._arrivals)
        self._submitted = state["submitted"]


def _concerns(request: ApprovedOrder, sent: ApprovedOrder) -> bool:
    """Whether two requests are about the same order."""
    target = sent.order_id if sent.action is Action.NEW else sent.orig_order_id
    return (request.account_id, request.orig_order_id) == (sent.account_id, target)
