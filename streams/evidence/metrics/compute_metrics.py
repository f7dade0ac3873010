"""Computing metrics: runs their query files for a session, an account or a strategy."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError as DriverError

from infra.clickhouse.client import query_file
from infra.errors import ClickHouseError
from streams.errors import InputError
from streams.evidence.metrics.metric_catalog import BREAKDOWNS, METRICS


class Conventions(NamedTuple):
    """What metrics depend on besides the records.

    Attributes:
        time_zone: of days, as in the tz database.
        annualisation: days of a year: 252 (securities, FX) or 365 (crypto).
        mar: minimum acceptable return a day, of the Sortino ratio.
        benchmark_sharpe: annual; PSR and MinTRL are against it.
        confidence: of the minimum track record.
        level: of VaR and CVaR.
        trials: strategies tried before this one was chosen, itself included; None where not declared.
        trials_variance: of their Sharpe ratios a day; not needed for one trial.
        basis: of trade statistics: round_trips or lots.
    """

    time_zone: str = "UTC"
    annualisation: float = 252
    mar: float = 0
    benchmark_sharpe: float = 0
    confidence: float = 0.95
    level: float = 0.05
    trials: int | None = None
    trials_variance: float | None = None
    basis: str = "round_trips"


class MetricScope(NamedTuple):
    """kind: session, account or strategy; ident: which one, empty for all. A session may also be ACCOUNT/SESSION."""

    kind: str
    ident: str = ""


class MetricValue(NamedTuple):
    """A metric of a session, account or strategy, or of a part of it: a day, an instrument, a reason."""

    scope_id: str
    currency: str
    part: str
    name: str
    value: Any


def session_scope(client: Client, run_id: str, session_id: str, account_id: str = "") -> MetricScope:
    """A session, of the account where one is named.

    Raises:
        InputError: several accounts have used the session's id.
        ClickHouseError: it does not answer.
    """
    if account_id:
        return MetricScope("session", f"{account_id}/{session_id}")
    try:
        parameters = {"run_id": run_id, "session_id": session_id}
        accounts = [row[0] for row in client.query(query_file("session_accounts"), parameters=parameters).result_rows]
    except DriverError as error:
        raise ClickHouseError(f"accounts of session {session_id}: {error}") from error
    if len(accounts) > 1:
        names = ", ".join(accounts)
        raise InputError(f"session {session_id}: accounts {names} have one of this name; choose with --account")
    return MetricScope("session", session_id)


def metric_rows(
    client: Client, query: str, run_id: str, scope: MetricScope, conventions: Conventions, by: str = ""
) -> list[dict[str, Any]]:
    """The rows of a metrics query as they are.

    Raises:
        ClickHouseError: it does not answer or refuses the query.
    """
    parameters = {"run_id": run_id, "scope": scope.kind, "scope_id": scope.ident, "by": by, **conventions._asdict()}
    try:
        return list(client.query(query_file(query), parameters=parameters).named_results())
    except DriverError as error:
        raise ClickHouseError(f"query {query} for {scope.kind} {scope.ident or 'of any name'}: {error}") from error


def metric_values(
    client: Client, run_id: str, scope: MetricScope, conventions: Conventions, by: str = ""
) -> Iterator[MetricValue]:
    """Every metric of the catalog that is known by what is asked for, in its order."""
    for query, parts in BREAKDOWNS.items():
        if by not in parts:
            continue
        names = [metric.name for metric in METRICS if metric.query == query]
        for row in metric_rows(client, query, run_id, scope, conventions, by):
            for name in names:
                yield MetricValue(row["scope_id"], row["currency"], row.get("part", ""), name, row[name])
