"""`paper metrics`: computes metrics of sessions, accounts and strategies from the records in ClickHouse."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import typer

from streams.cli.command_group import add_group
from streams.cli.options import ANNUALISATION, AS_OF, JSON_LINES, RUN_ID, TIME_ZONE
from streams.evidence.metrics.conventions import DEFAULTS, Conventions

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

    from streams.evidence.cut import Cut
    from streams.evidence.metrics.compute_metrics import MetricValue

COLUMNS = ("name", "unit", "convention", "source", "query")


def register(app: typer.Typer) -> None:
    """Adds the commands to `paper`."""
    add_group(
        app,
        "metrics",
        "Computes returns, risk, trades and costs of sessions, accounts and strategies.",
        {"list": list_metrics, "show": show_metrics},
    )


def list_metrics(as_json: bool = JSON_LINES) -> None:
    """Lists every metric: name, unit, convention, source, and the query file that computes it."""
    from streams.cli.output import print_rows
    from streams.evidence.metrics.metric_catalog import BREAKDOWNS, METRICS

    rows = [metric._asdict() | {"by": [part for part in BREAKDOWNS[metric.query] if part]} for metric in METRICS]
    print_rows(rows, COLUMNS, as_json)


def show_metrics(
    session: str = typer.Option("", help="Id of the session."),
    account: str = typer.Option(
        "", help="Id of the account; with --session, the session's account, if several accounts have used its id."
    ),
    strategy: str = typer.Option("", help="Id of the strategy."),
    run_id: str = RUN_ID,
    as_of: str = AS_OF,
    by: str = typer.Option("", help="Break the metrics down by day, instrument or reason (of rejects)."),
    basis: str = typer.Option(DEFAULTS.basis, help="Definition of a trade: round_trips (flat to flat) or lots (FIFO)."),
    time_zone: str = TIME_ZONE,
    annualisation: float = ANNUALISATION,
    mar: float = typer.Option(DEFAULTS.mar, help="Minimum acceptable return per day, for the Sortino ratio."),
    benchmark_sharpe: float = typer.Option(
        DEFAULTS.benchmark_sharpe, help="Annual Sharpe ratio that the strategy must beat, for PSR and MinTRL."
    ),
    confidence: float = typer.Option(
        DEFAULTS.confidence, min=0.5, max=0.9999, help="Confidence of the minimum track record."
    ),
    level: float = typer.Option(DEFAULTS.level, min=0, max=1, help="Tail probability of VaR and CVaR."),
    trials: int = typer.Option(
        DEFAULTS.trials,
        min=1,
        help="Number of strategies tried, including this one; required for the deflated Sharpe ratio.",
    ),
    trials_variance: float = typer.Option(
        DEFAULTS.trials_variance, min=0, help="Variance of the daily Sharpe ratios of all trials."
    ),
    min_returns: int = typer.Option(
        DEFAULTS.min_returns, min=1, help="Fewest daily returns of volatility, Sharpe and Sortino ratio."
    ),
    min_calendar_days: int = typer.Option(
        DEFAULTS.min_calendar_days, min=1, help="Fewest calendar days of CAGR and Calmar ratio."
    ),
    as_json: bool = JSON_LINES,
) -> None:
    """Computes the metrics of a session, an account or a strategy.

    Exit code 1 if it has no records.
    """
    named = [(kind, ident) for kind, ident in (("account", account), ("strategy", strategy)) if ident]
    if (len(named) != 1 and not session) or (session and strategy):
        raise typer.BadParameter("name one of --session, --account and --strategy, or --session with its --account")
    _one_of("--by", by, ("", "day", "instrument", "reason"))
    _one_of("--basis", basis, ("round_trips", "lots"))
    conventions = Conventions(
        time_zone=time_zone,
        annualisation=annualisation,
        mar=mar,
        benchmark_sharpe=benchmark_sharpe,
        confidence=confidence,
        level=level,
        trials=trials,
        trials_variance=trials_variance,
        basis=basis,
        min_returns=min_returns,
        min_calendar_days=min_calendar_days,
    )
    scope = ("session", session) if session else named[0]
    _print(_values(scope, account, run_id, as_of, conventions, by), as_json)


def _values(
    named: tuple[str, str], account: str, run_id: str, as_of: str, conventions: Conventions, by: str
) -> list[MetricValue]:
    """Computes metrics. named: session, account or strategy, and its id. Raises InputError if it has no records."""
    from infra.settings import get_settings
    from streams.cli.output import say
    from streams.errors import InputError
    from streams.evidence.cut import read_at_cut
    from streams.evidence.metrics.compute_metrics import MetricScope, metric_values, session_scope

    settings = get_settings()
    run = run_id or settings.run_id

    def read(client: Client, cut: Cut) -> tuple[Cut, MetricScope, list[MetricValue]]:
        scope = session_scope(client, run, named[1], account) if named[0] == "session" else MetricScope(*named)
        return cut, scope, list(metric_values(client, run, scope, conventions, by))

    cut, scope, values = read_at_cut(settings, run, read, as_of)
    if not values and not by:
        raise InputError(
            f"{scope.kind} {scope.ident} has no records in run {run}; `paper session list` shows the sessions, "
            "`paper status` whether the sink runs"
        )
    say(cut.line)
    return values


def _one_of(option: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise typer.BadParameter(f"{option} {value}: must be one of {', '.join(filter(None, allowed))}")


def _print(values: Iterable[MetricValue], as_json: bool) -> None:
    from streams.cli.output import print_rows
    from streams.evidence.metrics.metric_catalog import METRIC_BY_NAME
    from streams.evidence.sessions.number_format import metric, shown_unit

    rows = []
    for item in values:
        unit = METRIC_BY_NAME[item.name].unit
        if as_json:
            row = {"value": _plain(item.value), "unit": unit.replace("currency", item.currency)}
        else:
            row = {"value": metric(item.value, unit), "unit": item.why_null or shown_unit(unit, item.currency)}
        rows.append(item._asdict() | row)
    has_parts = any(row["part"] for row in rows)
    print_rows(rows, ("scope_id", *(("part",) if has_parts else ()), "name", "value", "unit"), as_json)


def _plain(value: Any) -> Any:
    """Returns money as text, so that no digit is lost."""
    from schemas.records.numbers import plain

    if isinstance(value, Decimal):
        return plain(value)
    return value.isoformat() if isinstance(value, date) else value
