"""The data of a session's report, read from ClickHouse by the shared queries."""

from dataclasses import dataclass

from clickhouse_connect.driver.client import Client

from streams.evidence.cut import Cut
from streams.evidence.metrics.compute_metrics import MetricValue, metric_rows, metric_values, session_scope
from streams.evidence.metrics.conventions import Conventions
from streams.evidence.mock_notice import mock_notice
from streams.evidence.query_rows import Row, query_rows
from streams.evidence.sessions.find_session import find_session

LINE_POINTS = 600
"""Maximum number of points of a line; more would fall on the same pixels."""
FILLS_MAX = 2_000
"""Maximum number of fills that a chart marks one by one."""


@dataclass(frozen=True, slots=True)
class SessionReport:
    """The rows that a report shows, by the name of their query. Amounts are Decimal."""

    cut: Cut
    session: Row
    conventions: Conventions
    equity: list[Row]
    fills: list[Row]
    marks: list[Row]
    days: list[Row]
    costs: list[Row]
    total_costs: Row
    rejects: list[Row]
    positions: list[Row]
    metrics: list[MetricValue]
    mock: str | None
    """The line that says how many fills are mock."""

    @property
    def fill_count(self) -> int:
        """Number of all fills of the session, including those that no chart marks."""
        return self.fills[0]["all"] if self.fills else 0

    @property
    def evidence(self) -> str:
        """The kind of evidence that the fills are, forward or backward, why, and the sources of their markets."""
        session = self.session
        if session["evidence"] is None:
            return "none, no fills"
        reasons = "; ".join(session["backward"])
        origins = ", ".join(source or "unknown" for source in session["sources"]) or "none"
        return f"{session['evidence']}{f' ({reasons})' if reasons else ''}, source {origins}"

    @property
    def symbols(self) -> list[str]:
        """Symbols that the session traded, sorted."""
        return sorted({row["symbol"] for row in self.fills})


def find_report(client: Client, cut: Cut, session_id: str, account_id: str, conventions: Conventions) -> SessionReport:
    """Reads the report of a session by its id. Raises as find_session and read_report do."""
    return read_report(client, cut, find_session(client, cut.run_id, session_id, account_id), conventions)


def read_report(client: Client, cut: Cut, session: Row, conventions: Conventions) -> SessionReport:
    """Reads the report of a session. cut: at which the client reads. session: its row. Raises ClickHouseError."""
    run_id = cut.run_id
    scope = session_scope(client, run_id, session["session_id"], session["account_id"])
    named = {"run_id": run_id, "account_id": session["account_id"], "session_id": session["session_id"]}

    def rows(query: str, **parameters: int) -> list[Row]:
        return query_rows(client, query, named | parameters, f"session {session['session_id']}")

    def metrics(query: str, by: str = "") -> list[Row]:
        rows = metric_rows(client, query, run_id, scope, conventions, by)
        return [row for row in rows if row["currency"] == session["currency"]]

    (drawn,) = metric_rows(client, "mock_fills", run_id, scope, conventions)
    return SessionReport(
        cut,
        session,
        conventions,
        equity=rows("session_equity", points=LINE_POINTS),
        fills=rows("session_fills", points=FILLS_MAX),
        marks=rows("session_marks", points=LINE_POINTS),
        days=metrics("metrics_days"),
        costs=metrics("metrics_costs", "instrument"),
        total_costs=next(iter(metrics("metrics_costs")), {}),
        rejects=metrics("metrics_rejects"),
        positions=metrics("metrics_positions"),
        metrics=list(metric_values(client, run_id, scope, conventions)),
        mock=mock_notice(drawn["mock_fills"] or 0, drawn["fills"]),
    )
