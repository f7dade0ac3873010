"""Events a second of one worker's account shard on a backlog of its input topics, with all controls and breakers on.

A worker may fetch topics in any order, but an execution must come after its order. So the backlog's executions belong
to orders that already work, and the backlog's orders are new.
"""

import json
from collections.abc import Callable, Iterator, Sequence

from infra.settings import Settings
from schemas.avro.codec import Codec
from schemas.records.enums import MarkKind, Side, TimeInForce
from schemas.records.messages import ApprovedOrder, ExecutionReport, Mark, MarketData, OrderRequest
from schemas.records.numbers import NANOS_PER_S
from schemas.registry import Registry
from streams.core.accounts.state.account_records import approved
from streams.core.core_config import CoreConfig
from streams.core.venue.execution_shard import ExecutionShard
from streams.errors import NoAnswer
from streams.pipeline.clients.follow import FollowedRecord, Follower
from streams.pipeline.clients.producer import RecordProducer
from streams.pipeline.journal.kafka_log import pipeline_proof
from streams.pipeline.journal.raw_records import RawOutput
from streams.tools.bench.await_records import journaled_records, until_silent
from streams.tools.bench.bench_records import exchange_instrument, limit_order, quote
from streams.tools.bench.full_limits import ALL_BREAKERS, ALL_CONTROLS
from streams.tools.bench.many_accounts import open_sessions
from streams.tools.bench.risk_cost import ASK, BID, EVERY_NS, QUANTITY, START_NS, SYMBOLS, TICK
from streams.tools.demo.demo_market import with_reference_data
from streams.tools.demo.namespace import nested_namespace
from streams.tools.demo.pipeline_children import WORKER, PipelineChildren

ORDERS = 240
"""Orders of each account before the backlog, and again in it: as many as the limits on open orders allow."""
EVENTS_PER_ACCOUNT = 3 * ORDERS
"""Events of the backlog: a new order, and two reports of a working order."""
NOW = 0
"""The ts of an order that is judged at the market's time: the worker may fetch it before the marks of its time."""
NEVER = 1 << 60
"""Records or bytes between snapshots, so that no snapshot falls into the measurement."""


