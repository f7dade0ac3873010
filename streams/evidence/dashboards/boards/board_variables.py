"""What a reader chooses: run, account, session."""

from streams.evidence.dashboards.panels import variable

RUN = variable("run_id", "Run", "SELECT DISTINCT run_id FROM account_equity ORDER BY run_id DESC")
ACCOUNT = variable(
    "account",
    "Account",
    "SELECT DISTINCT account_id FROM account_equity WHERE run_id = ${run_id:sqlstring} ORDER BY account_id",
)
SESSION = variable(
    "session",
    "Session",
    "SELECT DISTINCT session_id FROM account_equity\n"
    "WHERE run_id = ${run_id:sqlstring} AND account_id = ${account:sqlstring} AND session_id IS NOT NULL",
)
