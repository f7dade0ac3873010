"""`paper metrics`: what the records say about sessions, accounts and strategies."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import typer

from streams.evidence.metrics.conventions import DEFAULTS, Conventions

if TYPE_CHECKING:
    from streams.evidence.metrics.compute_metrics import MetricValue

AS_JSON = typer.Option(False, "--json", help="Print one JSON object a line.")
COLUMNS = ("name", "unit", "convention", "source", "query")


def register(app: typer.Typer) -> None:
    """Adds the group's commands."""
    group = typer.Typer(help="Metrics: list, show.", no_args_is_help=True)
    group.command("list")(list_metrics)
    group.command()(show)
    app.add_typer(group, name="metrics")


def list_metrics(as_json: bool = AS_JSON) -> None:
    """Lists every metric: name, unit, convention, source and the query file that computes it."""
    from streams.cli.output import print_rows
    from streams.evidence.metrics.metric_catalog import BREAKDOWNS, METRICS

    rows = [metric._asdict() | {"by": [part for part in BREAKDOWNS[metric.query] if part]} for metric in METRICS]
    print_rows(rows, COLUMNS, as_json)


def show(
    session: str = typer.Option("", help="Session id."),
    account: str = typer.Option("", help="Account id; of the session, where several accounts have one of its name."),
    strategy: str = typer.Option("", help="Strategy id."),
    run_id: str = typer.Option("", help="Run; RUN_ID where none is given."),
    by: str = typer.Option("", help="day, instrument or reason (of rejects)."),
    basis: str = typer.Option(DEFAULTS.basis, help="Trades are round_trips (flat to flat) or lots (FIFO)."),
    time_zone: str = typer.Option(DEFAULTS.time_zone, help="Of days, as America/New_York."),
    annualisation: float = typer.Option(DEFAULTS.annualisation, min=1, help="Days of a year: 252, or 365 for crypto."),
    mar: float = typer.Option(DEFAULTS.mar, help="Minimum acceptable return a day."),
    benchmark_sharpe: float = typer.Option(DEFAULTS.benchmark_sharpe, help="Annual Sharpe ratio to compare with."),
    confidence: float = typer.Option(DEFAULTS.confidence, min=0.5, max=0.9999, help="Of the minimum track record."),
    level: float = typer.Option(DEFAULTS.level, min=0, max=1, help="Tail of VaR and CVaR."),
    trials: int = typer.Option(
        DEFAULTS.trials, min=1, help="Strategies tried, this one included; without it there is no DSR."
    ),
    trials_variance: float = typer.Option(
        DEFAULTS.trials_variance, min=0, help="Variance of their Sharpe ratios a day."
    ),
    as_json: bool = AS_JSON,
) -> None:
    """Computes the metrics of a session, an account or a strategy from ClickHouse. Exit code 1 if it has no records."""
    from contextlib import closing

    from infra.clickhouse.client import connect
    from infra.settings import get_settings
    from streams.evidence.metrics.compute_metrics import MetricScope, metric_values, session_scope

    named = [(kind, ident) for kind, ident in (("account", account), ("strategy", strategy)) if ident]
    if (len(named) != 1 and not session) or (session and strategy):
        raise typer.BadParameter("name one of --session, --account and --strategy, or --session with its --account")
    _one_of("--by", by, ("", "day", "instrument", "reason"))
    _one_of("--basis", basis, ("round_trips", "lots"))
    conventions = Conventions(
        time_zone, annualisation, mar, benchmark_sharpe, confidence, level, trials, trials_variance, basis
    )
    settings = get_settings()
    run = run_id or settings.run_id
    with closing(connect(settings)) as client:
        scope = session_scope(client, run, session, account) if session else MetricScope(*named[0])
        values = list(metric_values(client, run, scope, conventions, by))
    if not values and not by:
        typer.echo(f"{scope.kind} {scope.ident} has no records in run {run}; is the sink running?", err=True)
        raise typer.Exit(1)
    _print(values, as_json)


def _one_of(option: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise typer.BadParameter(f"{option} {value}: must be one of {', '.join(filter(None, allowed))}")


def _print(values: Iterable[MetricValue], as_json: bool) -> None:
    from streams.cli.output import print_rows
    from streams.evidence.metrics.metric_catalog import METRIC_BY_NAME

    rows = []
    for item in values:
        row = item._asdict() | {"unit": METRIC_BY_NAME[item.name].unit, "value": _plain(item.value)}
        row["unit"] = row["unit"].replace("currency", item.currency)
        rows.append(row)
    if not as_json:
        rows = [row | {"value": "-" if row["value"] is None else _readable(row["value"])} for row in rows]
    has_parts = any(row["part"] for row in rows)
    print_rows(rows, ("scope_id", *(("part",) if has_parts else ()), "name", "value", "unit"), as_json)


def _plain(value: Any) -> Any:
    """Money as text, so that no digit is lost."""
    from schemas.records.numbers import plain

    if isinstance(value, Decimal):
        return plain(value)
    return value.isoformat() if isinstance(value, date) else value


def _readable(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