def agent_events_per_s(settings: Settings, events: int, on_step: Callable[[str], None]) -> float:
    """Returns the inputs a second of the account shard on a backlog, from its first transaction to its last.

    The shard judges and approves orders, books executions and values the accounts by marks. Approved orders go to an
    execution shard of the same worker, where they wait for a market: it takes its share of the time, uncounted.

    Args:
        settings: a prepared namespace.
        events: about how many records the backlog has.
        on_step: takes a sentence for each step.

    Raises:
        NoAnswer: the worker did not answer, or took the backlog in one transaction.
    """
    one_shard = {"account_partitions": 1, "execution_partitions": 1}
    no_snapshot = {"snapshot_every_records": NEVER, "snapshot_every_bytes": NEVER}
    own = nested_namespace(settings.model_copy(update=one_shard | no_snapshot), "agent")
    own = with_reference_data(own, {symbol: exchange_instrument(symbol) for symbol in SYMBOLS})
    codec, children = Codec(Registry(own)), PipelineChildren(own)
    accounts = [f"agent-{number}" for number in range(max(events // EVENTS_PER_ACCOUNT, 1))]
    try:
        with Follower(own, codec, ["journal.accounts", "orders.approved"]) as follower:
            followed = until_silent(follower)
            on_step("the agent's accounts and their first orders")
            children.start(WORKER, "worker")
            _open_and_trade(own, codec, accounts, followed)
            children.stop()
            on_step("the agent on a backlog")
            written = _write_backlog(own, codec, accounts)
            children.start(WORKER, "worker")
            return _events_per_s(followed, written)
    finally:
        children.stop()
        own.reference_data.unlink()


class _Venue:
    """A writer in place of an execution shard, whose records bear their proof. after: its last transaction."""

    def __init__(self, settings: Settings, codec: Codec, after: int = 0) -> None:
        self._proof = pipeline_proof(settings)
        self._codec = codec
        self._sequence = after

    def send(self, producer: RecordProducer, topic: str, key: str, message: Mark | ExecutionReport) -> None:
        """Queues a record for partition 0."""
        self._sequence += 1
        record = RawOutput(topic, 0, key.encode(), self._codec.encode(topic, message))
        if self._proof is not None:
            record = self._proof.proven_at(b"bench", self._sequence, 0, record)
        producer.send_encoded(record)


def _open_and_trade(
    settings: Settings, codec: Codec, accounts: Sequence[str], followed: Iterator[FollowedRecord]
) -> None:
    """Sends marks, opens sessions, sends the first orders, and reads everything that the worker writes about them."""
    producer, shard = RecordProducer(settings, codec), _Venue(settings, codec)
    marks = [_mark(symbol, START_NS, BID, ASK) for symbol in SYMBOLS]
    for mark in marks:
        shard.send(producer, "marks", mark.symbol, mark)
    open_sessions(settings, codec, accounts, "USD", json.dumps(ALL_CONTROLS | {"breakers": ALL_BREAKERS}))
    list(_transactions(followed, ("marks", "controls"), len(marks) + len(accounts)))
    for order in _orders(accounts, 0):
        producer.send("orders", order.account_id, order._replace(ts=NOW))
    producer.flush()
    left = dict.fromkeys(("orders.approved", "journal.accounts"), ORDERS * len(accounts))
    for item in followed:
        left[item.topic] -= journaled_records(item.message, ["orders"]) if item.topic == "journal.accounts" else 1
        if not any(left.values()):
            return


def _write_backlog(settings: Settings, codec: Codec, accounts: Sequence[str]) -> int:
    """Writes executions, orders and marks, and returns their number."""
    producer, shard, written = RecordProducer(settings, codec), _Venue(settings, codec, after=START_NS), 0
    for report in _reports(accounts):
        shard.send(producer, "executions", report.account_id, report)
        written += 1
    for order in _orders(accounts, ORDERS):
        producer.send("orders", order.account_id, order._replace(ts=NOW), 0)
        written += 1
    for second in range(1, ORDERS * EVERY_NS // NANOS_PER_S):
        for symbol in SYMBOLS:
            tick = TICK * (second % 3)
            mark = _mark(symbol, START_NS + second * NANOS_PER_S, BID - tick, ASK - tick)
            shard.send(producer, "marks", symbol, mark)
            written += 1
    producer.flush()
    return written


def _events_per_s(followed: Iterator[FollowedRecord], records: int) -> float:
    """Returns the rate from the first transaction, whose records are not counted, to the last, by journal times."""
    (start_ns, before), *others = _transactions(followed, ("orders", "executions", "marks"), records)
    if not others:
        raise NoAnswer(f"the worker took all {before} records in one transaction; raise --agent-events")
    return (records - before) / (others[-1][0] - start_ns) * NANOS_PER_S


def _transactions(followed: Iterator[FollowedRecord], topics: Sequence[str], records: int) -> Iterator[tuple[int, int]]:
    """Yields each transaction's time and number of records of these topics, until they add up to records."""
    for item in followed:
        if item.topic != "journal.accounts":
            continue
        number = journaled_records(item.message, topics)
        if number:
            yield item.timestamp_ns, number
            records -= number
        if records <= 0:
            return


def _orders(accounts: Sequence[str], first: int) -> Iterator[OrderRequest]:
    """Yields ORDERS orders of each account in turn, passive at the touch so that none meets another."""
    for number in range(first, first + ORDERS):
        side = Side.BUY if number % 2 else Side.SELL
        ts = START_NS + number % ORDERS * EVERY_NS
        for account in accounts:
            symbol, price = SYMBOLS[number // 2 % len(SYMBOLS)], BID if side is Side.BUY else ASK
            yield limit_order(f"{account}-{number}", account, symbol, side, QUANTITY, price, TimeInForce.GTC, ts)


def _reports(accounts: Sequence[str]) -> Iterator[ExecutionReport]:
    """Yields a venue's reports of the first orders: each rests, and is filled when the market reaches its price."""
    instruments = tuple(map(exchange_instrument, SYMBOLS))
    config = CoreConfig(mock_trading=False, account_partitions=1, execution_partitions=1, instruments=instruments)
    venue = ExecutionShard(config, 0)
    inputs: list[MarketData | ApprovedOrder] = [quote(symbol, START_NS, BID, ASK) for symbol in SYMBOLS]
    for order in _orders(accounts, 0):
        inputs.append(approved(order, f"session-{order.account_id}", order.order_id, order.ts))
    for number in range(1, ORDERS + 3):
        ts, falls = START_NS + number * EVERY_NS, number % 2 == 0
        bid, ask = (BID - TICK, BID) if falls else (ASK, ASK + TICK)
        inputs += [quote(symbol, ts, bid, ask) for symbol in SYMBOLS]
    for message in inputs:
        for output in venue.apply(message, None):
            if isinstance(output.message, ExecutionReport):
                yield output.message


def _mark(symbol: str, ts: int, bid: int, ask: int) -> Mark:
    return Mark(symbol, MarkKind.QUOTE, bid, QUANTITY, ask, QUANTITY, ts)
