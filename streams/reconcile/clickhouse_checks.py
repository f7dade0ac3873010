"""The checks from ClickHouse: SQL files alone, and its rows against Kafka's records."""

from clickhouse_connect.driver.client import Client

from infra.clickhouse.client import query_file
from infra.topics import BY_NAME, DLQ_PREFIX
from streams.domain.config import TimeSource
from streams.reconcile.facts import Facts
from streams.reconcile.report import Check

SOURCE = "clickhouse"
QUERIES = {
    "reconcile_orders": "every order has one terminal result or is working",
    "reconcile_fills": "executions and fills are one to one",
    "reconcile_quotes": "every fill lies inside the quote in force, or deeper",
    "reconcile_quantities": "executed quantity is the sum of fills, within the order",
    "reconcile_cash": "cash = opening cash + cash flows - fees",
    "reconcile_positions": "position = sum of fills",
    "reconcile_equity": "equity = cash + position value, drawdown from its peak",
    "reconcile_ids": "every id is there once",
}
"""Query file and what it checks; each answers with checked, different, differences."""
DEAD_LETTERS = "dead_letters"
NAMED_MAX = 5


def query_checks(client: Client, run_id: str, time_source: TimeSource) -> list[Check]:
    """The SQL files over one run's rows."""
    parameters = {"run_id": run_id, "event_time": time_source is TimeSource.EVENT}
    checks = []
    for query, name in QUERIES.items():
        checked, different, differences = client.query(query_file(query), parameters=parameters).result_rows[0]
        checks.append(Check(name, SOURCE, checked, different, list(differences)))
    return checks


def rows_are_records(client: Client, run_id: str, facts: Facts) -> Check:
    """Each topic's rows and records have the same places; nothing twice. Dead letters stand for their records."""
    check = Check("rows = records of every topic, nothing twice", SOURCE)
    for topic in BY_NAME.values():
        records = {
            (partition, offset)
            for (name, partition), offsets in facts.offsets.items()
            for offset in offsets
            if name == topic.name
        }
        rows = _places(client, run_id, topic.name)
        landed = set(rows)
        dead = {(partition, offset) for name, partition, offset in facts.dead if name == topic.name}
        missing = sorted(records - landed - dead)
        # A compacted topic has forgotten older records that its table keeps.
        extra = [] if topic.compacted else sorted(landed - records)
        check.checked += len(records)
        _note(check, f"{topic.name}: records without a row", missing)
        _note(check, f"{topic.name}: rows without a record", extra)
        if len(rows) != len(landed):
            check.differ(f"{topic.name}: {len(rows) - len(landed)} rows are there twice")
    return check


def _note(check: Check, subject: str, places: list[tuple[int, int]]) -> None:
    if places:
        named = ", ".join(f"{partition}:{offset}" for partition, offset in places[:NAMED_MAX])
        check.differ(f"{subject}: {len(places)}, first (partition:offset) {named}")


def _places(client: Client, run_id: str, topic: str) -> list[tuple[int, int]]:
    dead_letters = topic.startswith(DLQ_PREFIX)
    table = DEAD_LETTERS if dead_letters else topic.replace(".", "_")
    condition = " AND topic = {topic:String}" if dead_letters else ""
    sql = f"SELECT partition, offset FROM {table} WHERE run_id = {{run_id:String}}{condition}"
    result = client.query(sql, parameters={"run_id": run_id, "topic": topic})
    return [(int(partition), int(offset)) for partition, offset in result.result_rows]


def landed_counts(client: Client, run_id: str) -> dict[str, int]:
    """Rows of a run by topic; for seeing whether the sink has caught up."""
    counts = {}
    for topic in BY_NAME.values():
        if not topic.name.startswith(DLQ_PREFIX):
            table = topic.name.replace(".", "_")
            sql = f"SELECT count() FROM {table} WHERE run_id = {{run_id:String}}"
            counts[topic.name] = int(client.query(sql, parameters={"run_id": run_id}).result_rows[0][0])
    letters = client.query(
        "SELECT topic, count() FROM dead_letters WHERE run_id = {run_id:String} GROUP BY topic",
        parameters={"run_id": run_id},
    )
    return counts | {str(topic): int(count) for topic, count in letters.result_rows}
