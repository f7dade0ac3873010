"""Tests that `paper bench` measures, prints the keys that scripts read, and removes its topics and rows."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from infra.clickhouse.client import connect
from infra.settings import Settings
from schemas.records.messages import ApprovedOrder, ExecutionReport, MarketData
from streams.core.accounts.account_shard import AccountShard
from streams.core.risk.limits import CONTROLS
from streams.core.venue.execution_shard import ExecutionShard
from streams.errors import FeedError
from streams.pipeline.feed.synthetic import SyntheticMarket, synthetic
from streams.pipeline.feed.table import MarketTable
from streams.tools.bench import resimulation
from streams.tools.bench.avro_order_cost import order_us
from streams.tools.bench.bench_orders import bench_orders, order_requests, session_opening
from streams.tools.bench.core_rate import core_events_per_s
from streams.tools.bench.full_limits import ALL_CONTROLS
from streams.tools.bench.replays import replay_quotes_per_s, strategy_of
from streams.tools.bench.resimulation import resim_quotes_per_s
from streams.tools.bench.risk_cost import risk_us_per_order
from tests import builders
from tests.core.desk import of
from tests.end_to_end.processes import paper

RATES = {
    "orders_per_s",
    "quotes_per_s",
    "latency_ms_p50",
    "latency_ms_p99",
    "api_ms_p50",
    "api_ms_p99",
    "api_kafka_ms_p50",
    "api_kafka_ms_p99",
    "api_requests_per_s",
    "sink_rows_per_s",
    "feed_quotes_per_s",
    "core_events_per_s",
    "core_events_per_s_l2",
    "resim_quotes_per_s",
    "replay_quotes_per_s",
    "replay_strategy_quotes_per_s",
    "sweep_s_per_point",
    "risk_us_per_order",
    "order_us",
    "peak_rss_mb",
    "readback_records_per_s",
    "readback_mb_per_s",
    "readback_decoded_records_per_s",
    "readback_decoded_mb_per_s",
    "readback_quotes_per_s",
    "agent_events_per_s",
    "day_to_clickhouse_s",
    "day_orders",
    "day_fills",
    "sustained_orders_per_s",
    "sustained_p50_ms",
    "sustained_p99_ms",
}
INSTRUMENTS = {item.symbol: item for item in (builders.instrument("ABC"), builders.instrument("XYZ", lot_size="7"))}
QUOTES = """ts_ns,symbol,bid_px,bid_sz,ask_px,ask_sz
1700000000000000000,FILE,10.00,100,10.02,100
1700000001000000000,FILE,10.01,100,10.03,100
1700000002000000000,FILE,9.98,100,10.00,100
"""
"""A day whose only order is at the first bid and fills at the last offer."""


@pytest.fixture
def table() -> MarketTable:
    return synthetic(SyntheticMarket(1, seconds=5), tuple(INSTRUMENTS.values()))


def test_orders_are_at_the_touch_and_of_whole_lots(table: MarketTable) -> None:
    chosen = bench_orders(table, INSTRUMENTS, len(table))
    assert [(item.symbol, item.quantity) for item in chosen] == [("ABC", builders.px(1)), ("XYZ", builders.px(7))]
    orders = list(order_requests("A", chosen, 8))
    assert len({order.order_id for order in orders}) == 8
    for order in orders:
        template = next(item for item in chosen if item.symbol == order.symbol)
        assert order.price == (template.ask if order.side == "BUY" else template.bid)
    assert {order.side for order in orders} == {"BUY", "SELL"}


def test_no_limit_of_the_session_stops_an_order(table: MarketTable) -> None:
    shard = AccountShard(builders.config(instruments=tuple(INSTRUMENTS.values())), 0)
    shard.apply(session_opening("A"), None)
    orders = order_requests("A", bench_orders(table, INSTRUMENTS, len(table)), 500)
    outputs = [output for order in orders for output in shard.apply(order, None)]
    assert {output.topic for output in outputs} == {"orders.approved"}


def test_market_data_of_two_currencies_are_refused(table: MarketTable) -> None:
    mixed = INSTRUMENTS | {"XYZ": builders.instrument("XYZ", currency="EUR")}
    with pytest.raises(FeedError, match="EUR, USD"):
        bench_orders(table, mixed, len(table))


def test_the_core_is_measured_without_kafka(table: MarketTable) -> None:
    config = builders.config(instruments=tuple(INSTRUMENTS.values()))
    assert core_events_per_s(config, table, INSTRUMENTS, 50) > 0
    assert core_events_per_s(config, table, INSTRUMENTS, 50, deep=True) > 0


def test_a_resimulation_is_measured_with_orders_that_rest_trade_and_expire() -> None:
    market = synthetic(SyntheticMarket(1, seconds=120), tuple(INSTRUMENTS.values()))
    assert resim_quotes_per_s(builders.config(), market, INSTRUMENTS) > 0
    inputs = list(resimulation.market_and_orders(market, INSTRUMENTS))
    orders = [item for item in inputs if isinstance(item, ApprovedOrder)]
    quotes = sum(item.kinds.count("Q") for item in inputs if isinstance(item, MarketData))
    assert abs(quotes / resimulation.QUOTES_PER_ORDER - len(orders)) < 3
    shard = ExecutionShard(builders.config(instruments=tuple(INSTRUMENTS.values())), 0)
    reports = of(ExecutionReport, [output for item in inputs for output in shard.apply(item, None)])
    assert {"NEW", "FILL", "EXPIRED"} <= {report.exec_type for report in reports}
    assert "ADDED" in {report.liquidity for report in reports if report.exec_type == "FILL"}


def test_a_replay_is_measured_with_and_without_a_strategy(table: MarketTable) -> None:
    config = builders.config(instruments=tuple(INSTRUMENTS.values()))
    assert replay_quotes_per_s(config, table, {}) > 0
    assert replay_quotes_per_s(config, table, strategy_of("ABC")) > 0


def test_the_controls_cost_is_measured_with_all_of_them_on() -> None:
    assert set(ALL_CONTROLS) == CONTROLS.keys() - {"long_only"}, "selling from a position of each symbol stays allowed"
    assert risk_us_per_order(orders=50) > 0


def test_an_order_is_measured_through_both_shards_and_back() -> None:
    assert order_us(orders=50) > 0


def test_one_run_prints_every_number_and_cleans_up(pipeline_settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "few.quotes.csv"
    file.write_text(QUOTES)
    small = (
        "--orders",
        "50",
        "--latency-orders",
        "20",
        "--api-orders",
        "20",
        "--data",
        str(file),
        "--sink-backlog",
        "2000",
        "--feed-seconds",
        "5",
        "--recorded",
        str(tmp_path),
        "--agent-events",
        "12000",  # More than two transactions of WORKER_BATCH_RECORDS.
        "--sustain",
        "1",
    )
    done = paper(pipeline_settings, "bench", "--json", *small)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document.keys() == RATES | {"hops"}
    assert all(document[name] > 0 for name in RATES)
    assert document["latency_ms_p99"] >= document["latency_ms_p50"]
    assert (document["day_orders"], document["day_fills"]) == (1, 1)
    assert sum(hop["share"] for hop in document["hops"].values()) == pytest.approx(1, abs=0.01)

    demand_nothing_left(pipeline_settings)


def demand_nothing_left(settings: Settings) -> None:
    admin = AdminClient({"bootstrap.servers": settings.kafka_bootstrap_servers})
    assert [topic for topic in admin.list_topics(timeout=30).topics if topic.startswith("bench-")] == []
    with closing(connect(settings)) as client:
        assert client.query("SELECT count() FROM orders").result_rows == [(0,)]
    assert list(settings.paper_home.glob("bench-*")) == []
