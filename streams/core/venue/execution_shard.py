"""The execution shard: a simulated venue for each symbol of an execution partition, and the marks of their prices."""

from typing import Protocol, Self

from schemas.records.bounds import AHEAD_MAX_NS
from schemas.records.enums import Action, ExecType
from schemas.records.messages import ApprovedOrder, ExecutionReport, MarketData
from schemas.records.numbers import NANOS_PER_MS
from schemas.records.output import Message, Output, RecordRefused, State
from streams.core.market.market_data import check_market_data
from streams.core.reference.instruments import Instrument
from streams.core.simulators.execution_config import ExecutionConfig
from streams.core.simulators.simulator_choice import Simulators
from streams.core.venue import venue_records
from streams.core.venue.market_stretch import MarketStretch
from streams.core.venue.notices import payment_notice, settlement_notice, split_notice
from streams.core.venue.venue import Venue
from streams.core.venue.venue_view import VenueRules


class VenueConfig(ExecutionConfig, VenueRules, Protocol):
    """The configuration of an execution shard; streams.core.core_config.CoreConfig provides it."""

    @property
    def account_partitions(self) -> int: ...

    @property
    def mark_interval_ms(self) -> int: ...

    @property
    def orders_wait(self) -> bool: ...

    @property
    def positions_bring_payments(self) -> bool: ...

    @property
    def futures_settle(self) -> bool: ...


