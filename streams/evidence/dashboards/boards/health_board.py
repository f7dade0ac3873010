"""Pipeline health: what comes in on each topic, how old the newest row is, transactions, dead letters."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from streams.evidence.dashboards.boards.board_variables import RUN
from streams.evidence.dashboards.panels import HALF, Place, board, curve, grid, tile

TABLES = ("orders", "orders_approved", "executions", "order_results", "fills", "account_equity", "market_data", "marks")
OF_RUN = "WHERE run_id = ${run_id:sqlstring}"
RATES = "\nUNION ALL\n".join(
    f"SELECT $__timeInterval(kafka_timestamp) AS time, '{table}' AS topic, count() AS records\n"
    f"FROM {table} {OF_RUN} AND $__timeFilter(kafka_timestamp)\nGROUP BY time"
    for table in TABLES
)
NEWEST = "\nUNION ALL\n".join(
    f"SELECT '{table}' AS topic, count() AS records, max(kafka_timestamp) AS newest,\n"
    f"    dateDiff('second', newest, now64(3)) AS age_seconds\nFROM {table} {OF_RUN}"
    for table in TABLES
)
JOURNALS = "\nUNION ALL\n".join(
    f"SELECT shard, kafka_timestamp, counts, outputs FROM {table} {OF_RUN} AND $__timeFilter(kafka_timestamp)"
    for table in ("journal_accounts", "journal_execution")
)
TRANSACTIONS = f"""SELECT $__timeInterval(kafka_timestamp) AS time, toString(shard) AS shard, count() AS transactions
FROM
(
{JOURNALS}
)
GROUP BY time, shard
ORDER BY time"""
INPUTS = f"""SELECT
    $__timeInterval(kafka_timestamp) AS time, toString(shard) AS shard, sum(arraySum(counts)) / count() AS inputs
FROM
(
{JOURNALS}
)
GROUP BY time, shard
ORDER BY time"""
LETTERS = f"""SELECT kafka_timestamp, topic, stage, error_class, message, source_topic, source_partition, source_offset
FROM dead_letters
{OF_RUN} AND $__timeFilter(kafka_timestamp)
ORDER BY kafka_timestamp DESC
LIMIT 500"""
VERSIONS = f"""SELECT
    shard, argMax(code_version, sequence) AS version, max(sequence) AS transactions, sum(outputs) AS outputs
FROM
(
    SELECT shard, code_version, sequence, outputs FROM journal_accounts {OF_RUN}
    UNION ALL
    SELECT shard, code_version, sequence, outputs FROM journal_execution {OF_RUN}
)
GROUP BY shard
ORDER BY shard"""


def build() -> Dashboard:
    """The dashboard."""
    panels = [
        tile("Records", f"SELECT sum(records) AS records\nFROM\n(\n{NEWEST}\n)", "short"),
        tile("Age of the newest record", f"SELECT minIf(age_seconds, records > 0) AS age\nFROM\n(\n{NEWEST}\n)", "s"),
        tile("Dead letters", f"SELECT count() AS letters FROM dead_letters {OF_RUN}"),
        curve("Records by topic", f"SELECT *\nFROM\n(\n{RATES}\n)\nORDER BY time", "short", Place(24, 9), stacked=True),
        curve("Transactions by shard", TRANSACTIONS, "short"),
        curve("Inputs in a transaction", INPUTS, "short"),
        grid("Topics in ClickHouse", NEWEST, HALF),
        grid("Shards", VERSIONS, HALF),
        grid("Dead letters", LETTERS, Place(24, 9)),
    ]
    return board("paper-health", "Pipeline health", [RUN], panels).build()
