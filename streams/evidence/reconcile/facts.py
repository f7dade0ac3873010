"""What the topics say, folded into what the checks compare."""

from array import array
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

from schemas.records.enums import ExecType, OrdStatus
from schemas.records.messages import AccountEquity, Fill, OrderRequest, PositionReport

OrderId = tuple[str, str]
"""account_id and order_id."""
RecordPlace = tuple[str, int, int]
"""Base topic, partition, offset."""


class RecordedRequest(NamedTuple):
    """A request and where it lies."""

    request: OrderRequest
    place: RecordPlace


class SentRequest(NamedTuple):
    """An approved request on its way to its venue. target: the order that it is about. sent_ns: UTC nanoseconds."""

    symbol: str
    target: OrderId
    sent_ns: int
    place: RecordPlace


class OrderEvent(NamedTuple):
    """What execution reports and order results both say of an order; quantities and prices 1e-9."""

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
    """An execution report and where it lies."""

    event: OrderEvent
    place: RecordPlace


class ClientResult(NamedTuple):
    """A result of the client's."""

    event: OrderEvent
    reason_code: str | None
    terminal: bool
    resent: bool = False


@dataclass(slots=True)
class RecordedMarket:
    """A symbol's quotes, or best levels of its book, in the order of its market, its trades, and its clock (UTC ns)."""

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
        """Best prices and sizes, size 0 for a side that is absent."""
        self.times.append(time_ns)
        for column, number in zip((self.bid_px, self.bid_sz, self.ask_px, self.ask_sz), (*bid, *ask), strict=True):
            column.append(number)

    def traded(self, price: int, time_ns: int | None) -> bool:
        """Whether a trade at a price is there, at a time where one is given."""
        if time_ns is None:
            return price in self.trade_px
        first, after = bisect_left(self.trade_times, time_ns), bisect_right(self.trade_times, time_ns)
        return price in self.trade_px[first:after]

    def sides(self, row: int) -> tuple[int | None, int | None]:
        """Bid and ask of a quote, None for a side that is absent."""
        bid = self.bid_px[row] if self.bid_sz[row] else None
        return bid, self.ask_px[row] if self.ask_sz[row] else None


@dataclass(slots=True)
class Facts:
    """All of a pipeline.

    offsets: of every record, by topic and partition. taken: next offset of each input, from the journals.
    refused: places of records that a shard dead-lettered; letters: how many dead letters name each place, of any stage.
    unread: places of inputs that can't be read and that no shard has taken yet.
    misplaced: requests that came to a partition which is not theirs; forwarded: how often a copy names each as origin.
    requests: by order id; duplicates: requests whose id was used before, by that id; identical: those of them that say
    the same as the first.
    splits: by symbol, in order: sequence of the notice at the venue, shares after and before.
    fills, equities: by account in the order of booking. positions: newest of an account and symbol.
    """

    offsets: "dict[tuple[str, int], array[int]]" = field(default_factory=lambda: defaultdict(lambda: array("q")))
    taken: dict[tuple[str, int], int] = field(default_factory=dict)
    letters: Counter[RecordPlace] = field(default_factory=Counter)
    refused: set[RecordPlace] = field(default_factory=set)
    unread: set[RecordPlace] = field(default_factory=set)
    dead_letters: Counter[str] = field(default_factory=Counter)
    undecodable: list[str] = field(default_factory=list)
    misplaced: set[RecordPlace] = field(default_factory=set)
    forwarded: Counter[RecordPlace] = field(default_factory=Counter)
    requests: dict[OrderId, RecordedRequest] = field(default_factory=dict)
    duplicates: Counter[OrderId] = field(default_factory=Counter)
    identical: Counter[OrderId] = field(default_factory=Counter)
    approved: dict[OrderId, list[SentRequest]] = field(default_factory=lambda: defaultdict(list))
    results: dict[OrderId, list[ClientResult]] = field(default_factory=lambda: defaultdict(list))
    executions: dict[OrderId, list[RecordedReport]] = field(default_factory=lambda: defaultdict(list))
    splits: dict[str, list[tuple[int, int, int]]] = field(default_factory=lambda: defaultdict(list))
    fills: dict[str, list[Fill]] = field(default_factory=lambda: defaultdict(list))
    equities: dict[str, list[AccountEquity]] = field(default_factory=lambda: defaultdict(list))
    positions: dict[tuple[str, str], PositionReport] = field(default_factory=dict)
    position_places: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    markets: dict[str, RecordedMarket] = field(default_factory=dict)
    ids: Counter[tuple[str, str]] = field(default_factory=Counter)

    def is_taken(self, place: RecordPlace) -> bool:
        """Whether its shard has processed an input; one that no shard has is still on its way."""
        topic, partition, offset = place
        return offset < self.taken.get((topic, partition), 0)
