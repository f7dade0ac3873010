"""Computes metrics: runs their query files for a session, an account or a strategy."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from clickhouse_connect.driver.client import Client

from streams.errors import InputError
from streams.evidence.metrics.conventions import Conventions
from streams.evidence.metrics.metric_catalog import BREAKDOWNS, METRICS, MIN_CALENDAR_DAYS, MIN_RETURNS, Metric
from streams.evidence.query_rows import Row, query_rows


class MetricScope(NamedTuple):
    """The records that a metric is computed from.

    Attributes:
        kind: session, account or strategy.
        ident: its id, ACCOUNT/SESSION for a session of one account; empty for all.
    """

    kind: str
    ident: str = ""


class MetricValue(NamedTuple):
    """A metric of a session, account or strategy.

    Attributes:
        part: the day, instrument or reason; empty for the whole.
        why_null: observations that a value of None lacks; empty if it is undefined for another reason.
    """

    scope_id: str
    currency: str
    part: str
    name: str
    value: Any
    why_null: str = ""


def session_scope(client: Client, run_id: str, session_id: str, account_id: str = "") -> MetricScope:
    """Returns the scope of a session. account_id is needed if several accounts have used the session's id.

    Raises:
        InputError: several accounts have used the id and none is named.
        ClickHouseError: ClickHouse does not answer.
    """
    if account_id:
        return MetricScope("session", f"{account_id}/{session_id}")
    parameters = {"run_id": run_id, "session_id": session_id}
    rows = query_rows(client, "session_accounts", parameters, f"session {session_id}")
    if len(rows) > 1:
        names = ", ".join(row["account_id"] for row in rows)
        raise InputError(f"session {session_id}: accounts {names} have one of this name; choose with --account")
    return MetricScope("session", session_id)


def metric_rows(
    client: Client, query: str, run_id: str, scope: MetricScope, conventions: Conventions, by: str = ""
) -> list[Row]:
    """Returns the rows of a metrics query. by: a breakdown that the query has, empty for the whole.

    Raises:
        ClickHouseError: ClickHouse does not answer or refuses the query.
    """
    parameters = {"run_id": run_id, "scope": scope.kind, "scope_id": scope.ident, "by": by, **conventions._asdict()}
    return query_rows(client, query, parameters, f"{scope.kind} {scope.ident or 'of any name'}")


def metric_values(
    client: Client, run_id: str, scope: MetricScope, conventions: Conventions, by: str = ""
) -> Iterator[MetricValue]:
    """Yields every metric that has the breakdown, in the catalog's order. Raises ClickHouseError."""
    for query, breakdowns in BREAKDOWNS.items():
        if by not in breakdowns:
            continue
        metrics = [metric for metric in METRICS if metric.query == query]
        for row in metric_rows(client, query, run_id, scope, conventions, by):
            for metric in metrics:
                value = row[metric.name]
                why = _lack(metric, row, conventions) if value is None else ""
                yield MetricValue(row["scope_id"], row["currency"], row.get("part", ""), metric.name, value, why)


def _lack(metric: Metric, row: Row, conventions: Conventions) -> str:
    """Returns how many observations a metric has and needs, if it has too few; else an empty text."""
    if metric.minimum == MIN_RETURNS:
        found, needed, unit = row["days"], conventions.min_returns, "daily returns"
    elif metric.minimum == MIN_CALENDAR_DAYS:
        found = (row["last_day"] - row["first_day"]).days + 1
        needed, unit = conventions.min_calendar_days, "calendar days"
    else:
        return ""
    return f"{found} of {needed} {unit}" if found < needed else ""
