"""The topics read once and folded into what the checks compare."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from infra.topics import BY_NAME, DEAD_LETTER_TOPICS, TOPICS
from schemas.codec import Codec
from schemas.errors import UndecodableRecord
from streams.domain.config import CoreConfig
from streams.domain.enums import Action, EquityTrigger, ExecType
from streams.domain.market_data import QUOTE
from streams.domain.messages import (
    AccountEquity,
    ExecutionReport,
    Fill,
    MarketData,
    OrderRequest,
    OrderResult,
    Position,
)
from streams.journal.kinds import KINDS
from streams.journal.log import LogReader
from streams.journal.partitions import partition_of
from streams.journal.processor import FORWARDED_FROM
from streams.journal.records import RawRecord

OrderId = tuple[str, str]
"""account_id and order_id."""
SessionId = tuple[str, str | None]
"""account_id and session_id."""
Place = tuple[str, int, int]
"""Base topic, partition, offset."""

KEY_FIELDS = {topic: name for kind in KINDS for topic, name in kind.inputs.items() if name is not None}


@dataclass(slots=True)
class QuoteColumns:
    """Quotes of a symbol in the order of its market; integers as in market.data."""

    times: list[int] = field(default_factory=list)
    quotes: list[tuple[int, int, int, int]] = field(default_factory=list)


@dataclass(slots=True)
class Facts:
    """offsets: of every record by topic and partition. dead: places of records that went to a dead-letter topic.

    requests: by order id; duplicates: requests whose id was used before. approved, answered: request ids.
    """

    offsets: dict[tuple[str, int], list[int]] = field(default_factory=lambda: defaultdict(list))
    newest_of_key: dict[str, dict[bytes | None, Place]] = field(default_factory=lambda: defaultdict(dict))
    dead: set[Place] = field(default_factory=set)
    misplaced: set[Place] = field(default_factory=set)
    forwarded: list[tuple[str, str]] = field(default_factory=list)
    requests: dict[OrderId, OrderRequest] = field(default_factory=dict)
    duplicates: int = 0
    approved: set[OrderId] = field(default_factory=set)
    results: dict[OrderId, list[OrderResult]] = field(default_factory=lambda: defaultdict(list))
    executions: dict[OrderId, list[ExecutionReport]] = field(default_factory=lambda: defaultdict(list))
    execution_fills: dict[str, ExecutionReport] = field(default_factory=dict)
    repeated_exec_ids: list[str] = field(default_factory=list)
    fills: dict[SessionId, list[Fill]] = field(default_factory=lambda: defaultdict(list))
    positions: dict[tuple[str, str], Position] = field(default_factory=dict)
    equities: dict[SessionId, list[AccountEquity]] = field(default_factory=lambda: defaultdict(list))
    quotes: dict[str, QuoteColumns] = field(default_factory=lambda: defaultdict(QuoteColumns))


class FactReader:
    """Reads every topic of a pipeline once."""

    def __init__(self, config: CoreConfig, partitions: Callable[[str], int], reader: LogReader, codec: Codec) -> None:
        self._config = config
        self._partitions = partitions
        self._reader = reader
        self._codec = codec
        self._facts = Facts()

    def read(self, on_progress: Callable[[str], None]) -> Facts:
        """All facts as they stand now."""
        handlers: dict[str, Callable[..., None]] = {
            "orders": self._on_request,
            "orders.approved": self._on_approved,
            "executions": self._on_execution,
            "order.results": self._on_result,
            "fills": self._on_fill,
            "positions": self._on_position,
            "account.equity": self._on_equity,
            "market.data": self._on_market_data,
        }
        for topic in DEAD_LETTER_TOPICS:
            for record in self._records(topic.name):
                self._on_dead_letter(record)
        for topic in TOPICS:
            on_progress(f"reading {topic.name}")
            handler = handlers.get(topic.name)
            for record in self._records(topic.name):
                self._route(topic.name, record, handler)
        return self._facts

    def _records(self, topic: str) -> Iterator[RawRecord]:
        for partition in range(self._partitions(topic)):
            for record in self._reader.read(topic, partition, 0):
                self._facts.offsets[topic, partition].append(record.offset)
                if BY_NAME[topic].compacted:
                    self._facts.newest_of_key[topic][record.key] = (topic, partition, record.offset)
                yield record

    def _on_dead_letter(self, record: RawRecord) -> None:
        headers = dict(record.headers)
        self._facts.dead.add((headers["topic"].decode(), int(headers["partition"]), int(headers["offset"])))

    def _route(self, topic: str, record: RawRecord, handler: Callable[..., None] | None) -> None:
        place = (topic, record.partition, record.offset)
        if handler is None or record.value is None or place in self._facts.dead:
            return
        try:
            message = self._codec.decode(topic, record.value)
        except UndecodableRecord:
            return
        owner = getattr(message, KEY_FIELDS[topic], None) if topic in KEY_FIELDS else None
        if owner and partition_of(owner, self._partitions(topic)) != record.partition:
            self._facts.misplaced.add(place)
            return
        self._facts.forwarded.extend(
            (topic, value.decode()) for name, value in record.headers if name == FORWARDED_FROM
        )
        handler(message)

    def _on_request(self, request: OrderRequest) -> None:
        key = (request.account_id, request.order_id)
        if key in self._facts.requests:
            self._facts.duplicates += 1
        else:
            self._facts.requests[key] = request

    def _on_approved(self, approved: OrderRequest) -> None:
        self._facts.approved.add((approved.account_id, approved.order_id))

    def _on_result(self, result: OrderResult) -> None:
        self._facts.results[result.account_id, result.order_id].append(result)

    def _on_execution(self, report: ExecutionReport) -> None:
        self._facts.executions[report.account_id, report.order_id].append(report)
        if report.exec_type in (ExecType.FILL, ExecType.PARTIAL_FILL):
            if report.exec_id in self._facts.execution_fills:
                self._facts.repeated_exec_ids.append(report.exec_id)
            self._facts.execution_fills[report.exec_id] = report

    def _on_fill(self, fill: Fill) -> None:
        self._facts.fills[fill.account_id, fill.session_id].append(fill)

    def _on_position(self, position: Position) -> None:
        self._facts.positions[position.account_id, position.symbol] = position

    def _on_equity(self, equity: AccountEquity) -> None:
        self._facts.equities[equity.account_id, equity.session_id].append(equity)

    def _on_market_data(self, record: MarketData) -> None:
        columns = self._facts.quotes[record.symbol]
        columns.times.extend(ts for kind, ts in zip(record.kinds, record.times, strict=True) if kind == QUOTE)
        columns.quotes.extend(zip(record.bid_px, record.bid_sz, record.ask_px, record.ask_sz, strict=True))


def opening_equity(equities: list[AccountEquity]) -> AccountEquity | None:
    """The record that opened the session."""
    return next((item for item in equities if item.trigger is EquityTrigger.SESSION_OPEN), None)


def new_orders(facts: Facts) -> Iterator[tuple[OrderId, OrderRequest]]:
    """Requests that open an order."""
    return ((key, request) for key, request in facts.requests.items() if request.action is Action.NEW)
