"""The overview dashboard: every session of a run, its money and its positions."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from streams.evidence.dashboards.boards.board_variables import RUN
from streams.evidence.dashboards.panel_sql import ACCOUNTS_SCOPE, OF_RUN, over_time, query_sql
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
MONEY = query_sql(
    "sessions",
    "currency, countIf(status = 'OPEN') AS open_sessions, sum(equity) AS equity, sum(net_pnl) AS net_pnl",
    "GROUP BY currency\nORDER BY currency",
)
COMMISSIONS = query_sql(
    "metrics_costs", "currency, sum(fees) AS fees", "GROUP BY currency\nORDER BY currency", **ACCOUNTS_SCOPE
)
EQUITY = over_time(
    "account_equity",
    "concat(account_id, ', ', toString(currency)) AS account, argMax(toFloat64(equity), offset) AS equity",
    "account",
)
FILLS = over_time("fills", "toString(symbol) AS instrument, count() AS fills", "instrument")
NEWEST_FILLS = f"""SELECT ts, account_id, symbol, side, quantity, price, commission, realised_pnl, order_id
FROM fills
{OF_RUN}
ORDER BY ts DESC, offset DESC
LIMIT 200"""


def build() -> Dashboard:
    """Builds the dashboard."""
    orders = query_sql("metrics_orders", **ACCOUNTS_SCOPE)
    panels = [
        stat_panel("Open sessions", SESSIONS, "open", reducer="sum"),
        stat_panel("Fills", SESSIONS, "fills", "locale", reducer="sum"),
        stat_panel("Rejected orders", orders, "rejected_orders", "locale", reducer="sum"),
        table_panel("Money by currency", MONEY, units=UNITS),
        table_panel("Commissions by currency", COMMISSIONS, units={"fees": "locale"}),
        with_session_links(table_panel("Sessions", SESSIONS, WHOLE, UNITS)),
        time_series_panel("Equity by account", EQUITY, "locale"),
        time_series_panel("Fills by instrument", FILLS, "short", stacked=True),
        table_panel("Open positions at the last mark", query_sql("metrics_positions", **ACCOUNTS_SCOPE)),
        table_panel("Newest fills", NEWEST_FILLS),
    ]
    return build_dashboard("paper-desk", "Desk overview", [RUN], panels).build()
