"""The gate: what each strategy is authorised to, why, and the test results behind it."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from streams.evidence.dashboards.boards.board_variables import RUN
from streams.evidence.dashboards.panels import HALF, WHOLE, board, grid, tile

OF_RUN = "WHERE run_id = ${run_id:sqlstring}"
NEWEST = f"""SELECT
    strategy_id,
    argMax((kind, level, expires_ts, ts, decision_id, actor, reason), (kafka_timestamp, offset)) AS newest
FROM gate_decisions
{OF_RUN}
GROUP BY strategy_id"""
STRATEGIES = f"""SELECT
    strategy_id, newest.1 AS kind, newest.2 AS level, newest.3 AS expires, newest.4 AS decided, newest.5 AS decision_id,
    newest.6 AS actor, newest.7 AS reason
FROM
(
{NEWEST}
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
    """The dashboard."""
    live = f"SELECT countIf(newest.1 != 'REVOKED' AND newest.2 != 'PAPER_ONLY') AS strategies\nFROM\n(\n{NEWEST}\n)"
    panels = [
        tile("Strategies decided on", f"SELECT uniqExact(strategy_id) AS strategies FROM gate_decisions {OF_RUN}"),
        tile("Decided beyond paper", live),
        tile("Test cases", f"SELECT count() AS cases FROM test_results {OF_RUN}"),
        tile("Failed cases", f"SELECT countIf(status IN ('FAILED', 'ERROR')) AS cases FROM test_results {OF_RUN}"),
        grid("Newest decision of each strategy", STRATEGIES, WHOLE),
        grid("History", HISTORY, WHOLE),
        grid("Criteria with value and threshold", CRITERIA, HALF),
        grid("Test suites", SUITES, HALF),
    ]
    return board("paper-gate", "Gate", [RUN], panels).build()
