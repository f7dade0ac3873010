"""The facts of a pipeline that the checks compare, gathered from its topics."""

from array import array
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

from schemas.records.enums import ExecType, OrdStatus
from schemas.records.messages import (
    AccountEquity,
    ApprovedOrder,
    ExecutionReport,
    Fill,
    OrderRequest,
    PositionReport,
)

OrderId = tuple[str, str]
"""account_id and order_id."""


class RecordPlace(NamedTuple):
    """The place of a record in Kafka. topic: without the prefix of the settings."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}-{self.partition} offset {self.offset}"


class RecordedRequest(NamedTuple):
    """A request with the place of its record."""

    request: OrderRequest
    place: RecordPlace


class SentRequest(NamedTuple):
    """An approved request on its way to the venue. target: the order that it opens or changes; sent_ns: UTC ns."""

    symbol: str
    target: OrderId
    sent_ns: int
    place: RecordPlace


class OrderEvent(NamedTuple):
    """The fields that execution reports and order results have in common. Quantities and prices: 1e-9."""

    exec_id: str | None
    request_id: str | None
    exec_type: ExecType
    ord_status: OrdStatus
    order_qty: int | None
    price: int | None
    reason_code: str | None
    last_qty: int | None
    last_px: int | None
    cum_qty: int
    commission: int | None


class RecordedReport(NamedTuple):
    """An execution report with the place of its record."""

    event: OrderEvent
    place: RecordPlace


class ClientResult(NamedTuple):
    """An order result that the client received."""

    event: OrderEvent
    reason_code: str | None
    terminal: bool
    resent: bool = False


@dataclass(slots=True)
class RecordedMarket:
    """A symbol's quotes (or best book levels) and trades in the order of the market. now_ns: its clock, UTC."""

    partition: int
    now_ns: int = 0
    times: "array[int]" = field(default_factory=lambda: array("q"))
    bid_px: "array[int]" = field(default_factory=lambda: array("q"))
    bid_sz: "array[int]" = field(default_factory=lambda: array("q"))
    ask_px: "array[int]" = field(default_factory=lambda: array("q"))
    ask_sz: "array[int]" = field(default_factory=lambda: array("q"))

    trade_times: "array[int]" = field(default_factory=lambda: array("q"))
    trade_px: "array[int]" = field(default_factory=lambda: array("q"))

    def add_top(self, time_ns: int, bid: tuple[int, int], ask: tuple[int, int]) -> None:
        """Adds the best prices and sizes of a moment. An absent side has size 0."""
        self.times.append(time_ns)
        for column, number in zip((self.bid_px, self.bid_sz, self.ask_px, self.ask_sz), (*bid, *ask), strict=True):
            column.append(number)

    def traded(self, price: int, time_ns: int | None) -> bool:
        """Returns whether a trade at a price is recorded. time_ns: at this time only, if given."""
        if time_ns is None:
            return price in self.trade_px
        first, after = bisect_left(self.trade_times, time_ns), bisect_right(self.trade_times, time_ns)
        return price in self.trade_px[first:after]

    def sides(self, row: int) -> tuple[int | None, int | None]:
        """Returns bid and ask of a quote. An absent side is None."""
        bid = self.bid_px[row] if self.bid_sz[row] else None
        return bid, self.ask_px[row] if self.ask_sz[row] else None


@dataclass(slots=True)
class Facts:
    """All facts of a pipeline.

    Attributes:
        offsets: offsets of all records by topic and partition.
        taken: next offset of each input that the shards take, from the journals.
        account_times: time of each account shard at its last journal record, UTC ns, by partition.
        letters: number of dead letters that name each place, of any stage.
        refused: places of records that a shard dead-lettered.
        unread: places of unreadable inputs that no shard has taken yet.
        dead_letters: number of records on each dead-letter topic.
        own_letters: of these the letters of records that a shard can have written: they are records of their topic, and
            bear their proof where there are proofs.
        undecodable: a sentence for each record that has no dead letter, and is unreadable or none of the pipeline's.
        misplaced: places of records in a partition that is not their account's.
        forwarded: number of forwarded copies that name each place as their origin.
        requests: first request of each id.
        duplicates: number of later requests with the same id.
        identical: number of later requests that are equal to the first.
        closing: the shards' own closing orders, which no client asked for.
        splits: for each symbol in order: the notice's sequence at the venue, shares after, shares before.
        payments: by partition the notices of fundings, dividends and settlements in order, each with its offset on
            executions.
        fill_places: place of the report or the notice behind each fill, by the exec_id of that.
        fills, equities: records of each account in the order of booking.
        positions: newest record of each account and symbol.
    """

    offsets: "dict[tuple[str, int], array[int]]" = field(default_factory=lambda: defaultdict(lambda: array("q")))
    taken: dict[tuple[str, int], int] = field(default_factory=dict)
    account_times: dict[int, int] = field(default_factory=dict)
    letters: Counter[RecordPlace] = field(default_factory=Counter)
    refused: set[RecordPlace] = field(default_factory=set)
    unread: set[RecordPlace] = field(default_factory=set)
    dead_letters: Counter[str] = field(default_factory=Counter)
    own_letters: Counter[str] = field(default_factory=Counter)
    undecodable: list[str] = field(default_factory=list)
    misplaced: set[RecordPlace] = field(default_factory=set)
    forwarded: Counter[RecordPlace] = field(default_factory=Counter)
    requests: dict[OrderId, RecordedRequest] = field(default_factory=dict)
    duplicates: Counter[OrderId] = field(default_factory=Counter)
    identical: Counter[OrderId] = field(default_factory=Counter)
    approved: dict[OrderId, list[SentRequest]] = field(default_factory=lambda: defaultdict(list))
    closing: dict[OrderId, ApprovedOrder] = field(default_factory=dict)
    results: dict[OrderId, list[ClientResult]] = field(default_factory=lambda: defaultdict(list))
    executions: dict[OrderId, list[RecordedReport]] = field(default_factory=lambda: defaultdict(list))
    splits: dict[str, list[tuple[int, int, int]]] = field(default_factory=lambda: defaultdict(list))
    payments: dict[int, list[tuple[int, ExecutionReport]]] = field(default_factory=lambda: defaultdict(list))
    fill_places: dict[str, RecordPlace] = field(default_factory=dict)
    fills: dict[str, list[Fill]] = field(default_factory=lambda: defaultdict(list))
    equities: dict[str, list[AccountEquity]] = field(default_factory=lambda: defaultdict(list))
    positions: dict[tuple[str, str], PositionReport] = field(default_factory=dict)
    position_places: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    markets: dict[str, RecordedMarket] = field(default_factory=dict)
    ids: Counter[tuple[str, str]] = field(default_factory=Counter)

    def is_taken(self, place: RecordPlace) -> bool:
        """Returns whether a shard has processed an input. Other inputs are still on their way."""
        return place.offset < self.taken.get((place.topic, place.partition), 0)

    def opening(self, key: OrderId) -> OrderRequest | ApprovedOrder | None:
        """Returns the request that opened an order, or the order by which a shard closes a position."""
        asked = self.requests.get(key)
        return self.closing.get(key) if asked is None else asked.request
