"""Risk and breakers: what controls refused, which breakers opened, what operators did."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from streams.evidence.dashboards.boards.board_variables import RUN
from streams.evidence.dashboards.panel_sql import OF_ALL, shared
from streams.evidence.dashboards.panels import HALF, WHOLE, board, curve, grid, tile

DECISIONS = """SELECT $__timeInterval(ts) AS time, toString(kind) AS decision, count() AS decisions
FROM risk_events
WHERE run_id = ${run_id:sqlstring} AND $__timeFilter(ts)
GROUP BY time, decision
ORDER BY time"""
REJECTS = """SELECT $__timeInterval(ts) AS time, ifNull(toString(code), '') AS control, count() AS rejects
FROM risk_events
WHERE run_id = ${run_id:sqlstring} AND kind = 'ORDER_REJECTED' AND $__timeFilter(ts)
GROUP BY time, control
ORDER BY time"""
TRANSITIONS = """SELECT
    ts, account_id, session_id, breaker, breaker_state, window, limit_value, observed_value, text, actor
FROM risk_events
WHERE run_id = ${run_id:sqlstring} AND kind = 'BREAKER_TRANSITION' AND $__timeFilter(ts)
ORDER BY ts DESC, offset DESC
LIMIT 500"""
BREAKERS = """SELECT account_id, breaker, argMax(breaker_state, (kafka_timestamp, offset)) AS state, max(ts) AS since
FROM risk_events
WHERE run_id = ${run_id:sqlstring} AND kind = 'BREAKER_TRANSITION'
GROUP BY account_id, breaker
ORDER BY state = 'OPEN' DESC, since DESC"""
OPEN = f"SELECT countIf(state = 'OPEN') AS breakers\nFROM\n(\n{BREAKERS}\n)"
STOPPED = """SELECT countIf(state != 'ACTIVE') AS accounts
FROM
(
    SELECT account_id, argMax(trading_state, (kafka_timestamp, offset)) AS state
    FROM controls
    WHERE run_id = ${run_id:sqlstring} AND kind IN ('TRADING_STATE', 'KILL', 'RESUME')
    GROUP BY account_id
)"""
OPERATORS = """SELECT ts, kind, account_id, session_id, text, actor, reason
FROM risk_events
WHERE run_id = ${run_id:sqlstring} AND actor IS NOT NULL AND $__timeFilter(ts)
ORDER BY kafka_timestamp DESC, offset DESC
LIMIT 500"""


def build() -> Dashboard:
    """The dashboard."""
    panels = [
        tile("Open breakers", OPEN),
        tile("Accounts whose last command stops them", STOPPED),
        tile("Breaker trips", shared("metrics_breakers", "sum(breaker_trips) AS trips", **OF_ALL)),
        tile("Reject rate", shared("metrics_orders", "max(reject_rate) AS rate", **OF_ALL), "percentunit", 2),
        curve("Decisions", DECISIONS, "short", stacked=True),
        curve("Rejected orders by control", REJECTS, "short", stacked=True),
        grid("Rejected orders by account and reason", shared("metrics_rejects", **OF_ALL), HALF),
        grid("Breakers", BREAKERS, HALF),
        grid("Transitions of breakers", TRANSITIONS, WHOLE),
        grid("What operators did", OPERATORS, WHOLE),
    ]
    return board("paper-risk", "Risk and breakers", [RUN], panels).build()
