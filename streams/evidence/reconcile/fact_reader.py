"""Reads every topic of a pipeline once, up to its present end."""

from collections.abc import Callable, Iterator
from typing import Any

from infra.kafka.topics import BY_NAME, DEAD_LETTER_TOPICS, TOPICS
from schemas.avro.codec import Codec
from schemas.errors import UndecodableRecord
from schemas.records.enums import Action, ExecType
from schemas.records.messages import (
    AccountEquity,
    ApprovedOrder,
    ExecutionReport,
    Fill,
    Journal,
    MarketData,
    OrderRequest,
    OrderResult,
    PositionReport,
    RiskEvent,
)
from streams.core.core_config import CoreConfig, TimeSource
from streams.core.market.market_data import BOOK, QUOTE, TRADE, MarketRows, best_level
from streams.evidence.reconcile.closing_orders import Cause, cause_of, has_cause, may_close
from streams.evidence.reconcile.facts import (
    ClientResult,
    Facts,
    OrderEvent,
    RecordedMarket,
    RecordedReport,
    RecordedRequest,
    RecordPlace,
    SentRequest,
)
from streams.pipeline.journal.dead_letters import DIGITS_MAX, source_place
from streams.pipeline.journal.kinds import ACCOUNTS, JOURNALS, KINDS
from streams.pipeline.journal.log import LogReader
from streams.pipeline.journal.partitions import partition_of
from streams.pipeline.journal.processor import FORWARDED_FROM
from streams.pipeline.journal.provenance import FOREIGN_RECORD
from streams.pipeline.journal.raw_records import RawRecord
from streams.pipeline.sink import dead_letter_rows

NOTICES = (ExecType.FUNDING, ExecType.DIVIDEND, ExecType.SETTLEMENT)
"""Notices that meet the positions of all accounts of a partition."""
KEY_FIELDS = {topic: name for kind in KINDS for topic, name in kind.inputs.items()}
"""The field that decides the partition of each input topic; None if the writer chooses the partition."""


