"""Microseconds of an order through account shard and venue and back, each record in Avro as on Kafka."""

import time
from collections import deque

from schemas.avro.codec import Codec
from schemas.memory_registry import MemoryRegistry
from schemas.records.enums import Side, TimeInForce
from schemas.records.output import Message
from streams.core.accounts.account_shard import AccountShard
from streams.core.venue.execution_shard import ExecutionShard
from streams.tools.bench.bench_orders import session_opening
from streams.tools.bench.bench_records import limit_order
from streams.tools.bench.order_cost import (
    EVERY_NS,
    MID,
    QUANTITY,
    SYMBOL,
    TICK,
    judged_config,
    seeded_random,
    swinging_quote,
)
from streams.tools.bench.risk_cost import START_NS

ACCOUNT = "account"
ORDERS = 3_000
ROUNDS = 5
FAR = 40
"""Ticks by which an order's limit crosses the quote."""
TO_VENUE = ("orders.approved", "market.data")
BETWEEN_SHARDS = ("orders.approved", "executions")


def order_us(orders: int = ORDERS) -> float:
    """Returns the processor time of an order in the fastest round, all controls and breakers on; each fills."""
    load = _AvroLoad()
    return min(load.round_s(orders) for _ in range(ROUNDS)) / orders * 1e6


class _AvroLoad:
    """Both shards, and an account that trades. Nothing is measured but an order and what follows from it."""

    def __init__(self) -> None:
        config = judged_config()
        self._codec = Codec(MemoryRegistry())
        self._accounts, self._venue = AccountShard(config, 0), ExecutionShard(config, 0)
        self._accounts.apply(session_opening(ACCOUNT)._replace(limits=None), None)
        self._now_ns, self._number, self._random = START_NS, 0, seeded_random()
        for output in self._venue.apply(swinging_quote(self._now_ns, self._random), None):
            self._accounts.apply(output.message, None)

    def round_s(self, orders: int) -> float:
        """Returns the processor time of a number of orders, each with the quote at which it arrives."""
        spent = 0.0
        for _ in range(orders):
            order, quote = self._order(), self._quote()
            started = time.thread_time()
            marks = self._trade(order, quote)
            spent += time.thread_time() - started
            for mark in marks:
                self._accounts.apply(mark, None)
        return spent

    def _trade(self, order: bytes, quote: bytes) -> list[Message]:
        """Takes an order and then a quote. Returns the marks of the quote."""
        written = [*self._taken("orders", order), *self._taken("market.data", quote)]
        assert any(topic == "fills" for topic, _ in written), "each order fills"
        return [item for topic, item in written if topic == "marks"]

    def _taken(self, topic: str, value: bytes) -> list[tuple[str, Message]]:
        """Takes a record and all that follows from it in the shards. Returns the outputs."""
        waiting, found = deque([(topic, value)]), list[tuple[str, Message]]()
        while waiting:
            topic, value = waiting.popleft()
            message, shard = self._codec.decode(topic, value), self._venue if topic in TO_VENUE else self._accounts
            for output in shard.apply(message, None):
                found.append((output.topic, output.message))
                written = self._codec.encode(output.topic, output.message)
                if output.topic in BETWEEN_SHARDS:
                    waiting.append((output.topic, written))
        return found

    def _order(self) -> bytes:
        self._number += 1
        self._now_ns += EVERY_NS
        side = Side.BUY if self._number % 2 else Side.SELL
        price = MID + (FAR if side is Side.BUY else -FAR) * TICK
        name = f"o{self._number}"
        order = limit_order(name, ACCOUNT, SYMBOL, side, QUANTITY, price, TimeInForce.IOC, self._now_ns)
        return self._codec.encode("orders", order)

    def _quote(self) -> bytes:
        self._now_ns += EVERY_NS
        return self._codec.encode("market.data", swinging_quote(self._now_ns, self._random))
