"""Desk overview: every session of a run, its money and what it holds."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from streams.evidence.dashboards.boards.board_variables import RUN
from streams.evidence.dashboards.panel_sql import OF_ALL, shared
from streams.evidence.dashboards.panels import HALF, WHOLE, board, curve, grid, link_to_session, tile

SPAN_MS = (
    "toUnixTimestamp64Milli(opened_at) - 1000 AS from_ms, "
    "toUnixTimestamp64Milli(ifNull(closed_at, valued_at)) + 1000 AS to_ms"
)
MONEY = {"opening_cash": "locale", "equity": "locale", "return": "percentunit"}
EQUITY = """SELECT
    $__timeInterval(ts) AS time, toString(account_id) AS account, argMax(toFloat64(equity), offset) AS equity
FROM account_equity
WHERE run_id = ${run_id:sqlstring} AND $__timeFilter(ts)
GROUP BY time, account
ORDER BY time"""
FILLS = """SELECT $__timeInterval(ts) AS time, toString(symbol) AS symbol, count() AS fills
FROM fills
WHERE run_id = ${run_id:sqlstring} AND $__timeFilter(ts)
GROUP BY time, symbol
ORDER BY time"""
NEWEST_FILLS = """SELECT ts, account_id, symbol, side, quantity, price, commission, realised_pnl, order_id
FROM fills
WHERE run_id = ${run_id:sqlstring} AND $__timeFilter(ts)
ORDER BY ts DESC, offset DESC
LIMIT 200"""


def build() -> Dashboard:
    """The dashboard."""
    sessions = shared("sessions", f"*, {SPAN_MS}")
    panels = [
        tile("Open sessions", shared("sessions", "countIf(status = 'OPEN') AS sessions")),
        tile("Equity", shared("sessions", "sum(toFloat64(equity)) AS equity"), "locale"),
        tile("Profit and loss", shared("sessions", "sum(toFloat64(equity - opening_cash)) AS pnl"), "locale"),
        tile("Fills", shared("sessions", "sum(fills) AS fills"), "locale"),
        tile("Commissions", shared("metrics_costs", "sum(toFloat64(fees)) AS fees", **OF_ALL), "locale"),
        tile("Rejected orders", shared("metrics_orders", "sum(rejected_orders) AS orders", **OF_ALL), "locale"),
        link_to_session(grid("Sessions", sessions, WHOLE, MONEY)),
        curve("Equity by account", EQUITY, "locale", HALF),
        curve("Fills by instrument", FILLS, "short", HALF, stacked=True),
        grid("Open positions at the last mark", shared("metrics_positions", **OF_ALL), HALF),
        grid("Newest fills", NEWEST_FILLS, HALF),
    ]
    return board("paper-desk", "Desk overview", [RUN], panels).build()
