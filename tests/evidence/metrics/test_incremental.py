"""Incremental sums equal sums over the rows, whatever happens to the rows, and the queries read them."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from infra.clickhouse.client import query_file
from infra.settings import Settings
from schemas.avro.codec import HEADER
from schemas.topic_schemas import load_schema
from streams.evidence.metrics.conventions import Conventions
from streams.evidence.metrics.metric_catalog import COSTS, ORDERS, REJECTS, RETURNS
from streams.pipeline.sink.avro_container import ContainerWriter, Row
from streams.pipeline.sink.tables import BlockRefused, Tables
from tests.evidence.reconcile.session import Session, land, traded_session

INCREMENTAL = ((RETURNS, ""), (COSTS, "day"), (COSTS, "instrument"), (ORDERS, "instrument"), (REJECTS, "reason"))
FACTS = ("fills", "account_equity", "order_results", "marks")
FROM_ROWS = {"optimize_use_projections": 0}


@pytest.fixture(scope="module")
def story() -> Session:
    """Returns a session with fills, rejects and three accounts."""
    return traded_session()


@pytest.fixture
def landed(metrics_settings: Settings, story: Session, run_id: str) -> Settings:
    """Returns the settings of the run into which the sink has landed the session."""
    settings = metrics_settings.model_copy(update={"run_id": run_id})
    land(story, settings)
    return settings


def ask(client: Client, run_id: str, settings: dict[str, Any]) -> dict[Any, list[dict[str, Any]]]:
    """Returns all rows of the queries that read sums. Floats compare to 1e-12: sums of sums round differently."""
    found = {}
    for query, by in INCREMENTAL:
        parameters = {"run_id": run_id, "scope": "account", "scope_id": "", "by": by, **Conventions()._asdict()}
        result = client.query(query_file(query), parameters=parameters, settings=settings)
        found[query, by] = [{name: rounded(value) for name, value in row.items()} for row in result.named_results()]
    assert all(found.values()), found
    return found


def rounded(value: Any) -> Any:
    return float(f"{value:.12g}") if isinstance(value, float) else value


def test_sums_equal_rows(client: Client, landed: Settings) -> None:
    assert ask(client, landed.run_id, {}) == ask(client, landed.run_id, FROM_ROWS)


def test_a_block_that_the_sink_repeats_counts_once(client: Client, landed: Settings, story: Session) -> None:
    """The sink repeats the identical block under its token if it can't know that it arrived."""
    before = ask(client, landed.run_id, {})
    land(story, landed)
    assert ask(client, landed.run_id, {}) == before == ask(client, landed.run_id, FROM_ROWS)


def test_doubled_rows_are_merged_away_with_their_sums(client: Client, landed: Settings) -> None:
    """Two sinks at once can write a row twice. Until ClickHouse merges it, both ways count it twice."""
    before = ask(client, landed.run_id, {})
    for table in FACTS:
        client.command(
            f"INSERT INTO {table} SELECT * FROM {table} WHERE run_id = {{run_id:String}}",
            parameters={"run_id": landed.run_id},
            settings={"insert_deduplicate": 0},
        )
    assert ask(client, landed.run_id, {}) == ask(client, landed.run_id, FROM_ROWS) != before
    for table in FACTS:
        client.command(f"OPTIMIZE TABLE {table} FINAL")
    assert ask(client, landed.run_id, {}) == before == ask(client, landed.run_id, FROM_ROWS)


def test_deleted_rows_leave_the_sums(client: Client, landed: Settings) -> None:
    before = ask(client, landed.run_id, {})
    for table in FACTS:
        client.command(
            f"DELETE FROM {table} WHERE run_id = {{run_id:String}} AND offset % 2 = 1 AND offset > 4",
            parameters={"run_id": landed.run_id},
        )
    assert ask(client, landed.run_id, {}) == ask(client, landed.run_id, FROM_ROWS) != before


def test_a_refused_block_leaves_no_sums(client: Client, landed: Settings, story: Session) -> None:
    before = ask(client, landed.run_id, {})
    value = next(record.value for (topic, _), log in story.log.partitions.items() if topic == "fills" for record in log)
    rows = [Row(0, 10_000 + number, 0, (value or b"")[HEADER.size :]) for number in range(3)]
    rows[2] = rows[2]._replace(body=rows[2].body[:-1])
    container = ContainerWriter(load_schema("fills"), landed.run_id).build(rows)
    with closing(Tables(landed, lambda _: None)) as tables, pytest.raises(BlockRefused, match="EOF"):
        tables.insert("fills", rows, container)
    assert ask(client, landed.run_id, {}) == before


SUMS = {
    "v_session_days": "SELECT * FROM v_equity_quarters WHERE run_id = {run_id:String}",
    "v_scope": "SELECT * FROM v_scope(run_id = {run_id:String}, scope = 'session', scope_id = '')",
    "symbols": "SELECT account_id, session_id, symbol FROM fills WHERE run_id = {run_id:String} "
    "GROUP BY account_id, session_id, symbol",
    "market": "SELECT symbol, toDate(toStartOfFifteenMinutes(ts), {time_zone:String}) AS day FROM marks "
    "WHERE run_id = {run_id:String} GROUP BY symbol, day HAVING countIf(kind = 'QUOTE') > 0",
}


@pytest.mark.parametrize("sql", SUMS.values(), ids=SUMS)
def test_each_source_of_the_days_is_read_from_sums(client: Client, landed: Settings, sql: str) -> None:
    demand_sums(client, sql, landed.run_id, "")


@pytest.mark.parametrize("by", ["", "day", "instrument"])
@pytest.mark.parametrize(("query", "block"), [(COSTS, "filled"), (ORDERS, "answered"), (REJECTS, "answered")])
def test_queries_read_sums(client: Client, landed: Settings, query: str, block: str, by: str) -> None:
    """Runs only the part of the query that reads records: the setting demands sums of at least one table."""
    body = query_file(query).split(f"    {block} AS\n    (\n")[1].split("\n    )")[0]
    demand_sums(client, body.replace("SELECT account_id FROM scoped", "'A', 'B', 'C'"), landed.run_id, by)


def demand_sums(client: Client, sql: str, run_id: str, by: str) -> None:
    parameters = {"run_id": run_id, "by": by, "time_zone": "Asia/Kathmandu"}
    assert client.query(sql, parameters=parameters, settings={"force_optimize_projection": 1}).result_rows


def test_the_engine_says_where_no_sums_fit(client: Client, landed: Settings) -> None:
    """Without this, the tests above would prove nothing."""
    with pytest.raises(DatabaseError, match="PROJECTION_NOT_USED"):
        demand_sums(client, "SELECT price, count() FROM fills GROUP BY price", landed.run_id, "")
