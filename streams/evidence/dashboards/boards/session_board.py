"""The dashboard of one session: equity, drawdown, exposure, days, trades and fills."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from streams.evidence.dashboards.boards.board_variables import ACCOUNT, RUN, SESSION
from streams.evidence.dashboards.panel_sql import SESSION_SCOPE, query_sql
from streams.evidence.dashboards.panels import (
    HALF,
    WHOLE,
    build_dashboard,
    stat_panel,
    table_panel,
    time_series_panel,
)

BY_TIME = "ORDER BY time"
"""The whole session: Grafana offers to zoom to it, wherever the dashboard's range is."""
RATIOS = dict.fromkeys(("daily_return", "cumulative_return", "drawdown", "drawdown_intraday"), "percentunit")
RETURNS = query_sql("metrics_returns", **SESSION_SCOPE)
TRADES = query_sql("metrics_trades", **SESSION_SCOPE)
EQUITY = query_sql(
    "session_equity",
    "time, toFloat64(equity) AS equity, drawdown_ratio AS drawdown, toFloat64(gross_exposure) AS gross, "
    "toFloat64(net_exposure) AS net",
    BY_TIME,
)
MARKS = query_sql("session_marks", "time, toString(symbol) AS symbol, toFloat64(mid) AS mid", BY_TIME)


def build() -> Dashboard:
    """Builds the dashboard."""
    panels = [
        stat_panel("Equity", RETURNS, "end_equity", "locale", 2),
        stat_panel("Return", RETURNS, "total_return", "percentunit", 3),
        stat_panel("Sharpe ratio, annual", RETURNS, "sharpe", decimals=2),
        stat_panel("Probabilistic Sharpe ratio", RETURNS, "psr", "percentunit", 2),
        stat_panel("Max drawdown", RETURNS, "max_drawdown_intraday", "percentunit", 3),
        stat_panel("Profit factor", TRADES, "profit_factor", decimals=2),
        time_series_panel("Equity", EQUITY, "locale", fields=("equity",)),
        time_series_panel("Drawdown", EQUITY, "percentunit", fields=("drawdown",)),
        time_series_panel("Exposure", EQUITY, "locale", fields=("gross", "net")),
        time_series_panel("Middle of the market", MARKS),
        table_panel("Days", query_sql("metrics_days", **SESSION_SCOPE), HALF, RATIOS),
        table_panel("Trades by instrument", query_sql("metrics_trades", by="instrument", **SESSION_SCOPE)),
        table_panel(
            "Round trips", query_sql("metrics_round_trips", rest="ORDER BY opened DESC\nLIMIT 500", **SESSION_SCOPE)
        ),
        table_panel("Fills", query_sql("session_fills", rest=BY_TIME)),
        table_panel("Open positions at the last mark", query_sql("metrics_positions", **SESSION_SCOPE), WHOLE),
        table_panel("Returns and risk", RETURNS, WHOLE),
        table_panel("Exposure in numbers", query_sql("metrics_exposure", **SESSION_SCOPE), WHOLE),
    ]
    return build_dashboard("paper-session", "Session", [RUN, ACCOUNT, SESSION], panels).build()
