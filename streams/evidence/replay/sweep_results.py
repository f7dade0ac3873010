"""The results of a sweep's runs: totals, before and after a split, how sure they are, and their neighbours'."""

from collections.abc import Sequence
from typing import Any

from clickhouse_connect.driver.client import Client

from streams.errors import InputError
from streams.evidence.query_rows import Row, query_rows
from streams.evidence.replay.grid_points import SweepPoint
from streams.evidence.replay.plateau import surroundings


def sweep_results(client: Client, points: Sequence[SweepPoint], period_ns: int, split_ns: int | None) -> list[Row]:
    """Returns a row for each point: the columns of replay_summary.sql, and what follows.

    - sharpe, dsr: of periods of period_ns, see sweep_periods.sql; with a split, of those before it.
    - neighbours_median, is_peak, is_plateau: see Surroundings; with a split, by the results before it.
    - in_sample, out_of_sample, out_sharpe: results before and from the split on, and the ratio after it.

    Raises:
        InputError: a run has no account, or no run has a record on one side of the split.
        ClickHouseError: ClickHouse does not answer or refuses a query.
    """
    names = [point.run_id for point in points]
    summary = {row["run_id"]: row for row in query_rows(client, "replay_summary", {"run_ids": names}, "a sweep")}
    for name in names:
        if name not in summary:
            raise InputError(f"run {name}: no account has a session in it; compare runs whose accounts have sessions")
    inside = span_results(client, names, period_ns, None, split_ns)
    around = surroundings(points, {name: inside[name]["result"] for name in names})
    rows = []
    for name in names:
        row = summary[name] | {"sharpe": inside[name]["sharpe"], "dsr": inside[name]["dsr"]} | around[name]._asdict()
        rows.append(row)
    if split_ns is not None:
        outside = span_results(client, names, period_ns, split_ns, None)
        if not inside[names[0]]["periods"] or not outside[names[0]]["periods"]:
            raise InputError("--split: the market lies on one side of it; name a time within the market")
        for row in rows:
            found = outside[row["run_id"]]
            row |= {"in_sample": inside[row["run_id"]]["result"], "out_of_sample": found["result"]}
            row["out_sharpe"] = found["sharpe"]
    return rows


def span_results(
    client: Client,
    run_ids: Sequence[str],
    period_ns: int,
    from_ns: int | None = None,
    to_ns: int | None = None,
    with_returns: bool = False,
) -> dict[str, Row]:
    """Returns the columns of sweep_periods.sql for runs in a span of market time, by run id. Raises ClickHouseError."""
    span = {"from_ns": from_ns, "to_ns": to_ns}
    told: dict[str, Any] = {"run_ids": list(run_ids), "period_ns": period_ns, "with_returns": with_returns} | span
    return {row["run_id"]: row for row in query_rows(client, "sweep_periods", told, "a sweep")}
