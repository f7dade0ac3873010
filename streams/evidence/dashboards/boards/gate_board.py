"""The dashboard of the gate: the level of each strategy, the reasons, and the test results behind them."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from streams.evidence.dashboards.boards.board_variables import RUN
from streams.evidence.dashboards.panel_sql import OF_RUN
from streams.evidence.dashboards.panels import WHOLE, build_dashboard, stat_panel, table_panel

STRATEGIES = f"""SELECT
    strategy_id, newest.1 AS kind, newest.2 AS level, newest.3 AS expires, newest.4 AS decided, newest.5 AS decision_id,
    newest.6 AS actor, newest.7 AS reason, kind != 'REVOKED' AND level != 'PAPER_ONLY' AS live
FROM
(
    SELECT
        strategy_id,
        argMax((kind, level, expires_ts, ts, decision_id, actor, reason), (kafka_timestamp, offset)) AS newest
    FROM gate_decisions
    {OF_RUN}
    GROUP BY strategy_id
)
ORDER BY strategy_id"""
HISTORY = f"""SELECT ts, strategy_id, kind, level, expires_ts, actor, reason, criteria_sha256, evidence_sha256
FROM gate_decisions
{OF_RUN} AND $__timeFilter(ts)
ORDER BY kafka_timestamp DESC, offset DESC
LIMIT 500"""
CRITERIA = f"""SELECT strategy_id, ts, criteria
FROM gate_decisions
{OF_RUN} AND $__timeFilter(ts)
ORDER BY kafka_timestamp DESC, offset DESC
LIMIT 50"""
SUITES = f"""SELECT
    suite, argMax(commit, ts) AS commit, max(ts) AS newest, count() AS cases, countIf(status = 'PASSED') AS passed,
    countIf(status IN ('FAILED', 'ERROR')) AS failed
FROM test_results
{OF_RUN}
GROUP BY suite
ORDER BY failed DESC, suite"""


def build() -> Dashboard:
    """Builds the dashboard."""
    panels = [
        stat_panel("Strategies decided on", STRATEGIES, "strategy_id", reducer="count"),
        stat_panel("Decided beyond paper", STRATEGIES, "live", reducer="sum"),
        stat_panel("Test cases", SUITES, "cases", reducer="sum"),
        stat_panel("Failed cases", SUITES, "failed", reducer="sum"),
        table_panel("Newest decision of each strategy", STRATEGIES, WHOLE),
        table_panel("History", HISTORY, WHOLE),
        table_panel("Criteria with value and threshold", CRITERIA),
        table_panel("Test suites", SUITES),
    ]
    return build_dashboard("paper-gate", "Gate", [RUN], panels).build()
