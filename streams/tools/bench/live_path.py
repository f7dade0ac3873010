"""The live path: quotes and orders through Kafka and a worker, seen by a client that reads committed records."""

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
from streams.errors import NoAnswer
from streams.pipeline.clients.follow import Follower
from streams.pipeline.clients.producer import RecordProducer
from streams.pipeline.feed.send import send
from streams.pipeline.feed.table import MarketTable
from streams.tools.bench.await_records import POLL_S, SILENCE_S, until_silent
from streams.tools.bench.bench_orders import Ticket, bench_orders, opening

NANOS_PER_MS = 1_000_000
HOPS = ("orders", "orders.approved", "executions", "order.results")


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds from producing an order to seeing its terminal result; hops: mean milliseconds of each part."""

    p50_ms: float
    p99_ms: float
    hops_ms: dict[str, float]


class Client:
    """Opens one account, and measures with it by orders of these tickets."""

    def __init__(self, settings: Settings, codec: Codec, account_id: str, chosen: list[Ticket]) -> None:
        self._settings = settings
        self._codec = codec
        self._account_id = account_id
        self._chosen = chosen
        self._producer = RecordProducer(settings, codec, linger_ms=1)

    def open(self) -> None:
        """Opens the session, which also says that a worker works."""
        with Follower(self._settings, self._codec, ["risk.events"]) as events:
            control = opening(self._account_id, self._chosen[0].currency)
            self._producer.send("controls", self._account_id, control)
            next(item for item in until_silent(events) if item.message.account_id == self._account_id)

    def quotes_per_s(self, table: MarketTable) -> float:
        """Feeds the table at full speed until every execution shard has passed its closing heartbeat on."""
        with Follower(self._settings, self._codec, ["marks"]) as marks:
            started = time.monotonic()
            result = send(self._settings, self._codec, table, speed=None)
            left = partition_count(self._settings, "market.data") * partition_count(self._settings, "marks")
            for item in until_silent(marks):
                left -= item.message.kind is MarkKind.HEARTBEAT
                if not left:
                    return result.quotes / (time.monotonic() - started)
        raise AssertionError("the follower ends only by an exception")

    def orders_per_s(self, count: int) -> float:
        """Sends orders as fast as the broker takes them until each has its terminal result."""
        with Follower(self._settings, self._codec, ["order.results"]) as results:
            started = time.monotonic()
            for order in bench_orders(self._account_id, self._chosen, count):
                self._producer.send("orders", order.account_id, order)
            left = count
            for item in until_silent(results):
                left -= item.message.terminal
                if not left:
                    return count / (time.monotonic() - started)
        raise AssertionError("the follower ends only by an exception")

    def latency(self, count: int, per_second: float) -> Latency:
        """Sends orders at a steady rate and times each from its production to its terminal result."""
        account = f"{self._account_id}-slow"
        Client(self._settings, self._codec, account, self._chosen).open()
        sent: dict[str, float] = {}
        took: dict[str, float] = {}
        orders = bench_orders(account, self._chosen, count)
        with Follower(self._settings, self._codec, ["order.results"]) as results:
            started = time.monotonic()
            while len(took) < count:
                if time.monotonic() - started > count / per_second + SILENCE_S:
                    raise NoAnswer(f"{len(took)} of {count} orders were answered; see the worker's log")
                self._send_due(orders, sent, (time.monotonic() - started) * per_second)
                for item in results.poll(POLL_S):
                    if item.message.account_id == account and item.message.terminal:
                        took[item.message.order_id] = (time.monotonic() - sent[item.message.order_id]) * 1_000
        ordered = sorted(took.values())
        hops = _hops(self._stamps(account, count), statistics.fmean(ordered))
        return Latency(statistics.median(ordered), ordered[int(len(ordered) * 0.99)], hops)

    def _stamps(self, account: str, count: int) -> list[dict[str, int]]:
        """Kafka's time of each order's first record in each of HOPS; read afterwards, so as not to slow the path."""
        stamps: dict[str, dict[str, int]] = {}
        missing = count * len(HOPS)
        with Follower(self._settings, self._codec, HOPS, from_start=True) as follower:
            for item in until_silent(follower):
                if item.message.account_id != account:
                    continue
                seen = stamps.setdefault(item.message.order_id, {})
                missing -= item.topic not in seen
                seen.setdefault(item.topic, item.timestamp_ns)
                if not missing:
                    return list(stamps.values())
        raise AssertionError("the follower ends only by an exception")

    def _send_due(self, orders: Iterator[OrderRequest], sent: dict[str, float], due: float) -> None:
        while len(sent) < due:
            order = next(orders, None)
            if order is None:
                return
            sent[order.order_id] = time.monotonic()
            self._producer.send("orders", order.account_id, order)


def _hops(stamps: list[dict[str, int]], total_ms: float) -> dict[str, float]:
    """Mean milliseconds between the records' timestamps, and what is left to the client's side."""
    means = {}
    for before, after in pairwise(HOPS):
        gaps = [(item[after] - item[before]) / NANOS_PER_MS for item in stamps]
        means[f"{before} to {after}"] = statistics.fmean(gaps)
    return means | {"commit and client": max(total_ms - sum(means.values()), 0.0)}
