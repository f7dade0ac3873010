"""A client of a real pipeline, which sends records and waits for the results."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from confluent_kafka import Producer

from infra.kafka.client_config import client_config
from infra.kafka.topics import topic_name
from infra.settings import Settings
from schemas.avro.codec import Codec
from schemas.records.enums import TimeInForce
from schemas.records.messages import OrderRequest, OrderResult
from schemas.records.output import Message
from schemas.registry import Registry
from streams.pipeline.clients.follow import Follower
from streams.pipeline.clients.read_topic import read_topic
from streams.pipeline.journal.kafka_log import KafkaLogReader
from streams.pipeline.journal.raw_records import RawRecord
from tests import builders

AWAIT_S = 60.0
POLL_S = 0.01
SYMBOL = "ACME.SIM"
ANY_NUMBER = json.dumps({"max_open_orders": None, "max_open_orders_per_symbol": None})
"""Limits of an account that sends while a server is down: more orders are open then than the shipped limits allow."""


class Desk:
    """A client that sends with librdkafka's default partitioner, as any program would."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.codec = Codec(Registry(settings))
        self._producer = Producer(client_config(settings))

    def send(self, topic: str, key: str, message: Message) -> None:
        """Sends a message of the core."""
        self.send_bytes(topic, key.encode(), self.codec.encode(topic, message))

    def send_bytes(self, topic: str, key: bytes | None, value: bytes | None) -> None:
        """Sends any bytes."""
        self._producer.produce(topic_name(self.settings, topic), key=key, value=value)

    def flush(self) -> None:
        """Waits for delivery."""
        assert self._producer.flush(AWAIT_S) == 0

    def read(self, topic: str) -> list[Any]:
        """Returns all records of a topic, decoded."""
        return list(read_topic(self.settings, self.codec, topic))

    def read_raw(self, topic: str, partition: int = 0) -> list[RawRecord]:
        """Returns all records of a partition."""
        return list(KafkaLogReader(self.settings).read(topic, partition, 0))

    def open_account(self, account: str, limits: str = ANY_NUMBER, currency: str = "USD") -> None:
        """Opens a session and waits for the answer, so that a worker runs from then on."""
        with Follower(self.settings, self.codec, ["risk.events"]) as events:
            self.send("controls", account, builders.opening(account, limits=limits, currency=currency))
            self.flush()
            self.until(events, lambda event: event.account_id == account, 1)

    def quote(self, second: int, bid: str = "50.00", ask: str = "50.02", symbol: str = SYMBOL) -> None:
        """Sends a quote, some seconds after the start of market time."""
        at = builders.START + second * builders.SECOND
        self.send("market.data", symbol, builders.quote(bid, ask, at=at, symbol=symbol))

    def trade(self, orders: list[OrderRequest]) -> list[OrderResult]:
        """Sends orders and waits for the terminal result of each."""
        with Follower(self.settings, self.codec, ["order.results"]) as results:
            for order in orders:
                self.send("orders", order.account_id, order)
            self.flush()
            ids = {order.order_id for order in orders}
            found = self.until(results, lambda result: result.terminal and result.order_id in ids, len(orders))
        assert {result.order_id for result in found} == ids, "one terminal result each"
        return found

    def until(self, follower: Follower, wanted: Callable[[Any], bool], count: int) -> list[Any]:
        """Returns the first records that are wanted, as they come."""
        found: list[Any] = []
        deadline = time.monotonic() + AWAIT_S
        while len(found) < count:
            assert time.monotonic() < deadline, f"{len(found)} of {count} came in {AWAIT_S:.0f} s: {found[:3]}"
            found += [item.message for item in follower.poll(POLL_S) if wanted(item.message)]
        return found


def immediate(order_id: str, account: str, *, symbol: str = SYMBOL, price: str = "50.02") -> OrderRequest:
    """Returns an IOC order whose ts is so early that it arrives at once."""
    ts = builders.START - builders.SECOND
    return builders.new(order_id, price=price, tif=TimeInForce.IOC, symbol=symbol, account=account, ts=ts)