class FactReader:
    """Reads topics in reverse order of the flow: outputs before inputs, so that the inputs of every output are found.

    partitions: returns the number of partitions of a topic.
    """

    def __init__(self, config: CoreConfig, partitions: Callable[[str], int], reader: LogReader, codec: Codec) -> None:
        self._config = config
        self._partitions = partitions
        self._reader = reader
        self._codec = codec
        self._facts = Facts()
        self._causes: set[Cause] = set()
        self._may_close: list[ApprovedOrder] = []
        self._handlers: dict[str, Callable[[RawRecord, Any], None]] = {
            **dict.fromkeys(JOURNALS, self._on_journal),
            "controls": self._on_control,
            "risk.events": self._on_risk_event,
            "account.equity": self._on_equity,
            "positions": self._on_position,
            "fills": self._on_fill,
            "order.results": self._on_result,
            "executions": self._on_execution,
            "market.data": self._on_market_data,
            "orders.approved": self._on_approved,
            "orders.live": self._on_approved,
            "orders": self._on_request,
        }

    def read(self, on_progress: Callable[[str], None]) -> Facts:
        """Returns all facts as of now. Raises LogUnavailable, RegistryUnavailable."""
        others = [topic.name for topic in reversed(TOPICS) if topic.name not in JOURNALS]
        for topic in JOURNALS:
            self._read(topic, on_progress)
        on_progress("reading dead letters")
        for letters in DEAD_LETTER_TOPICS:
            for record in self._records(letters.name):
                self._on_dead_letter(record)
        for topic in others:
            self._read(topic, on_progress)
        self._find_closing_orders()
        return self._facts

    def _find_closing_orders(self) -> None:
        for order in self._may_close:
            key = (order.account_id, order.order_id)
            if key not in self._facts.requests and has_cause(order, self._causes):
                self._facts.closing[key] = order

    def _read(self, topic: str, on_progress: Callable[[str], None]) -> None:
        on_progress(f"reading {topic}")
        handler = self._handlers.get(topic)
        for record in self._records(topic):
            if handler is not None:
                self._fold(record, handler)

    def _records(self, topic: str) -> Iterator[RawRecord]:
        for partition in range(self._partitions(topic)):
            offsets = self._facts.offsets[topic, partition]
            for record in self._reader.read(topic, partition, 0):
                # On a compacted topic a record without a value deletes its key, and the sink makes no row of it.
                if record.value is not None or not BY_NAME[topic].compacted:
                    offsets.append(record.offset)
                    yield record

    def _on_dead_letter(self, letter: RawRecord) -> None:
        self._facts.dead_letters[letter.topic] += 1
        headers = dict(letter.headers)
        place = RecordPlace(headers.get("topic", b"").decode(errors="replace"), *source_place(headers))
        if place.offset < 0:
            return  # Another program wrote it: it names no record.
        self._facts.letters[place] += 1
        by_sink = headers.get("stage") == dead_letter_rows.STAGE.encode()
        if not by_sink:
            self._facts.refused.add(place)
        error_class = headers.get("error_class", b"").decode(errors="replace")
        if error_class != FOREIGN_RECORD and (not by_sink or error_class == dead_letter_rows.REFUSED_BY_CLICKHOUSE):
            self._facts.own_letters[letter.topic] += 1

    def _fold(self, record: RawRecord, handler: Callable[[RawRecord, Any], None]) -> None:
        place = _place(record)
        if place in self._facts.refused:
            return
        try:
            message = self._codec.decode(record.topic, record.value or b"")
        except UndecodableRecord as error:
            if record.topic in KEY_FIELDS and not self._facts.is_taken(place):
                self._facts.unread.add(place)
            elif place not in self._facts.letters:
                self._facts.undecodable.append(f"{place} can't be read and is no dead letter: {error}")
            return
        if self._is_in_right_partition(record, message):
            try:
                handler(record, message)
            except (ArithmeticError, LookupError, ValueError) as error:
                self._facts.undecodable.append(f"{place} is no record that the pipeline writes: {error}")

    def _is_in_right_partition(self, record: RawRecord, message: Any) -> bool:
        key_field = KEY_FIELDS.get(record.topic)
        owner = getattr(message, key_field) if key_field else None
        if owner and partition_of(owner, self._partitions(record.topic)) != record.partition:
            self._facts.misplaced.add(_place(record))
            return False
        for name, origin in record.headers:
            if name == FORWARDED_FROM:
                partition, _, offset = origin.decode(errors="replace").partition(":")
                where = source_place({"partition": partition.encode(), "offset": offset.encode()})
                self._facts.forwarded[RecordPlace(record.topic, *where)] += 1
        return True

    def _on_journal(self, record: RawRecord, journal: Journal) -> None:
        for topic, last in zip(journal.topics, journal.last_offsets, strict=True):
            self._facts.taken[topic, record.partition] = last + 1
        if record.topic == ACCOUNTS.journal:
            self._facts.account_times[record.partition] = journal.ts

    def _on_control(self, record: RawRecord, control: Any) -> None:
        """A control adds no fact beyond its partition."""

    def _on_risk_event(self, _: RawRecord, event: RiskEvent) -> None:
        self._facts.ids["event_id", event.event_id] += 1
        cause = cause_of(event)
        if cause is not None:
            self._causes.add(cause)

    def _on_equity(self, _: RawRecord, equity: AccountEquity) -> None:
        self._facts.equities[equity.account_id].append(equity)

    def _on_position(self, record: RawRecord, position: PositionReport) -> None:
        key = (position.account_id, position.symbol)
        self._facts.positions[key] = position
        self._facts.position_places[key] = (record.partition, record.offset)

    def _on_fill(self, _: RawRecord, fill: Fill) -> None:
        self._facts.fills[fill.account_id].append(fill)

    def _on_result(self, _: RawRecord, result: OrderResult) -> None:
        answered = ClientResult(_event(result), result.reason_code, result.terminal, result.poss_resend)
        self._facts.results[result.account_id, result.order_id].append(answered)
        self._facts.ids["result_id", result.result_id] += 1

    def _on_execution(self, record: RawRecord, report: ExecutionReport) -> None:
        if report.exec_type is ExecType.SPLIT:
            self._on_split(record, report)
            return
        if report.exec_type in NOTICES:
            if self._facts.is_taken(_place(record)):
                self._facts.payments[record.partition].append((record.offset, report))
                self._facts.fill_places[report.exec_id] = _place(record)
            return
        if report.exec_type in (ExecType.FILL, ExecType.PARTIAL_FILL):
            self._facts.fill_places[report.exec_id] = _place(record)
        self._facts.executions[report.account_id, report.order_id].append(
            RecordedReport(_event(report), _place(record))
        )
        self._facts.ids["exec_id", report.exec_id] += 1

    def _on_split(self, record: RawRecord, notice: ExecutionReport) -> None:
        """Notes a split once: each account partition has a copy of the notice."""
        if record.partition == 0 and notice.split_to and notice.split_of:
            entry = (event_sequence(notice.exec_id), notice.split_to, notice.split_of)
            self._facts.splits[notice.symbol].append(entry)

    def _on_approved(self, record: RawRecord, approved: ApprovedOrder) -> None:
        target = approved.order_id if approved.action is Action.NEW else approved.orig_order_id or ""
        sent_ns = self._time_ns(record, approved.order_ts)
        sent = SentRequest(approved.symbol, (approved.account_id, target), sent_ns, _place(record))
        self._facts.approved[approved.account_id, approved.order_id].append(sent)
        self._facts.ids["approval_id", approved.approval_id] += 1
        if may_close(approved):
            self._may_close.append(approved)

    def _on_request(self, record: RawRecord, request: OrderRequest) -> None:
        key = (request.account_id, request.order_id)
        if key not in self._facts.requests:
            self._facts.requests[key] = RecordedRequest(request, _place(record))
        elif self._facts.is_taken(_place(record)):
            self._facts.duplicates[key] += 1
            self._facts.identical[key] += request == self._facts.requests[key].request

    def _on_market_data(self, record: RawRecord, data: MarketData) -> None:
        if not self._facts.is_taken(_place(record)):
            return
        time_ns = self._time_ns(record, data.ts)
        if not data.kinds:
            self._on_heartbeat(record.partition, data.symbol, time_ns)
            return
        market = self._facts.markets.setdefault(data.symbol, RecordedMarket(record.partition))
        market.now_ns = max(market.now_ns, time_ns)
        market.trade_times.extend(ts for kind, ts in zip(data.kinds, data.times, strict=True) if kind == TRADE)
        market.trade_px.extend(data.trade_px)
        if BOOK in data.kinds:
            self._on_books(market, data)
            return
        market.times.extend(ts for kind, ts in zip(data.kinds, data.times, strict=True) if kind == QUOTE)
        for name in ("bid_px", "bid_sz", "ask_px", "ask_sz"):
            getattr(market, name).extend(getattr(data, name))

    def _on_books(self, market: RecordedMarket, data: MarketData) -> None:
        rows = MarketRows(data)
        for kind, ts in zip(data.kinds, data.times, strict=True):
            if kind == QUOTE:
                bid_px, bid_sz, ask_px, ask_sz = rows.next_quote()
                market.add_top(ts, (bid_px, bid_sz), (ask_px, ask_sz))
            elif kind == BOOK:
                bids, asks = rows.next_levels()
                market.add_top(ts, best_level(bids), best_level(asks))

    def _on_heartbeat(self, partition: int, symbol: str, time_ns: int) -> None:
        """Moves the clocks of the symbols that had market data before the heartbeat."""
        for name, market in self._facts.markets.items():
            if market.partition == partition and symbol in ("", name):
                market.now_ns = max(market.now_ns, time_ns)

    def _time_ns(self, record: RawRecord, event_ns: int) -> int:
        return event_ns if self._config.time_source is TimeSource.EVENT else record.timestamp_ns


def _event(message: ExecutionReport | OrderResult) -> OrderEvent:
    return OrderEvent(*(getattr(message, name) for name in OrderEvent._fields))


def _place(record: RawRecord) -> RecordPlace:
    return RecordPlace(record.topic, record.partition, record.offset)


def event_sequence(exec_id: str) -> int:
    """Returns the number of an event within its execution shard; -1 if the pipeline does not write such an id."""
    number = exec_id.rpartition("-")[2]
    return int(number) if number.isdecimal() and len(number) <= DIGITS_MAX else -1
