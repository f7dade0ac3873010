"""The live path: quotes and orders through Kafka and a worker, as a client that reads committed records sees them."""

import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from infra.kafka.topics import partition_count
from infra.settings import Settings
from schemas.avro.codec import Codec
from schemas.records.enums import MarkKind
from schemas.records.messages import OrderRequest
from schemas.records.numbers import NANOS_PER_MS
from streams.errors import NoAnswer
from streams.pipeline.clients.follow import FollowedRecord, Follower
from streams.pipeline.clients.producer import RecordProducer
from streams.pipeline.feed.send import send
from streams.pipeline.feed.table import MarketTable
from streams.tools.bench.await_records import POLL_S, SILENCE_S, await_count, until_silent
from streams.tools.bench.bench_orders import BenchOrder, order_requests, session_opening

HOPS = ("orders", "orders.approved", "executions", "order.results")
"""The topics on an order's way."""


@dataclass(frozen=True, slots=True)
class Latency:
    """The latency from producing an order to seeing its terminal result; hops_ms: mean of each part of the way."""

    p50_ms: float
    p99_ms: float
    hops_ms: dict[str, float]


class BenchClient:
    """A client that measures with orders of one account."""

    def __init__(self, settings: Settings, codec: Codec, account_id: str, orders: list[BenchOrder]) -> None:
        self._settings = settings
        self._codec = codec
        self._account_id = account_id
        self._orders = orders
        self._producer = RecordProducer(settings, codec, linger_ms=1)

    def open_session(self) -> None:
        """Opens the account's session, and waits until a worker has confirmed it."""
        with Follower(self._settings, self._codec, ["risk.events"]) as events:
            control = session_opening(self._account_id, self._orders[0].currency)
            self._producer.send("controls", self._account_id, control)
            next(item for item in until_silent(events) if item.message.account_id == self._account_id)

    def quotes_per_s(self, table: MarketTable) -> float:
        """Feeds the table at full speed until each execution shard has passed on the closing heartbeat."""
        heartbeats = partition_count(self._settings, "market.data") * partition_count(self._settings, "marks")
        with Follower(self._settings, self._codec, ["marks"]) as marks:
            started = time.monotonic()
            result = send(self._settings, self._codec, table, speed=None)
            await_count(until_silent(marks), heartbeats, _is_closing_heartbeat)
            return result.quotes / (time.monotonic() - started)

    def orders_per_s(self, count: int) -> float:
        """Sends orders as fast as the broker takes them until each has its terminal result."""
        with Follower(self._settings, self._codec, ["order.results"]) as results:
            started = time.monotonic()
            for order in order_requests(self._account_id, self._orders, count):
                self._producer.send("orders", order.account_id, order)
            await_count(until_silent(results), count, lambda item: item.message.terminal)
            return count / (time.monotonic() - started)

    def latency(self, count: int, per_second: float) -> Latency:
        """Sends orders of another account at a steady rate, and times each until its terminal result."""
        account = f"{self._account_id}-slow"
        BenchClient(self._settings, self._codec, account, self._orders).open_session()
        sent: dict[str, float] = {}
        took_ms: dict[str, float] = {}
        orders = order_requests(account, self._orders, count)
        with Follower(self._settings, self._codec, ["order.results"]) as results:
            started = time.monotonic()
            while len(took_ms) < count:
                if time.monotonic() - started > count / per_second + SILENCE_S:
                    raise NoAnswer(f"{len(took_ms)} of {count} orders were answered; see the worker's log")
                self._send_due(orders, sent, (time.monotonic() - started) * per_second)
                for item in results.poll(POLL_S):
                    if item.message.account_id == account and item.message.terminal:
                        took_ms[item.message.order_id] = (time.monotonic() - sent[item.message.order_id]) * 1_000
        ordered = sorted(took_ms.values())
        hops_ms = _hops_ms(self._timestamps_ns(account, count), statistics.fmean(ordered))
        return Latency(statistics.median(ordered), ordered[int(len(ordered) * 0.99)], hops_ms)

    def _timestamps_ns(self, account: str, count: int) -> list[dict[str, int]]:
        """Returns Kafka's time of each order's first record on each of HOPS.

        They are read after the measurement, so that reading does not slow the path.
        """
        timestamps: dict[str, dict[str, int]] = {}
        missing = count * len(HOPS)
        with Follower(self._settings, self._codec, HOPS, from_start=True) as follower:
            for item in until_silent(follower):
                if item.message.account_id != account:
                    continue
                of_order = timestamps.setdefault(item.message.order_id, {})
                missing -= item.topic not in of_order
                of_order.setdefault(item.topic, item.timestamp_ns)
                if not missing:
                    break
        return list(timestamps.values())

    def _send_due(self, orders: Iterator[OrderRequest], sent: dict[str, float], due: float) -> None:
        while len(sent) < due:
            order = next(orders, None)
            if order is None:
                return
            sent[order.order_id] = time.monotonic()
            self._producer.send("orders", order.account_id, order)


def _is_closing_heartbeat(item: FollowedRecord) -> bool:
    """Returns whether a mark is the end of the feed; a heartbeat of one symbol is not."""
    return item.message.kind is MarkKind.HEARTBEAT and not item.message.symbol


def _hops_ms(timestamps: list[dict[str, int]], total_ms: float) -> dict[str, float]:
    """Returns the mean time between the topics' records; the rest of total_ms is commit and client."""
    means = {}
    for before, after in pairwise(HOPS):
        gaps = [(item[after] - item[before]) / NANOS_PER_MS for item in timestamps]
        means[f"{before} to {after}"] = statistics.fmean(gaps)
    return means | {"commit and client": max(total_ms - sum(means.values()), 0.0)}
