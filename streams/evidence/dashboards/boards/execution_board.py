"""The dashboard of a session's execution quality: costs, slippage, latency, fill rate."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from streams.evidence.dashboards.boards.board_variables import ACCOUNT, RUN, SESSION
from streams.evidence.dashboards.panel_sql import OF_RUN, SESSION_SCOPE, over_time, query_sql
from streams.evidence.dashboards.panels import WHOLE, build_dashboard, stat_panel, table_panel, time_series_panel

OF_SESSION = f"{OF_RUN} AND account_id = ${{account:sqlstring}} AND session_id = ${{session:sqlstring}}"
SLIPPAGE = over_time(
    "fills",
    "toString(symbol) AS instrument,\n"
    "    paper_ratio(sum(toDecimal128(quantity, 9) * slippage_mid), sumIf(notional, slippage_mid IS NOT NULL)) * 1e4\n"
    "        AS slippage_bps",
    "instrument",
    OF_SESSION,
)
RESULTS = over_time("order_results", "toString(exec_type) AS result, count() AS results", "result", OF_SESSION)
COSTS, ORDERS, EXECUTION = (
    query_sql(name, **SESSION_SCOPE) for name in ("metrics_costs", "metrics_orders", "metrics_execution")
)


def build() -> Dashboard:
    """Builds the dashboard."""
    panels = [
        stat_panel("Slippage against the middle, bp", COSTS, "slippage_mid_bps", decimals=2),
        stat_panel("Slippage against arrival, bp", COSTS, "slippage_arrival_bps", decimals=2),
        stat_panel("Implementation shortfall, bp", EXECUTION, "implementation_shortfall_bps", decimals=2),
        stat_panel("Fill rate", ORDERS, "fill_rate", "percentunit", 2),
        stat_panel("Reject rate", ORDERS, "reject_rate", "percentunit", 2),
        stat_panel("Order to answer by Kafka's clock, 99th percentile", EXECUTION, "answer_ms_p99", "ms", 0),
        time_series_panel("Slippage against the middle, bp", SLIPPAGE),
        time_series_panel("Results", RESULTS, "short", stacked=True),
        table_panel("Costs by instrument", query_sql("metrics_costs", by="instrument", **SESSION_SCOPE), WHOLE),
        table_panel("Costs by day", query_sql("metrics_costs", by="day", **SESSION_SCOPE), WHOLE),
        table_panel("Orders by instrument", query_sql("metrics_orders", by="instrument", **SESSION_SCOPE)),
        table_panel(
            "Latency and shortfall by instrument", query_sql("metrics_execution", by="instrument", **SESSION_SCOPE)
        ),
    ]
    return build_dashboard("paper-execution", "Execution quality", [RUN, ACCOUNT, SESSION], panels).build()
