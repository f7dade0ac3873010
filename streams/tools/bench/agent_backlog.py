"""Events a second that one worker's account shard takes, all controls and breakers on: a backlog on its input topics.

Executions must meet their orders, and the order in which a worker fetches topics is nobody's promise: so the backlog's
executions are of orders that work already, and its orders are new.
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
from streams.pipeline.clients.follow import Followed, Follower
from streams.pipeline.clients.producer import RecordProducer
from streams.tools.bench.await_records import taken, until_silent
from streams.tools.bench.many_accounts import open_sessions
from streams.tools.bench.risk_cost import (
    ALL_ON,
    ASK,
    BID,
    BREAKERS,
    EVERY_NS,
    QUANTITY,
    START_NS,
    SYMBOLS,
    TICK,
    judged_instrument,
    limit_order,
    quote,
)
from streams.tools.bench.sink_backlog import own_topics
from streams.tools.demo.demo_market import with_reference_data
from streams.tools.demo.pipeline_children import WORKER, Children

ORDERS = 240
"""Of each account before the backlog, and in it as many again: as many as the limits on open orders allow."""
EVENTS_AN_ACCOUNT = 3 * ORDERS
"""An order, and two reports of another."""
NEVER = 1 << 60
"""Records between snapshots: none falls into the measurement."""


def agent_events_per_s(settings: Settings, events: int, on_step: Callable[[str], None]) -> float:
    """Inputs of the account shard a second, from its first transaction to its last, of about so many.

    Orders are judged and approved, executions booked, marks value the accounts. Approved orders go to an execution
    shard of the same worker, where they wait for a market: it takes its share of the time and is not counted.

    Raises NoAnswer.
    """
    one = {"account_partitions": 1, "execution_partitions": 1, "snapshot_every_records": NEVER}
    own = own_topics(settings.model_copy(update=one | {"snapshot_every_bytes": NEVER}), "agent")
    own = with_reference_data(own, {symbol: judged_instrument(symbol) for symbol in SYMBOLS})
    codec, children = Codec(Registry(own)), Children(own)
    accounts = [f"agent-{number}" for number in range(max(events // EVENTS_AN_ACCOUNT, 1))]
    try:
        with Follower(own, codec, ["journal.accounts", "orders.approved"]) as follower:
            told = until_silent(follower)
            on_step("the agent's accounts and their first orders")
            children.start(WORKER, "worker")
            _prepare(own, codec, accounts, told)
            children.stop()
            on_step("the agent on a backlog")
            written = _write_backlog(own, codec, accounts)
            children.start(WORKER, "worker")
            return _rate(told, written)
    finally:
        children.stop()
        own.reference_data.unlink()


def _prepare(settings: Settings, codec: Codec, accounts: Sequence[str], told: Iterator[Followed]) -> None:
    """Marks and sessions, and then the orders, which need both; all that is told of them has been read."""
    producer = RecordProducer(settings, codec)
    marks = [_mark(symbol, START_NS, BID, ASK) for symbol in SYMBOLS]
    for mark in marks:
        producer.send("marks", mark.symbol, mark, 0)
    open_sessions(settings, codec, accounts, "USD", json.dumps(ALL_ON | {"breakers": BREAKERS}))
    list(_transactions(told, ("marks", "controls"), len(marks) + len(accounts)))
    for order in _orders(accounts, 0):
        producer.send("orders", order.account_id, order)
    producer.flush()
    left = dict.fromkeys(("orders.approved", "journal.accounts"), ORDERS * len(accounts))
    for item in told:
        left[item.topic] -= taken(item.message, ["orders"]) if item.topic == "journal.accounts" else 1
        if not any(left.values()):
            return


def _write_backlog(settings: Settings, codec: Codec, accounts: Sequence[str]) -> int:
    """Number of records."""
    producer, written = RecordProducer(settings, codec), 0
    for topic, records in (("executions", _reports(accounts)), ("orders", _orders(accounts, ORDERS))):
        for record in records:
            producer.send(topic, record.account_id, record, 0)
            written += 1
    for second in range(1, ORDERS * EVERY_NS // NANOS_PER_S):
        for symbol in SYMBOLS:
            tick = TICK * (second % 3)
            producer.send("marks", symbol, _mark(symbol, START_NS + second * NANOS_PER_S, BID - tick, ASK - tick), 0)
            written += 1
    producer.flush()
    return written


def _rate(told: Iterator[Followed], records: int) -> float:
    """From the first transaction, whose own records are not counted, to the last, by the times of their journals."""
    (start_ns, before), *others = _transactions(told, ("orders", "executions", "marks"), records)
    if not others:
        raise NoAnswer(f"{before} records came in one transaction, of which nothing can be told; give more")
    return (records - before) / (others[-1][0] - start_ns) * NANOS_PER_S


def _transactions(told: Iterator[Followed], topics: Sequence[str], records: int) -> Iterator[tuple[int, int]]:
    """When each was written, and how many records of these topics it took; until there are so many."""
    for item in told:
        if item.topic != "journal.accounts":
            continue
        number = taken(item.message, topics)
        if number:
            yield item.timestamp_ns, number
            records -= number
        if records <= 0:
            return


def _orders(accounts: Sequence[str], first: int) -> Iterator[OrderRequest]:
    """The next ORDERS of each account in turn: at its own side of the touch, so that none meets another."""
    for number in range(first, first + ORDERS):
        side = Side.BUY if number % 2 else Side.SELL
        ts = START_NS + number % ORDERS * EVERY_NS
        for account in accounts:
            symbol, price = SYMBOLS[number // 2 % len(SYMBOLS)], BID if side is Side.BUY else ASK
            yield limit_order(f"{account}-{number}", account, symbol, side, QUANTITY, price, TimeInForce.GTC, ts)


def _reports(accounts: Sequence[str]) -> Iterator[ExecutionReport]:
    """What a venue says of the first orders: each rests, and is filled when the market comes to its side."""
    instruments = tuple(map(judged_instrument, SYMBOLS))
    config = CoreConfig(mock_trading=False, account_partitions=1, execution_partitions=1, instruments=instruments)
    venue = ExecutionShard(config, 0)
    told: list[MarketData | ApprovedOrder] = [quote(symbol, START_NS, BID, ASK) for symbol in SYMBOLS]
    for order in _orders(accounts, 0):
        told.append(approved(order, f"session-{order.account_id}", order.order_id, order.ts))
    for number in range(1, ORDERS + 3):
        ts, falls = START_NS + number * EVERY_NS, number % 2 == 0
        bid, ask = (BID - TICK, BID) if falls else (ASK, ASK + TICK)
        told += [quote(symbol, ts, bid, ask) for symbol in SYMBOLS]
    for message in told:
        for output in venue.apply(message, None):
            if isinstance(output.message, ExecutionReport):
                yield output.message


def _mark(symbol: str, ts: int, bid: int, ask: int) -> Mark:
    return Mark(symbol, MarkKind.QUOTE, bid, QUANTITY, ask, QUANTITY, ts)
