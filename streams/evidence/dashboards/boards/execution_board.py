"""Execution quality of a session: costs, slippage, latency, fill rate."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from streams.evidence.dashboards.boards.board_variables import ACCOUNT, RUN, SESSION
from streams.evidence.dashboards.panel_sql import OF_SESSION, shared
from streams.evidence.dashboards.panels import HALF, WHOLE, Panel, board, curve, grid, tile

SLIPPAGE = """SELECT
    $__timeInterval(ts) AS time,
    toString(symbol) AS symbol,
    paper_ratio(sum(toDecimal128(quantity, 9) * slippage_mid), sumIf(notional, slippage_mid IS NOT NULL)) * 1e4
        AS slippage_bps
FROM fills
WHERE run_id = ${run_id:sqlstring} AND account_id = ${account:sqlstring} AND session_id = ${session:sqlstring}
    AND $__timeFilter(ts)
GROUP BY time, symbol
ORDER BY time"""
RESULTS = """SELECT $__timeInterval(ts) AS time, toString(exec_type) AS result, count() AS results
FROM order_results
WHERE run_id = ${run_id:sqlstring} AND account_id = ${account:sqlstring} AND session_id = ${session:sqlstring}
    AND $__timeFilter(ts)
GROUP BY time, result
ORDER BY time"""


def _measure(title: str, column: str, query: str, unit: str, decimals: int = 2) -> Panel:
    return tile(title, shared(query, f"toFloat64({column}) AS {column}", **OF_SESSION), unit, decimals)


def build() -> Dashboard:
    """The dashboard."""
    panels = [
        _measure("Slippage against the middle, bp", "slippage_mid_bps", "metrics_costs", "none"),
        _measure("Slippage against arrival, bp", "slippage_arrival_bps", "metrics_costs", "none"),
        _measure("Implementation shortfall, bp", "implementation_shortfall_bps", "metrics_execution", "none"),
        _measure("Fill rate", "fill_rate", "metrics_orders", "percentunit"),
        _measure("Reject rate", "reject_rate", "metrics_orders", "percentunit"),
        _measure("Order to answer, 99th percentile", "latency_ms_p99", "metrics_execution", "ms", 0),
        curve("Slippage against the middle, bp", SLIPPAGE),
        curve("Results", RESULTS, "short", stacked=True),
        grid("Costs by instrument", shared("metrics_costs", by="instrument", **OF_SESSION), WHOLE),
        grid("Costs by day", shared("metrics_costs", by="day", **OF_SESSION), WHOLE),
        grid("Orders by instrument", shared("metrics_orders", by="instrument", **OF_SESSION), HALF),
        grid("Latency and shortfall by instrument", shared("metrics_execution", by="instrument", **OF_SESSION), HALF),
    ]
    return board("paper-execution", "Execution quality", [RUN, ACCOUNT, SESSION], panels).build()
