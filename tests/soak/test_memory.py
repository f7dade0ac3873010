"""Tests that a worker's memory does not grow over a million events, because everything that it keeps is bounded.

SOAK_EVENTS sets the number of events (10 million take some minutes): SOAK_EVENTS=10000000 ./paper test -s THIS_FILE
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import psutil

from infra.settings import Settings
from streams.operations.health.health_collector import HealthCollector
from streams.pipeline.clients.producer import RecordProducer
from streams.pipeline.feed.pack import pack
from streams.pipeline.feed.synthetic import SyntheticMarket, synthetic
from streams.pipeline.feed.table import MarketTable
from streams.pipeline.reference.load_config import core_config
from streams.pipeline.worker.worker_group import group_id
from streams.tools.bench.bench_orders import bench_orders, order_requests, session_opening
from streams.tools.demo.demo_market import instruments_for
from tests.end_to_end.desk import Desk
from tests.end_to_end.processes import running

EVENTS = int(os.environ.get("SOAK_EVENTS", "1000000"))
SYMBOLS = 4
UPDATES_PER_RECORD = 500
PARTS = 10
ORDERS_PER_PART = EVENTS // PARTS // 200
WARM_PARTS = 3
GROWTH_MAX_MB = 50.0
DEADLINE_S = 120.0
POLL_S = 0.5


def market(settings: Settings) -> MarketTable:
    chosen = [item for item in core_config(settings).instruments if item.symbol.endswith(".SIM")][:SYMBOLS]
    seconds = 60_000.0
    per_second = EVENTS / SYMBOLS / seconds / 1.2
    return synthetic(SyntheticMarket(1, seconds, quotes_per_s=per_second), tuple(chosen))


def await_worker(settings: Settings, collector: HealthCollector) -> None:
    """Waits until the worker has processed all records."""
    deadline = time.monotonic() + DEADLINE_S
    while (health := collector.collect()).kafka or any(
        item.records for item in health.lag if item.group == group_id(settings)
    ):
        assert time.monotonic() < deadline, health.kafka
        time.sleep(POLL_S)


def test_memory_stays_flat(pipeline_settings: Settings, tmp_path: Path) -> None:
    settings = pipeline_settings.model_copy(update={"mock_trading": False})
    desk, collector = Desk(settings), HealthCollector(settings)
    table = market(settings)
    assert abs(len(table) - EVENTS) < EVENTS / 100
    instruments = instruments_for(settings, table)
    producer = RecordProducer(settings, desk.codec)
    rss_mb = []
    with running(settings, tmp_path, "worker") as worker:
        producer.send("controls", "A", session_opening("A"))
        for part in range(PARTS):
            start, stop = len(table) * part // PARTS, len(table) * (part + 1) // PARTS
            for first in range(start, stop, UPDATES_PER_RECORD * SYMBOLS):
                for record in pack(table, first, min(first + UPDATES_PER_RECORD * SYMBOLS, stop)):
                    producer.send("market.data", record.symbol, record)
            for order in order_requests(
                "A", bench_orders(table, instruments, stop), ORDERS_PER_PART, part * ORDERS_PER_PART
            ):
                producer.send("orders", order.account_id, order)
            producer.flush()
            await_worker(settings, collector)
            rss_mb.append(psutil.Process(worker.process.pid).memory_info().rss / 1e6)
    print([round(value, 1) for value in rss_mb])
    assert rss_mb[-1] - rss_mb[WARM_PARTS - 1] < GROWTH_MAX_MB, rss_mb
