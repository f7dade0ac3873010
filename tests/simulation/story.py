"""The records of clients in a history: good and bad orders, wrong partitions, garbage, quotes, controls."""

from __future__ import annotations

from random import Random

from schemas.avro.codec import Codec
from schemas.records.enums import Side, TimeInForce
from schemas.records.output import Message
from streams.pipeline.journal.partitions import partition_of
from tests import builders
from tests.simulation.broker import Broker

PARTITIONS = 2
ACCOUNTS = ("A", "B", "C")
SYMBOLS = ("ABC", "XYZ")
GARBAGE = (b"", b"garbage", b"\x00\x7f\xff\xff\xff\x00", b"\x00\x00\x00")
# Topics that no shard reads, where the sink refuses garbage.
BARE_TOPICS = ("fills", "test.results")


class Story:
    """A generator of random client records."""

    def __init__(self, broker: Broker, codec: Codec, draw: Random) -> None:
        self._broker = broker
        self._codec = codec
        self._draw = draw
        self._second = 0
        self.orders: list[str] = []
        for account in ACCOUNTS:
            self._send("controls", account, builders.opening(account))
        for symbol in SYMBOLS:
            self._quote(symbol)

    def go_on(self) -> None:
        """Sends one more record, sometimes two."""
        draw = self._draw.random()
        if draw < 0.45:
            self._order()
        elif draw < 0.6:
            self._change()
        elif draw < 0.9:
            self._quote(self._draw.choice(SYMBOLS))
        elif draw < 0.96:
            topic = self._draw.choice(("orders", "market.data", "controls", "executions", *BARE_TOPICS))
            partition = 0 if topic == "test.results" else self._draw.randrange(PARTITIONS)
            key = self._draw.choice((b"A", b"", None))
            self._broker.append(topic, partition, key, self._draw.choice(GARBAGE), (("trace", b"t"),))
        else:
            self._send("orders", None, builders.new(f"no-key-{self._second}", price="10.02"))

    def _order(self) -> None:
        # An id may occur twice; the second order is rejected as a duplicate.
        order_id = f"o-{self._draw.randrange(60)}"
        account = self._draw.choice((*ACCOUNTS, "nobody"))
        order = builders.new(
            order_id,
            side=self._draw.choice((Side.BUY, Side.SELL)),
            quantity=self._draw.choice(("10", "50", "200", "5000000", "0.5")),
            price=self._draw.choice(("10.00", "10.01", "10.02", None)),
            tif=self._draw.choice((TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK)),
            symbol=self._draw.choice((*SYMBOLS, "UNKNOWN")),
            account=account,
            ts=builders.START,
        )
        self.orders.append(order_id)
        self._send("orders", account, order)

    def _change(self) -> None:
        target = self._draw.choice(self.orders) if self.orders else "o-0"
        account, number = self._draw.choice(ACCOUNTS), f"c-{self._draw.randrange(10**6)}"
        if self._draw.random() < 0.5:
            self._send("orders", account, builders.cancel(number, target, account=account))
        else:
            self._send("orders", account, builders.replace(number, target, quantity="20", account=account))

    def _quote(self, symbol: str) -> None:
        self._second += 1
        bid = self._draw.randrange(995, 1005)
        ask = bid + self._draw.randrange(1, 4)
        at = builders.START + self._second * builders.SECOND
        quote = builders.quote(f"{bid / 100:.2f}", f"{ask / 100:.2f}", at=at, symbol=symbol)
        self._send("market.data", symbol, quote)

    def _send(self, topic: str, key: str | None, message: Message) -> None:
        """Sends a record to its partition or, like a client with another partitioner, to any."""
        partition = partition_of(key or "", PARTITIONS)
        if self._draw.random() < 0.2:
            partition = self._draw.randrange(PARTITIONS)
        self._broker.append(topic, partition, None if key is None else key.encode(), self._codec.encode(topic, message))
