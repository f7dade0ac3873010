"""Seconds of a recorded day through the whole pipeline: from its file to the last fill in ClickHouse."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import NamedTuple

from clickhouse_connect.driver.client import Client as ClickHouseClient

from infra.clickhouse.client import connect
from infra.settings import Settings
from schemas.avro.codec import Codec
from schemas.records.enums import ExecType, ResultSource
from schemas.records.messages import ApprovedOrder, OrderRequest
from schemas.records.numbers import NANOS_PER_S
from schemas.registry import Registry
from streams.core.reference.declarations import InstrumentConfig
from streams.core.simulators.simulator_choice import TOP_OF_BOOK
from streams.errors import NoAnswer
from streams.pipeline.clients.follow import Follower
from streams.pipeline.clients.producer import RecordProducer
from streams.pipeline.clients.read_topic import read_topic
from streams.pipeline.feed.pack import heartbeat
from streams.pipeline.feed.send import Feed
from streams.pipeline.feed.table import MarketTable
from streams.pipeline.sink.tables import table_of
from streams.tools.bench.await_records import SILENCE_S, journaled_records, until_silent
from streams.tools.bench.many_accounts import open_sessions
from streams.tools.bench.resimulation import LIFETIME_NS, sent_orders
from streams.tools.bench.sink_backlog import COUNT_ROWS
from streams.tools.demo.demo_market import instruments_for, with_reference_data
from streams.tools.demo.namespace import nested_namespace
from streams.tools.demo.pipeline_children import running_pipeline

ACCOUNT = "bench-day"
STEP = 20_000
"""Updates in one step of the feed."""
STEPS_AHEAD = 4
"""Steps by which orders are sent ahead of their market; all must be at the venue before the next step is fed."""
POLL_S = 0.1
FILLS = (ExecType.PARTIAL_FILL, ExecType.FILL)


class DayFigures(NamedTuple):
    """The figures of a day; seconds from opening its file until ClickHouse has all fills."""

    seconds: float
    orders: int
    fills: int


def day_to_clickhouse(
    settings: Settings, read: Callable[[], MarketTable], known: MarketTable, on_step: Callable[[str], None]
) -> DayFigures:
    """Sends the orders of streams.tools.bench.resimulation through one worker and a sink that already run.

    Args:
        settings: a prepared namespace.
        read: reads the market, which has the symbols of known.
        known: the same market, read before.
        on_step: takes a sentence for each step.

    Raises:
        NoAnswer: the worker or the sink did not answer.
    """
    top_of_book = settings.model_copy(update={"mock_trading": False, "simulator": TOP_OF_BOOK})
    own = nested_namespace(top_of_book, "day")
    instruments = instruments_for(own, known)
    own = with_reference_data(own, instruments)
    codec = Codec(Registry(own))
    currency = next(iter(instruments.values())).currency
    try:
        with running_pipeline(own, 1, on_step), closing(connect(own)) as client:
            open_sessions(own, codec, [ACCOUNT], currency)
            _await_rows(client, own, "risk.events", 1)
            on_step("a day from its file to ClickHouse")
            started = time.monotonic()
            orders, fills = _feed_and_trade(own, codec, read(), instruments)
            _await_rows(client, own, "fills", fills)
            seconds = time.monotonic() - started
        assert sum(1 for _ in read_topic(own, codec, "fills")) == fills, "each fill is on its topic"
        return DayFigures(seconds, orders, fills)
    finally:
        own.reference_data.unlink()


def _feed_and_trade(
    settings: Settings, codec: Codec, table: MarketTable, instruments: Mapping[str, InstrumentConfig]
) -> tuple[int, int]:
    """Feeds the market with its orders until each order has ended; returns the numbers of orders and fills."""
    with Follower(settings, codec, ["journal.execution", "order.results"]) as follower:
        orders = _OrdersAhead(settings, codec, table, instruments, follower)
        orders.reach(0)
        Feed(settings, codec, table).run(None, orders.reach, updates_per_transaction=STEP)
        return orders.finish()


class _OrdersAhead:
    """Orders that are sent ahead of their market, each for now: an order for later would wait for marks."""

    def __init__(
        self,
        settings: Settings,
        codec: Codec,
        table: MarketTable,
        instruments: Mapping[str, InstrumentConfig],
        follower: Follower,
    ) -> None:
        self._table = table
        self._producer = RecordProducer(settings, codec)
        self._followed = until_silent(follower)
        self._orders = list(sent_orders(table, instruments))
        self._sent = self._at_venue = self._ended = self._fills = 0

    def reach(self, updates: int) -> None:
        """Sends the orders of the next STEPS_AHEAD steps, and waits until those sent before are at the venue.

        The feed calls it after each step with the number of updates so far.
        """
        due_ns = int(self._table.time[min(updates + STEPS_AHEAD * STEP, len(self._table)) - 1])
        sent_before = self._sent
        while self._sent < len(self._orders) and self._orders[self._sent].order_ts <= due_ns:
            self._producer.send("orders", ACCOUNT, _order_request(self._orders[self._sent]))
            self._sent += 1
        self._await(lambda: self._at_venue >= (sent_before if updates else self._sent))

    def finish(self) -> tuple[int, int]:
        """Lets the last orders expire, and returns the numbers of orders and fills."""
        end_ns = int(self._table.time[-1]) + LIFETIME_NS + NANOS_PER_S
        self._producer.broadcast("market.data", "", heartbeat(end_ns))
        self._producer.flush()
        self._await(lambda: self._ended == len(self._orders))
        return len(self._orders), self._fills

    def _await(self, condition: Callable[[], bool]) -> None:
        if condition():
            return
        for item in self._followed:
            if item.topic == "journal.execution":
                self._at_venue += journaled_records(item.message, ("orders.approved",))
            else:
                # An order that risk refuses never reaches the venue.
                self._at_venue += item.message.source is ResultSource.RISK
                self._ended += item.message.terminal
                self._fills += item.message.exec_type in FILLS
            if condition():
                return


def _order_request(order: ApprovedOrder) -> OrderRequest:
    """Returns the request of ACCOUNT for this order, to be judged at once."""
    return OrderRequest(
        action=order.action,
        order_id=order.order_id,
        orig_order_id=order.orig_order_id,
        account_id=ACCOUNT,
        strategy_id=order.strategy_id,
        symbol=order.symbol,
        side=order.side,
        order_type=order.order_type,
        time_in_force=order.time_in_force,
        quantity=order.quantity,
        price=order.price,
        ts=0,
        expire_ts=order.expire_ts,
    )


def _await_rows(client: ClickHouseClient, settings: Settings, topic: str, rows: int) -> None:
    deadline = time.monotonic() + SILENCE_S
    while time.monotonic() < deadline:
        found = client.query(COUNT_ROWS.format(table=table_of(topic)), parameters={"run_id": settings.run_id})
        if found.result_rows[0][0] >= rows:
            return
        time.sleep(POLL_S)
    raise NoAnswer(f"the sink did not land {rows} rows of {topic} within {SILENCE_S:.0f} s; see its log")
