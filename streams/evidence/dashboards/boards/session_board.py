"""A session: its equity, drawdown, exposure, days, trades and fills."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from streams.evidence.dashboards.boards.board_variables import ACCOUNT, RUN, SESSION
from streams.evidence.dashboards.panel_sql import OF_SESSION, shared
from streams.evidence.dashboards.panels import HALF, WHOLE, Panel, board, curve, grid, tile

IN_TIME = "WHERE $__timeFilter(time)\nORDER BY time"
RATIOS = {name: "percentunit" for name in ("daily_return", "cumulative_return", "drawdown", "drawdown_intraday")}


def _measure(title: str, column: str, query: str = "metrics_returns", unit: str = "none", decimals: int = 2) -> Panel:
    return tile(title, shared(query, f"toFloat64({column}) AS {column}", **OF_SESSION), unit, decimals)


def build() -> Dashboard:
    """The dashboard."""
    panels = [
        _measure("Equity", "end_equity", unit="locale"),
        _measure("Return", "total_return", unit="percentunit", decimals=3),
        _measure("Sharpe ratio, annual", "sharpe"),
        _measure("Probabilistic Sharpe ratio", "psr", unit="percentunit"),
        _measure("Max drawdown", "max_drawdown_intraday", unit="percentunit", decimals=3),
        _measure("Profit factor", "profit_factor", "metrics_trades"),
        curve("Equity", shared("session_equity", "time, toFloat64(equity) AS equity", IN_TIME), "locale"),
        curve("Drawdown", shared("session_equity", "time, drawdown_ratio AS drawdown", IN_TIME), "percentunit"),
        curve(
            "Exposure",
            shared(
                "session_equity",
                "time, toFloat64(gross_exposure) AS gross, toFloat64(net_exposure) AS net",
                IN_TIME,
            ),
            "locale",
        ),
        curve(
            "Middle of the market",
            shared("session_marks", "time, toString(symbol) AS symbol, toFloat64(mid) AS mid", IN_TIME),
        ),
        grid("Days", shared("metrics_days", **OF_SESSION), HALF, RATIOS),
        grid("Trades by instrument", shared("metrics_trades", by="instrument", **OF_SESSION), HALF),
        grid("Round trips", shared("metrics_round_trips", rest="ORDER BY opened DESC\nLIMIT 500", **OF_SESSION), HALF),
        grid("Fills", shared("session_fills", rest=IN_TIME), HALF),
        grid("Open positions at the last mark", shared("metrics_positions", **OF_SESSION), WHOLE),
        grid("Returns and risk", shared("metrics_returns", **OF_SESSION), WHOLE),
        grid("Exposure in numbers", shared("metrics_exposure", **OF_SESSION), WHOLE),
    ]
    return board("paper-session", "Session", [RUN, ACCOUNT, SESSION], panels).build()
