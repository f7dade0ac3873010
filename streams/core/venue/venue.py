"""The simulated venue of one symbol: its clock, its market, and the requests that travel to it."""

from collections.abc import Callable
from heapq import heapify, heappop, heappush

from schemas.records.enums import Action, ExecType
from schemas.records.from_list import record_from_list
from schemas.records.messages import ApprovedOrder, ExecutionReport, MarketData
from schemas.records.numbers import NANOS_PER_DAY
from schemas.records.output import RecordRefused, State
from streams.core.market.market_columns import BULK_ROWS
from streams.core.market.market_data import (
    BOOK,
    DIVIDEND,
    FUNDING,
    HALT,
    QUOTE,
    RESUME,
    SETTLEMENT,
    SPLIT,
    TRADE,
    MarketRows,
)
from streams.core.market.order_book import OrderBook
from streams.core.market.trades import RecentVolume, TradePrint
from streams.core.reference.instruments import Instrument
from streams.core.simulators.simulator import Simulator
from streams.core.simulators.venue_order import OrderKey
from streams.core.venue.look_ahead import LookAhead
from streams.core.venue.market_stretch import MarketStretch
from streams.core.venue.settlements import check_settlements
from streams.core.venue.splits import split_request
from streams.core.venue.venue_orders import VenueOrders
from streams.core.venue.venue_view import VenueRules, VenueView

Arrival = tuple[int, int, int, ApprovedOrder]
"""Due time, number of the submission, time of sending, request. Times: UTC nanoseconds."""
SimulatorChoice = Callable[[str, str], Simulator]
"""A function that returns the simulator of an account's orders in a symbol."""

CLOCK_AHEAD_MAX_NS = NANOS_PER_DAY
SHORT_MAX = 4
"""Most updates between two arrivals that are processed without look-ahead, because a search costs more."""
UNSKIPPED_MAX = 31
"""Most updates that are processed without look-ahead after look-ahead has found nothing to skip."""


