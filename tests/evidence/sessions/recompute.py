"""Recomputes a session's numbers from the raw Kafka records, without any code of the project.

It has its own consumer, the Apache avro library's decoder and plain decimals. Conventions: `paper metrics list`.
"""

from __future__ import annotations

import io
import struct
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal, localcontext
from typing import Any

import avro.schema
import requests
from avro.io import BinaryDecoder, DatumReader
from confluent_kafka import Consumer, TopicPartition

DIGITS = 80
NANOS = 1_000_000_000
Record = dict[str, Any]


class RawTopics:
    """The committed records of topics, decoded with the schema that each names."""

    def __init__(self, servers: str, registry: str, prefix: str) -> None:
        self._servers, self._registry, self._prefix = servers, registry, prefix
        self._readers: dict[int, DatumReader] = {}

    def read(self, topic: str) -> Iterator[Record]:
        """Returns all records, partition by partition in the order of offsets."""
        consumer = Consumer(
            {
                "bootstrap.servers": self._servers,
                "group.id": "recompute",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
            }
        )
        name = self._prefix + topic
        try:
            for partition in sorted(consumer.list_topics(name, timeout=30).topics[name].partitions):
                consumer.assign([TopicPartition(name, partition, 0)])
                while (message := consumer.poll(30)) is not None and message.error() is None:
                    value = message.value()
                    assert isinstance(value, bytes)
                    yield self._decoded(value)
                assert message is not None, f"{name}-{partition}: no end within 30 s"
        finally:
            consumer.close()

    def _decoded(self, value: bytes) -> Record:
        magic, schema_id = struct.unpack(">bI", value[:5])
        assert magic == 0
        if schema_id not in self._readers:
            answer = requests.get(f"{self._registry}/schemas/ids/{schema_id}", timeout=30).json()
            self._readers[schema_id] = DatumReader(avro.schema.parse(answer["schema"]))
        record = self._readers[schema_id].read(BinaryDecoder(io.BytesIO(value[5:])))
        assert isinstance(record, dict)
        return record


@dataclass
class Trip:
    """A round trip from flat to flat. held: signed quantity; cost: signed cost; pnl: after fees."""

    held: Decimal = Decimal(0)
    cost: Decimal = Decimal(0)
    pnl: Decimal = Decimal(0)


@dataclass
class Numbers:
    """The numbers of one session. Its capital is a fund: an opening redeems all units and buys others."""

    opening_cash: Decimal = Decimal(0)
    units: Decimal = Decimal(0)
    price: Decimal = Decimal(1)
    gained: Decimal = Decimal(0)
    fills: int = 0
    fees: Decimal = Decimal(0)
    traded_value: Decimal = Decimal(0)
    flows: Decimal = Decimal(0)
    end_equity: Decimal = Decimal(0)
    cash: Decimal = Decimal(0)
    borrow_fees: Decimal = Decimal(0)
    peak: Decimal = Decimal(1)
    max_drawdown: Decimal = Decimal(0)
    orders: int = 0
    rejected_orders: int = 0
    closed: list[Decimal] = field(default_factory=list)
    open_trips: dict[str, Trip] = field(default_factory=dict)
    ends: dict[date, Decimal] = field(default_factory=dict)
    opened: date = date.min
    symbols: set[str] = field(default_factory=set)

    def book(self, fill: Record) -> None:
        """Books a fill in the account's own currency: average cost, and its round trip."""
        buys = fill["side"] == "BUY"
        quantity, price, fee = fill["quantity"], fill["price"], fill["commission"]
        assert fill["fx_rate"] is None, "sessions here trade in their own currency"
        self.fills += 1
        self.fees += fee
        self.traded_value += quantity * price
        self.flows += (-quantity if buys else quantity) * price - fee
        self.symbols.add(fill["symbol"])
        self._trade(fill["symbol"], quantity if buys else -quantity, price, fee)

    def _trade(self, symbol: str, signed: Decimal, price: Decimal, fee: Decimal) -> None:
        trip = self.open_trips.setdefault(symbol, Trip())
        fee_each = fee / abs(signed)
        closing = min(abs(signed), abs(trip.held)) if trip.held * signed < 0 else Decimal(0)
        if closing:
            direction = 1 if trip.held > 0 else -1
            average = trip.cost / trip.held
            trip.pnl += direction * closing * (price - average) - fee_each * closing
            trip.cost -= direction * closing * average
            trip.held -= direction * closing
            signed += direction * closing
            if trip.held == 0:
                self.closed.append(self.open_trips.pop(symbol).pnl)
                trip = self.open_trips.setdefault(symbol, Trip())
        if signed:
            trip.held += signed
            trip.cost += signed * price
            trip.pnl -= fee_each * abs(signed)

    def value(self, record: Record) -> None:
        """Values an equity record: the price of a unit at the end of its day so far, peak and drawdown."""
        before = self.end_equity
        self.end_equity, self.cash, self.borrow_fees = record["equity"], record["cash"], record["borrow_fees"]
        if record["trigger"] == "SESSION_OPEN":
            self.opening_cash = record["equity"]
            self.units = record["equity"] / self.price
            self.opened = day_of(record["ts"])
            return
        self.gained += self.end_equity - before
        self.price = self.end_equity / self.units
        self.peak = max(self.peak, self.price)
        self.max_drawdown = min(self.max_drawdown, self.price / self.peak - 1)
        self.ends[day_of(record["ts"])] = self.price

    def returns(self, quoted: dict[str, set[date]]) -> dict[date, Decimal]:
        """Returns the returns by day. A day has a record of the session, or quotes of its symbols after its opening."""
        quiet = {day for symbol in self.symbols for day in quoted[symbol] if day > self.opened}
        found, before = {}, Decimal(1)
        for day in sorted(self.ends.keys() | quiet):
            after = self.ends.get(day, before)
            found[day] = after / before - 1
            before = after
        return found

    @property
    def profit_factor(self) -> Decimal | None:
        """Returns gross profit / |gross loss| of the closed round trips."""
        loss = -sum((pnl for pnl in self.closed if pnl < 0), Decimal(0))
        return sum((pnl for pnl in self.closed if pnl > 0), Decimal(0)) / loss if loss else None


def recompute(topics: RawTopics) -> tuple[dict[str, Numbers], dict[str, set[date]]]:
    """Returns the numbers by session id, and the days on which each symbol was quoted."""
    found: dict[str, Numbers] = defaultdict(Numbers)
    quoted: dict[str, set[date]] = defaultdict(set)
    with localcontext() as context:
        context.prec = DIGITS
        for record in topics.read("fills"):
            found[record["session_id"]].book(record)
        for record in topics.read("account.equity"):
            found[record["session_id"]].value(record)
        for record in topics.read("order.results"):
            numbers = found[record["session_id"]]
            numbers.orders += record["exec_type"] in ("NEW", "REJECTED")
            numbers.rejected_orders += record["exec_type"] == "REJECTED"
        for record in topics.read("marks"):
            if record["kind"] == "QUOTE":
                quoted[record["symbol"]].add(day_of(record["ts"]))
    return dict(found), quoted


def day_of(time: int) -> date:
    """Returns the day of a time in UTC nanoseconds."""
    return datetime.fromtimestamp(time // NANOS, UTC).date()
