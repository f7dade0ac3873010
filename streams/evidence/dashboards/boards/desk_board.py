"""The overview dashboard: every session of a run, its money and its positions."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from streams.evidence.dashboards.boards.board_variables import RUN
from streams.evidence.dashboards.panel_sql import ACCOUNTS_SCOPE, OF_RUN, query_sql
from streams.evidence.dashboards.panels import (
    WHOLE,
    build_dashboard,
    stat_panel,
    table_panel,
    time_series_panel,
    with_session_links,
)

SESSIONS = query_sql(
    "sessions",
    "*, status = 'OPEN' AS open, "
    "toUnixTimestamp64Milli(opened_at) - 1000 AS from_ms, "
    "toUnixTimestamp64Milli(ifNull(closed_at, valued_at)) + 1000 AS to_ms",
)
"""The sessions with what the stats sum up, and with the span of time that a link to a session shows."""
UNITS = {"opening_cash": "locale", "equity": "locale", "net_pnl": "locale", "return": "percentunit"}
EQUITY = f"""SELECT
    $__timeInterval(ts) AS time, toString(account_id) AS account, argMax(toFloat64(equity), offset) AS equity
FROM account_equity
{OF_RUN} AND $__timeFilter(ts)
GROUP BY time, account
ORDER BY time"""
FILLS = f"""SELECT $__timeInterval(ts) AS time, toString(symbol) AS symbol, count() AS fills
FROM fills
{OF_RUN} AND $__timeFilter(ts)
GROUP BY time, symbol
ORDER BY time"""
NEWEST_FILLS = f"""SELECT ts, account_id, symbol, side, quantity, price, commission, realised_pnl, order_id
FROM fills
{OF_RUN} AND $__timeFilter(ts)
ORDER BY ts DESC, offset DESC
LIMIT 200"""


def build() -> Dashboard:
    """Builds the dashboard."""
    costs = query_sql("metrics_costs", **ACCOUNTS_SCOPE)
    orders = query_sql("metrics_orders", **ACCOUNTS_SCOPE)
    panels = [
        stat_panel("Open sessions", SESSIONS, "open", reducer="sum"),
        stat_panel("Equity", SESSIONS, "equity", "locale", reducer="sum"),
        stat_panel("Profit and loss", SESSIONS, "net_pnl", "locale", reducer="sum"),
        stat_panel("Fills", SESSIONS, "fills", "locale", reducer="sum"),
        stat_panel("Commissions", costs, "fees", "locale", reducer="sum"),
        stat_panel("Rejected orders", orders, "rejected_orders", "locale", reducer="sum"),
        with_session_links(table_panel("Sessions", SESSIONS, WHOLE, UNITS)),
        time_series_panel("Equity by account", EQUITY, "locale"),
        time_series_panel("Fills by instrument", FILLS, "short", stacked=True),
        table_panel("Open positions at the last mark", query_sql("metrics_positions", **ACCOUNTS_SCOPE)),
        table_panel("Newest fills", NEWEST_FILLS),
    ]
    return build_dashboard("paper-desk", "Desk overview", [RUN], panels).build()