class ExecutionShard:
    """The state machine of an execution partition. Inputs: ApprovedOrder, MarketData.

    It implements streams.pipeline.journal.shard.Shard. Each symbol has its own clock, which only its market data and
    heartbeats (or record times) move. So no symbol runs ahead of its own feed, and no client can move the market.
    """

    def __init__(self, config: VenueConfig, partition: int, exact: bool = False) -> None:
        """exact: process every update in full, without look-ahead; the reference for tests."""
        self.partition = partition
        self._exact = exact
        self._venues: dict[str, Venue] = {}
        self._sequence = 0
        self._time_ns = 0
        self._outputs: list[Output] = []
        self.configure(config)

    @property
    def time_ns(self) -> int:
        """Latest market time of any symbol, UTC nanoseconds."""
        return self._time_ns

    @property
    def venues(self) -> dict[str, Venue]:
        """Venues by symbol, read only."""
        return self._venues

    def problem_with(self, config: VenueConfig) -> str | None:
        """See streams.pipeline.journal.shard.Shard. Accounts know what is open, so nothing is refused here."""
        return None

    def configure(self, config: VenueConfig) -> None:
        """See streams.pipeline.journal.shard.Shard."""
        self._config = config
        self._instruments = {item.symbol: Instrument.from_config(item) for item in config.instruments}
        self._simulators = Simulators(config)
        for venue in self._venues.values():
            venue.configure(self._instruments.get(venue.symbol), self._simulators.of, config)

    def apply(self, message: Message, record_time_ns: int | None, written_ns: int = 0) -> list[Output]:
        """See streams.pipeline.journal.shard.Shard. Nothing at the venue depends on the broker's clock."""
        self._outputs = []
        if isinstance(message, MarketData):
            self._on_market_data(message, record_time_ns)
        elif isinstance(message, ApprovedOrder):
            venue = self._venue(message.symbol)
            if message.action is Action.NEW and (message.account_id, message.order_id) in venue.orders.working:
                text = (
                    f"approved order {message.order_id} of account {message.account_id} is working at the venue "
                    "already; only account shards may write orders.approved, each order once"
                )
                raise RecordRefused("DUPLICATE_ORDER", text)
            if record_time_ns is not None:
                venue.advance(record_time_ns)
            sent_ns = message.order_ts if record_time_ns is None else record_time_ns
            if not message.order_ts:
                message = message._replace(order_ts=venue.time_ns)
            venue.submit(message, sent_ns)
            self._time_ns = max(self._time_ns, venue.time_ns)
        else:
            raise TypeError(f"an execution shard takes no {type(message).__name__}")
        return self._outputs

    def take_stretch(self, stretch: MarketStretch, stop: int, by_event: bool) -> list[Output]:
        """Takes the updates of a stretch up to a row, and returns what apply returns for each of them in turn.

        For re-simulations. Only the last update may cause outputs, see next_output. by_event: there is no record time.
        """
        self._outputs = []
        venue = self._venue(stretch.record.symbol)
        venue.take(stretch, stop)
        self._time_ns = max(self._time_ns, venue.time_ns)
        self._mark(venue, by_event)
        return self._outputs

    def next_output(self, stretch: MarketStretch) -> int:
        """Returns the first row of a stretch that may cause outputs; the number of rows if none can.

        It holds until the shard takes anything else of the symbol than updates before that row.
        """
        venue = self._venues.get(stretch.record.symbol)
        if venue is None or venue.marked_ns is None:
            return stretch.taken
        due_ns = venue.marked_ns + self._config.mark_interval_ms * NANOS_PER_MS
        if venue.time_ns >= due_ns:
            return stretch.taken
        return min(stretch.ahead.row_at(due_ns), venue.next_event(stretch))

    def _venue(self, symbol: str) -> Venue:
        venue = self._venues.get(symbol)
        if venue is None:
            instrument = self._instruments.get(symbol)
            callbacks = (self._next_id, self._report, self._on_split, self._on_payment)
            venue = Venue(symbol, instrument, self._simulators.of, *callbacks, self._config, exact=self._exact)
            self._venues[symbol] = venue
        return venue

    def _next_id(self) -> str:
        self._sequence += 1
        return f"x{self.partition}-{self._sequence}"

    def _report(self, report: ExecutionReport) -> None:
        self._outputs.append(Output("executions", report.account_id, report))

    def _on_market_data(self, record: MarketData, record_time_ns: int | None) -> None:
        record = check_market_data(record, self._config.positions_bring_payments, self._config.futures_settle)
        if not record.kinds:
            self._on_heartbeat(record, record_time_ns)
            return
        venue = self._venue(record.symbol)
        venue.on_market_data(record, record_time_ns)
        self._time_ns = max(self._time_ns, venue.time_ns)
        self._mark(venue, by_event=record_time_ns is None)

    def _on_heartbeat(self, record: MarketData, record_time_ns: int | None) -> None:
        time_ns = record.ts if record_time_ns is None else record_time_ns
        if record_time_ns is None and 0 < self._time_ns < time_ns - AHEAD_MAX_NS:
            text = (
                f"heartbeat at {time_ns}: the market's time is {self._time_ns}, and a heartbeat moves it by a day at "
                "most; correct the clock of the feed, or send market data of that time first"
            )
            raise RecordRefused("HEARTBEAT_TOO_FAR_AHEAD", text)
        for venue in self._venues.values():
            if not record.symbol or venue.symbol == record.symbol:
                venue.advance(time_ns)
        self._time_ns = max(self._time_ns, time_ns)
        self._send_time(f"execution-{self.partition}", "", time_ns)

    def _send_time(self, key: str, symbol: str, time_ns: int) -> None:
        mark = venue_records.heartbeat(symbol, time_ns)
        for partition in range(self._config.account_partitions):
            self._outputs.append(Output("marks", key, mark, partition))

    def _on_split(self, venue: Venue, to: int, of: int) -> None:
        """Writes a split to both topics: to executions between the fills, to marks between the prices."""
        mark = venue_records.split_mark(venue.symbol, to, of, venue.time_ns)
        for partition in range(self._config.account_partitions):
            notice = split_notice(venue.symbol, to, of, self._next_id(), venue.time_ns)
            self._outputs.append(Output("executions", venue.symbol, notice, partition))
            self._outputs.append(Output("marks", venue.symbol, mark, partition))

    def _on_payment(self, venue: Venue, kind: ExecType, amount: int, price: int) -> None:
        """Writes a funding, dividend or settlement to executions: it meets the positions by the fills before it."""
        for partition in range(self._config.account_partitions):
            exec_id = self._next_id()
            if kind is ExecType.SETTLEMENT:
                notice = settlement_notice(venue.symbol, price, exec_id, venue.time_ns)
            else:
                notice = payment_notice(venue.symbol, kind, amount, price, exec_id, venue.time_ns)
            self._outputs.append(Output("executions", venue.symbol, notice, partition))

    def _mark(self, venue: Venue, by_event: bool) -> None:
        """Sends the quote, if a mark is due, and the time, if the quote is older: requests may wait for it."""
        interval = self._config.mark_interval_ms * NANOS_PER_MS
        if venue.marked_ns is not None and venue.time_ns < venue.marked_ns + interval:
            return
        is_old = by_event and self._config.orders_wait and venue.book.ts < venue.time_ns
        if venue.book.ts == 0 and not is_old:
            return
        venue.marked_ns = venue.time_ns
        if venue.book.ts:
            mark = venue_records.mark(venue.symbol, venue.book)
            for partition in range(self._config.account_partitions):
                self._outputs.append(Output("marks", venue.symbol, mark, partition))
        if is_old:
            self._send_time(venue.symbol, venue.symbol, venue.time_ns)

    def to_state(self) -> State:
        """See streams.pipeline.journal.shard.Shard."""
        return {
            "time_ns": self._time_ns,
            "sequence": self._sequence,
            "venues": [venue.to_state() for venue in self._venues.values()],
        }

    @classmethod
    def from_state(cls, config: VenueConfig, partition: int, state: State) -> Self:
        """Restores a shard from to_state."""
        shard = cls(config, partition)
        shard._time_ns = state["time_ns"]
        shard._sequence = state["sequence"]
        for item in state["venues"]:
            shard._venue(item["symbol"]).restore(item)
        return shard