class Venue(VenueView):
    """Clock, market and orders of one symbol.

    next_id returns the id of an execution report, report receives it; on_split receives the shares after and before.
    on_payment receives FUNDING with rate and mark price, DIVIDEND with the cash of a unit and 0, or SETTLEMENT with 0
    and the price.
    """

    def __init__(
        self,
        symbol: str,
        instrument: Instrument | None,
        choice: SimulatorChoice,
        next_id: Callable[[], str],
        report: Callable[[ExecutionReport], None],
        on_split: Callable[["Venue", int, int], None],
        on_payment: Callable[["Venue", ExecType, int, int], None],
        rules: VenueRules,
        exact: bool = False,
    ) -> None:
        self.symbol = symbol
        self.time_ns = 0
        self.book = OrderBook()
        self.recent_volume, self.recent_beyond = RecentVolume(), RecentVolume()
        self.marked_ns: int | None = None
        self.orders = VenueOrders(self, next_id, report, exact)
        self.configure(instrument, choice, rules)
        self._on_split, self._on_payment = on_split, on_payment
        self._exact = exact
        self._before_market: list[tuple[ApprovedOrder, int]] = []
        """Requests from before the symbol had a market time, with their times of sending."""
        self._data_ns = 0
        """Time of the last market update."""
        self._arrivals: list[Arrival] = []
        self._order_due_ns: dict[OrderKey, int] = {}
        """Latest due time of the requests on their way, by the order that they are about."""
        self._submitted = 0

    def configure(self, instrument: Instrument | None, choice: SimulatorChoice, rules: VenueRules) -> None:
        """Sets a new instrument definition, new simulators and rules; working orders stay."""
        self.instrument, self.rules = instrument, rules
        self._choice = choice
        self._simulators: dict[str, Simulator] = {}
        self.orders.watch_everything()

    def simulator_of(self, account_id: str) -> Simulator:
        """See VenueView."""
        found = self._simulators.get(account_id)
        if found is None:
            found = self._simulators[account_id] = self._choice(account_id, self.symbol)
        return found

    # The clock

    def submit(self, request: ApprovedOrder, sent_ns: int) -> None:
        """Schedules the arrival of a request: the simulator's latency after sent_ns, and never in the past.

        A request whose sent_ns is 0, or more than CLOCK_AHEAD_MAX_NS ahead of the market's clock, arrives at once. No
        request overtakes an earlier one about the same order, and no order its parent.
        """
        if self.time_ns == 0:
            self._before_market.append((request, sent_ns))
            return
        due_ns = self.time_ns
        if 0 < sent_ns <= self.time_ns + CLOCK_AHEAD_MAX_NS:
            due_ns = max(due_ns, sent_ns + self.simulator_of(request.account_id).latency_ns(request, sent_ns))
        if request.action is not Action.NEW:
            due_ns = max(due_ns, self._order_due_ns.get(_target(request), 0))
        elif request.parent_order_id is not None and self.rules.exits_follow_entries:
            due_ns = max(due_ns, self._order_due_ns.get((request.account_id, request.parent_order_id), 0))
        self._note_due(request, due_ns)
        self._submitted += 1
        heappush(self._arrivals, (due_ns, self._submitted, sent_ns, request))
        self.advance(self.time_ns)

    def _note_due(self, request: ApprovedOrder, due_ns: int) -> None:
        target = _target(request)
        self._order_due_ns[target] = max(due_ns, self._order_due_ns.get(target, 0))

    def advance(self, time_ns: int) -> None:
        """Advances the clock; runs due expiries, then due arrivals in order of submission, each at its own time."""
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
                due_ns, _, sent_ns, request = heappop(self._arrivals)
                target = _target(request)
                if self._order_due_ns.get(target) == due_ns:
                    del self._order_due_ns[target]
                self._arrive(request, sent_ns)
        if time_ns > self.time_ns:
            self.time_ns = time_ns

    def _due_ns(self) -> int | None:
        """Returns the time of the next arrival or expiry."""
        expiry_ns = self.orders.expiries.next_ns
        if not self._arrivals:
            return expiry_ns
        arrival_ns = self._arrivals[0][0]
        return arrival_ns if expiry_ns is None or arrival_ns < expiry_ns else expiry_ns

    def _arrive(self, request: ApprovedOrder, sent_ns: int) -> None:
        if request.action is Action.NEW:
            self.orders.open(request, max(self.time_ns - sent_ns, 0) if sent_ns else 0)
        else:
            self.orders.change(request)

    # The market

    def on_market_data(self, record: MarketData, record_time_ns: int | None) -> None:
        """Applies the updates of a record in order, and skips those that matter to no order. Raises RecordRefused."""
        if record.times[0] < self._data_ns:
            text = (
                f"market.data of {self.symbol} starts at {record.times[0]}, before its last update at {self._data_ns}; "
                "feed older data to a fresh pipeline (another TOPIC_PREFIX)"
            )
            raise RecordRefused("MARKET_TIME_STEPS_BACK", text)
        if SETTLEMENT in record.kinds:
            check_settlements(record, self.instrument, record_time_ns)
        self._data_ns = int(record.times[-1])
        self.advance(int(record.times[0]) if record_time_ns is None else record_time_ns)
        by_event = record_time_ns is None
        if self._exact or len(record.kinds) < BULK_ROWS:
            rows = MarketRows(record)
            for row, time_ns in enumerate(record.times):
                self._step(record, rows, row, int(time_ns), by_event)
        else:
            self._take_with_look_ahead(MarketStretch(record), len(record.kinds), by_event)

    def take(self, stretch: MarketStretch, stop: int) -> None:
        """Applies the updates up to a row as if each came in a record of its own, at its own time."""
        row = stretch.taken
        self._data_ns = stretch.ahead.time_ns(stop - 1)
        if stop - row == 1:
            self._step(stretch.record, stretch.rows, row, self._data_ns, by_event=True)
            stretch.taken = stop
        else:
            self._take_with_look_ahead(stretch, stop, by_event=True)

    def next_event(self, stretch: MarketStretch) -> int:
        """Returns the first row that may matter to an order or to the market's state; the number of rows if none can.

        It holds until the venue takes anything else than updates before that row.
        """
        row, ahead = stretch.taken, stretch.ahead
        if self.time_ns == 0 or row < stretch.searched_from:
            return row
        end = ahead.due(row, self._due_ns())
        if not self.orders.working:
            return ahead.first_other(row, end)
        found = ahead.first_watched(row, end, self.orders.watch, self.book)
        stretch.unskipped = min(2 * stretch.unskipped + 1, UNSKIPPED_MAX) if found == row else 0
        stretch.searched_from = row + 1 + stretch.unskipped if found == row else row
        return found

    def _take_with_look_ahead(self, stretch: MarketStretch, stop: int, by_event: bool) -> None:
        """Processes the updates that can matter to an order and skips all others, with the same result.

        If nothing could be skipped, the next updates are processed without look-ahead: 1, 3, 7 ... UNSKIPPED_MAX.
        """
        record, rows, ahead, row, unskipped = stretch.record, stretch.rows, stretch.ahead, stretch.taken, 0
        while row < stop:
            end = stop
            if by_event:
                end = min(stop, ahead.due(row, self._due_ns()))
                if end == row:
                    self.advance(ahead.time_ns(row))
                    continue
            if end - row <= SHORT_MAX:
                found = row
            elif self.orders.working:
                found = ahead.first_watched(row, end, self.orders.watch, self.book)
            else:
                found = ahead.first_without_orders(row, end, self.book)
            unskipped = min(2 * unskipped + 1, UNSKIPPED_MAX) if found == row else 0
            if found > row:
                self._skip(record, rows, ahead, row, found, by_event)
            row = min(found + 1 + unskipped, stop) if found < end else found
            if found < row:
                for at, time_ns in enumerate(ahead.times(found, row), found):
                    self._step(record, rows, at, time_ns, by_event)
        stretch.taken = stop

    def _skip(
        self, record: MarketData, rows: MarketRows, ahead: LookAhead, start: int, stop: int, by_event: bool
    ) -> None:
        """Applies updates that matter to no order at once; none of them is a halt, a split or a payment."""
        before_ns, last_ns, quote, trade = self.time_ns, ahead.time_ns(stop - 1), rows.quotes, rows.trades
        rows.skip(start, stop)
        if by_event and last_ns > before_ns:
            self.time_ns = last_ns
        if rows.quotes - quote < stop - start:
            for row in range(start, stop):
                if record.kinds[row] == TRADE:
                    self.recent_volume.add(ahead.time_ns(row), int(record.trade_sz[trade]))
                    trade += 1
        if quote < rows.quotes and not self.book.has_depth:
            time_ns = last_ns if rows.only_quotes else ahead.time_ns(record.kinds.rfind(QUOTE, start, stop))
            self.book.update_quotes(ahead.bids, ahead.asks, quote, rows.quotes, time_ns)
            self.book.seen_ns = max(before_ns, time_ns) if by_event else self.time_ns

    def _step(self, record: MarketData, rows: MarketRows, row: int, time_ns: int, by_event: bool) -> None:
        """Applies one update, and lets the orders react to it."""
        kind = record.kinds[row]
        if by_event:
            self.advance(time_ns)
        if kind == QUOTE:
            bid_px, bid_sz, ask_px, ask_sz = rows.next_quote()
            self.book.update_quote((bid_px, bid_sz), (ask_px, ask_sz), time_ns)
            self.book.seen_ns = self.time_ns
            self.orders.on_book()
        elif kind == TRADE:
            px, sz, aggressor = rows.next_trade()
            self._on_trade(TradePrint(px, sz, aggressor), time_ns)
        elif kind == BOOK:
            bids, asks = rows.next_levels()
            self.book.update_levels(bids, asks, time_ns)
            self.book.seen_ns = self.time_ns
            self.orders.on_book()
        elif kind == SPLIT:
            to, of = rows.next_split()
            self._split(to, of)
        elif kind == FUNDING:
            rate, price = rows.next_funding()
            self._on_payment(self, ExecType.FUNDING, rate, price)
        elif kind == DIVIDEND:
            self._on_payment(self, ExecType.DIVIDEND, rows.next_dividend(), 0)
        elif kind == SETTLEMENT:
            price, instrument = rows.next_settlement(), self.instrument
            if instrument is not None and instrument.is_expired(min(time_ns, self.time_ns)):
                self._on_payment(self, ExecType.SETTLEMENT, 0, price)
        elif kind in (HALT, RESUME):
            self.book.halted = kind == HALT
            self.orders.on_book()

    def _on_trade(self, trade: TradePrint, time_ns: int) -> None:
        self.recent_volume.add(time_ns, trade.sz)
        if self.orders.working:
            self.orders.on_trade(trade)

    def _split(self, to: int, of: int) -> None:
        """Restates the orders; they wait for the market's new prices. Positions follow by the split notice."""
        self.book.clear()
        self.recent_volume.split(to, of)
        self.recent_beyond.split(to, of)
        instrument = self.instrument
        if instrument is not None:
            self.orders.split(to, of)
            self._split_travelling(to, of, instrument)
        self._on_split(self, to, of)

    def _split_travelling(self, to: int, of: int, instrument: Instrument) -> None:
        """Restates the requests on their way, and refuses those that would be out of range."""
        waiting, self._before_market = self._before_market, []
        for request, sent_ns in waiting:
            restated = self._split_request(request, to, of, instrument)
            if restated is not None:
                self._before_market.append((restated, sent_ns))
        travelling, self._arrivals = sorted(self._arrivals), []
        self._order_due_ns = {}
        for due_ns, number, sent_ns, request in travelling:
            restated = self._split_request(request, to, of, instrument)
            if restated is not None:
                self._arrivals.append((due_ns, number, sent_ns, restated))
                self._note_due(restated, due_ns)

    def _split_request(self, request: ApprovedOrder, to: int, of: int, instrument: Instrument) -> ApprovedOrder | None:
        if request.action is Action.CANCEL:
            return request
        restated = split_request(request, to, of, instrument)
        if restated is None:
            self.orders.refuse_split(request)
        return restated

    # State

    def to_state(self) -> State:
        """Returns the venue as JSON values."""
        return {
            "symbol": self.symbol,
            "time_ns": self.time_ns,
            "book": self.book.to_state(),
            "tape": self.recent_volume.to_state(),
            "beyond": self.recent_beyond.to_state(),
            "marked_ns": self.marked_ns,
            "orders": self.orders.to_state(),
            "before_market": [[list(request), sent_ns] for request, sent_ns in self._before_market],
            "data_ns": self._data_ns,
            "arrivals": [[*head, list(request)] for *head, request in sorted(self._arrivals)],
            "submitted": self._submitted,
        }

    def restore(self, state: State) -> None:
        """Restores the venue from to_state."""
        self.time_ns = state["time_ns"]
        self.book = OrderBook.from_state(state["book"])
        self.recent_volume = RecentVolume.from_state(state["tape"])
        self.recent_beyond = RecentVolume.from_state(state.get("beyond", ()))
        self.marked_ns = state["marked_ns"]
        self.orders.restore(state["orders"])
        self._before_market = [
            (record_from_list(ApprovedOrder, item), sent_ns) for item, sent_ns in state["before_market"]
        ]
        self._data_ns = state["data_ns"]
        self._arrivals = [
            (due, count, sent, record_from_list(ApprovedOrder, item)) for due, count, sent, item in state["arrivals"]
        ]
        heapify(self._arrivals)
        for due_ns, _, _, request in self._arrivals:
            self._note_due(request, due_ns)
        self._submitted = state["submitted"]


def _target(request: ApprovedOrder) -> OrderKey:
    """Returns the order that a request is about."""
    return request.account_id, (request.order_id if request.action is Action.NEW else request.orig_order_id) or ""
