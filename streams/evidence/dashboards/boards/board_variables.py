"""Variables that a reader of the dashboards chooses: run, account, session."""

from streams.evidence.dashboards.panel_sql import OF_RUN
from streams.evidence.dashboards.panels import query_variable

RUN = query_variable("run_id", "Run", "SELECT DISTINCT run_id FROM account_equity ORDER BY run_id DESC")
ACCOUNT = query_variable(
    "account",
    "Account",
    f"SELECT DISTINCT account_id FROM account_equity {OF_RUN} ORDER BY account_id",
)
SESSION = query_variable(
    "session",
    "Session",
    "SELECT DISTINCT session_id FROM account_equity\n"
    f"{OF_RUN} AND account_id = ${{account:sqlstring}} AND session_id IS NOT NULL",
)
