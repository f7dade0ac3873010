"""A recorded day through the whole pipeline: from its file to the last fill in ClickHouse."""

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
from schemas.records.messages import OrderRequest
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
from streams.tools.bench.await_records import SILENCE_S, taken, until_silent
from streams.tools.bench.many_accounts import open_sessions
from streams.tools.bench.resimulation import LIFETIME_NS, sent_orders
from streams.tools.bench.sink_backlog import COUNT, own_topics
from streams.tools.demo.demo_market import instruments_for, with_reference_data
from streams.tools.demo.pipeline_children import running_pipeline

ACCOUNT = "bench-day"
STEP = 20_000
"""Updates that the feed sends at once."""
AHEAD = 4
"""Steps that orders are sent before their market; until the next step all must have come to the venue."""
POLL_S = 0.1
FILLS = (ExecType.PARTIAL_FILL, ExecType.FILL)


class Day(NamedTuple):
    """seconds: from opening the file until ClickHouse has all fills."""

    seconds: float
    orders: int
    fills: int


def day_to_clickhouse(
    settings: Settings, read: Callable[[], MarketTable], known: MarketTable, on_step: Callable[[str], None]
) -> Day:
    """Sends the orders of streams.tools.bench.resimulation through one worker and a sink that already run.

    read gives the market, which names the symbols of known. Raises NoAnswer.
    """
    own = own_topics(settings.model_copy(update={"mock_trading": False, "simulator": TOP_OF_BOOK}), "day")
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
            orders, fills = _traded(own, codec, read(), instruments)
            _await_rows(client, own, "fills", fills)
            seconds = time.monotonic() - started
        assert sum(1 for _ in read_topic(own, codec, "fills")) == fills, "each fill is on its topic"
        return Day(seconds, orders, fills)
    finally:
        own.reference_data.unlink()


def _traded(
    settings: Settings, codec: Codec, table: MarketTable, instruments: Mapping[str, InstrumentConfig]
) -> tuple[int, int]:
    """Feeds the market with its orders until each order has ended; how many orders and fills there were."""
    with Follower(settings, codec, ["journal.execution", "order.results"]) as follower:
        trading = _Trading(settings, codec, table, instruments, follower)
        trading.reach(0)
        Feed(settings, codec, table).run(None, trading.reach, updates_per_transaction=STEP)
        return trading.finish()


class _Trading:
    """Keeps the orders ahead of the market: at the venue an order waits for its time, market data don't."""

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
        self._told = until_silent(follower)
        self._orders = [
            OrderRequest(*order[:11], ts=order.order_ts, expire_ts=order.expire_ts)._replace(account_id=ACCOUNT)
            for order in sent_orders(table, instruments)
        ]
        self._sent = self._admitted = self._ended = self._fills = 0

    def reach(self, updates: int) -> None:
        """Called where the market has come to: sends orders of AHEAD steps, awaits those sent the last time."""
        due_ns = int(self._table.time[min(updates + AHEAD * STEP, len(self._table)) - 1])
        start = self._sent
        while self._sent < len(self._orders) and self._orders[self._sent].ts <= due_ns:
            self._producer.send("orders", ACCOUNT, self._orders[self._sent])
            self._sent += 1
        self._await(lambda: self._admitted >= (start if updates else self._sent))

    def finish(self) -> tuple[int, int]:
        """Lets the last orders expire; orders and fills."""
        end_ns = int(self._table.time[-1]) + LIFETIME_NS + NANOS_PER_S
        self._producer.broadcast("market.data", "", heartbeat(end_ns))
        self._producer.flush()
        self._await(lambda: self._ended == len(self._orders))
        return len(self._orders), self._fills

    def _await(self, is_there: Callable[[], bool]) -> None:
        if is_there():
            return
        for item in self._told:
            if item.topic == "journal.execution":
                self._admitted += taken(item.message, ("orders.approved",))
            else:
                self._admitted += item.message.source is ResultSource.RISK
                self._ended += item.message.terminal
                self._fills += item.message.exec_type in FILLS
            if is_there():
                return


def _await_rows(client: ClickHouseClient, settings: Settings, topic: str, rows: int) -> None:
    deadline = time.monotonic() + SILENCE_S
    while time.monotonic() < deadline:
        found = client.query(COUNT.format(table=table_of(topic)), parameters={"run_id": settings.run_id})
        if found.result_rows[0][0] >= rows:
            return
        time.sleep(POLL_S)
    raise NoAnswer(f"the sink did not land {rows} rows of {topic} within {SILENCE_S:.0f} s; see its log")
