"""The dashboard of the pipeline's health: rates and ages of records, transactions, dead letters."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from streams.evidence.dashboards.boards.board_variables import RUN
from streams.evidence.dashboards.panel_sql import OF_RUN
from streams.evidence.dashboards.panels import WHOLE, build_dashboard, stat_panel, table_panel, time_series_panel

TABLES = ("orders", "orders_approved", "executions", "order_results", "fills", "account_equity", "market_data", "marks")
RATES = "\nUNION ALL\n".join(
    f"SELECT $__timeInterval(kafka_timestamp) AS time, '{table}' AS topic, count() AS records\n"
    f"FROM {table} {OF_RUN} AND $__timeFilter(kafka_timestamp)\nGROUP BY time"
    for table in TABLES
)
RATES_IN_TIME = f"SELECT *\nFROM\n(\n{RATES}\n)\nORDER BY time"
TOPICS = "\nUNION ALL\n".join(
    f"SELECT '{table}' AS topic, count() AS records, if(records > 0, max(kafka_timestamp), NULL) AS newest,\n"
    f"    dateDiff('second', newest, now64(3)) AS age_seconds\nFROM {table} {OF_RUN}"
    for table in TABLES
)
JOURNALS = "\n    UNION ALL\n".join(
    f"    SELECT shard, kafka_timestamp, counts FROM {table} {OF_RUN} AND $__timeFilter(kafka_timestamp)"
    for table in ("journal_accounts", "journal_execution")
)
TRANSACTIONS = f"""SELECT
    $__timeInterval(kafka_timestamp) AS time, toString(shard) AS shard, count() AS transactions,
    sum(arraySum(counts)) / transactions AS inputs
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
SHARDS = f"""SELECT
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
    """Builds the dashboard."""
    panels = [
        stat_panel("Records", TOPICS, "records", "short", reducer="sum"),
        stat_panel("Age of the newest record", TOPICS, "age_seconds", "s", reducer="min"),
        stat_panel("Dead letters", f"SELECT count() AS letters FROM dead_letters {OF_RUN}", "letters"),
        time_series_panel("Records by topic", RATES_IN_TIME, "short", WHOLE, stacked=True),
        time_series_panel("Transactions by shard", TRANSACTIONS, "short", fields=("transactions",)),
        time_series_panel("Inputs in a transaction", TRANSACTIONS, "short", fields=("inputs",)),
        table_panel("Topics in ClickHouse", TOPICS),
        table_panel("Shards", SHARDS),
        table_panel("Dead letters", LETTERS, WHOLE),
    ]
    return build_dashboard("paper-health", "Pipeline health", [RUN], panels).build()
