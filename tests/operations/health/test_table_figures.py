"""The figures of a run are those of its tables, and ClickHouse's absence is said and no error."""

from __future__ import annotations

from infra.clickhouse.client import connect
from infra.settings import Settings
from streams.operations.health.table_figures import read_table_figures

ROWS = (
    "INSERT INTO order_results (run_id, partition, offset, exec_type) VALUES "
    "('live', 0, 1, 'NEW'), ('live', 0, 2, 'NEW'), ('live', 0, 3, 'REJECTED'), ('other', 0, 4, 'NEW')",
    "INSERT INTO dead_letters (run_id, partition, offset, topic, source_topic, error_class) VALUES "
    "('live', 0, 1, 'dlq.orders', 'orders', 'UndecodableRecord'), ('other', 0, 1, 'dlq.orders', 'orders', 'X')",
    "INSERT INTO risk_events (run_id, partition, offset, kafka_timestamp, kind, account_id, breaker, breaker_state) "
    "VALUES ('live', 0, 1, 1, 'BREAKER_TRANSITION', 'a', 'daily-loss', 'OPEN'), "
    "('live', 0, 2, 1, 'BREAKER_TRANSITION', 'b', 'daily-loss', 'OPEN'), "
    "('live', 0, 3, 2, 'BREAKER_TRANSITION', 'b', 'daily-loss', 'CLOSED'), "
    "('live', 0, 4, 2, 'BREAKER_TRANSITION', 'a', 'reject-rate', 'CLOSED')",
    "INSERT INTO market_data (run_id, partition, offset, kafka_timestamp, symbol, source) "
    "SELECT 'live', 0, number, now64(3) - 50 * (number + 1), 'A', 'live:binance' FROM numbers(2)",
)


def test_the_figures_are_those_of_the_run(pipeline_settings: Settings) -> None:
    with connect(pipeline_settings) as client:
        for statement in ROWS:
            client.command(statement)
    found = read_table_figures(pipeline_settings)
    assert found.problem == ""
    assert found.results == {"NEW": 2, "REJECTED": 1}
    assert found.letters == {("orders", "UndecodableRecord"): 1}
    assert found.open_breakers == {"daily-loss": 1, "reject-rate": 0}
    assert 49 < found.source_ages["live:binance"] < 80


def test_clickhouse_away_is_said(pipeline_settings: Settings) -> None:
    away = pipeline_settings.model_copy(update={"clickhouse_url": "http://127.0.0.1:1"})
    found = read_table_figures(away)
    assert "127.0.0.1:1" in found.problem
    assert found.results == {}
