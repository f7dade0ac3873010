"""The dashboard of risk: refusals by control, breakers, and the commands of operators."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from streams.evidence.dashboards.boards.board_variables import RUN
from streams.evidence.dashboards.panel_sql import ACCOUNTS_SCOPE, OF_RUN, over_time, query_sql
from streams.evidence.dashboards.panels import WHOLE, build_dashboard, stat_panel, table_panel, time_series_panel

DECISIONS = over_time("risk_events", "toString(kind) AS decision, count() AS decisions", "decision")
REJECTS = over_time(
    "risk_events",
    "ifNull(toString(code), '') AS control, count() AS rejects",
    "control",
    f"{OF_RUN} AND kind = 'ORDER_REJECTED'",
)
TRANSITIONS = f"""SELECT
    ts, account_id, session_id, breaker, breaker_state, window, limit_value, observed_value, text, actor
FROM risk_events
{OF_RUN} AND kind = 'BREAKER_TRANSITION'
ORDER BY ts DESC, offset DESC
LIMIT 500"""
BREAKERS = f"""SELECT
    account_id, breaker, argMax(breaker_state, (kafka_timestamp, offset)) AS state, max(ts) AS since,
    state = 'OPEN' AS open
FROM risk_events
{OF_RUN} AND kind = 'BREAKER_TRANSITION'
GROUP BY account_id, breaker
ORDER BY open DESC, since DESC"""
STOPPED_ACCOUNTS = f"""SELECT countIf(state != 'ACTIVE') AS accounts
FROM
(
    SELECT account_id, argMax(trading_state, (kafka_timestamp, offset)) AS state
    FROM controls
    {OF_RUN} AND kind IN ('TRADING_STATE', 'KILL', 'RESUME')
    GROUP BY account_id
)"""
COMMANDS = f"""SELECT
    min(kafka_timestamp) AS at, any(kind) AS command, any(actor) AS who, any(ifNull(reason, '')) AS why,
    arraySort(groupUniqArray(toString(account_id))) AS accounts, any(text) AS effect
FROM risk_events
{OF_RUN} AND actor IS NOT NULL
GROUP BY ifNull(control_id, event_id)
ORDER BY at DESC
LIMIT 500"""
"""By the time of day at which they were given, whatever the market's time; a command for many accounts once."""


def build() -> Dashboard:
    """Builds the dashboard."""
    trips = query_sql("metrics_breakers", **ACCOUNTS_SCOPE)
    orders = query_sql("metrics_orders", **ACCOUNTS_SCOPE)
    panels = [
        stat_panel("Open breakers", BREAKERS, "open", reducer="sum"),
        stat_panel("Accounts stopped by their last command", STOPPED_ACCOUNTS, "accounts"),
        stat_panel("Breaker trips", trips, "breaker_trips", reducer="sum"),
        stat_panel("Highest reject rate of an account", orders, "reject_rate", "percentunit", 2, "max"),
        time_series_panel("Decisions", DECISIONS, "short", stacked=True),
        time_series_panel("Rejected orders by control", REJECTS, "short", stacked=True),
        table_panel("Rejected orders by account and reason", query_sql("metrics_rejects", **ACCOUNTS_SCOPE)),
        table_panel("Breakers", BREAKERS),
        table_panel("Transitions of breakers", TRANSITIONS, WHOLE),
        table_panel("What operators did", COMMANDS, WHOLE),
    ]
    return build_dashboard("paper-risk", "Risk and breakers", [RUN], panels).build()
