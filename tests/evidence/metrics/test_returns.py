"""Returns and risk equal those of numpy and scipy on random days. Undefined values are NULL."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from clickhouse_connect.driver.client import Client
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from streams.evidence.metrics.compute_metrics import MetricScope, metric_rows, metric_values
from streams.evidence.metrics.conventions import Conventions
from tests.evidence.metrics.rows import DAY, EPOCH, FIRST_DAY, ON_SERVER, equity, fill, insert, new_run, session

FEW: dict[str, Any] = {"min_returns": 1, "min_calendar_days": 1}
"""Conventions under which few observations are enough, for the comparison of formulas."""
CONVENTIONS = Conventions(mar=0.001, benchmark_sharpe=0.5, trials=20, trials_variance=0.002)._replace(**FEW)
SERIES_OF_A_QUERY = 8
SESSION = MetricScope("session", "s")
RATIOS = {
    "sharpe",
    "sortino",
    "volatility",
    "cagr",
    "calmar",
    "skewness",
    "kurtosis",
    "psr",
    "dsr",
    "min_track_record_days",
}
cents = st.integers(5_000, 20_000).map(lambda value: Decimal(value) / 100)
gaps = st.sampled_from([1, 1, 1, 1, 3])
series = st.lists(st.tuples(cents, gaps), min_size=1, max_size=40)


def expected(values: list[float], days: list[int]) -> dict[str, float | None]:
    """Computes every metric with numpy and scipy. values: E_0 ... E_n; days: their numbers, from the day before."""
    equity_curve = np.array(values)
    r = equity_curve[1:] / equity_curve[:-1] - 1
    n, year = len(r), math.sqrt(252)
    peaks = np.maximum.accumulate(equity_curve)
    drawdowns = equity_curve / peaks - 1
    weights = np.append(np.diff(days), 1)
    result: dict[str, float | None] = {
        "days": n,
        "total_return": equity_curve[-1] / equity_curve[0] - 1,
        "best_day": r.max(),
        "worst_day": r.min(),
        "cagr": finite((equity_curve[-1] / equity_curve[0]) ** (365 / (days[-1] - days[0])) - 1),
        "max_drawdown": drawdowns.min(),
        "time_weighted_drawdown": float(np.average(-drawdowns, weights=weights)),
        "ulcer_index": math.sqrt(np.mean(drawdowns**2)),
        "value_at_risk": float(np.quantile(r, 0.05)),
        "expected_shortfall": float(np.sort(r)[: int((n - 1) * 0.05) + 1].mean()),
        **{name: None for name in ("sharpe", "volatility", "skewness", "kurtosis", "psr", "dsr", "calmar")},
    }
    if drawdowns.min() < 0 and result["cagr"] is not None:
        result["calmar"] = result["cagr"] / -drawdowns.min()
    downside = math.sqrt(np.mean(np.minimum(r - 0.001, 0) ** 2))
    result["sortino"] = (r.mean() - 0.001) / downside * year if downside else None
    result |= episodes(list(drawdowns), days)
    if n < 2:
        return result | {"min_track_record_days": None}
    result["volatility"] = r.std(ddof=1) * year
    if r.std(ddof=1) < 1e-14:
        return result | {"min_track_record_days": None}
    sharpe = r.mean() / r.std(ddof=1)
    skewness, kurtosis = stats.skew(r), stats.kurtosis(r, fisher=False)
    spread = 1 - skewness * sharpe + (kurtosis - 1) / 4 * sharpe**2
    target = 0.5 / year
    deflated = math.sqrt(0.002) * (
        (1 - np.euler_gamma) * stats.norm.ppf(1 - 1 / 20) + np.euler_gamma * stats.norm.ppf(1 - 1 / (20 * math.e))
    )
    result |= {"sharpe": sharpe * year, "skewness": skewness, "kurtosis": kurtosis}
    if spread > 1e-9:
        result["psr"] = stats.norm.cdf((sharpe - target) * math.sqrt(n - 1) / math.sqrt(spread))
        result["dsr"] = stats.norm.cdf((sharpe - deflated) * math.sqrt(n - 1) / math.sqrt(spread))
    result["min_track_record_days"] = (
        1 + spread * (stats.norm.ppf(0.95) / (sharpe - target)) ** 2 if sharpe > target else None
    )
    return result


def finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def episodes(drawdowns: list[float], days: list[int]) -> dict[str, float | None]:
    """Returns the drawdown episodes, found one by one as a person would."""
    found, peak = [], 0
    for number, value in enumerate([*drawdowns, None]):
        if value is None or value >= 0:
            under = drawdowns[peak + 1 : number]
            if under:
                trough = peak + 1 + under.index(min(under))
                back = None if value is None else days[number]
                found.append((min(under), days[peak], days[trough], back, days[-1] if back is None else back))
            peak = number
    if not found:
        return dict.fromkeys(
            ["max_drawdown_days", "max_drawdown_recovery_days", "average_drawdown", "average_drawdown_days"]
        ) | {"average_recovery_days": None}
    _, peaked, bottom, back, end = min(found)
    recoveries = [item[3] - item[2] for item in found if item[3] is not None]
    return {
        "max_drawdown_days": end - peaked,
        "max_drawdown_recovery_days": None if back is None else back - bottom,
        "average_drawdown": float(np.mean([item[0] for item in found])),
        "average_drawdown_days": float(np.mean([item[4] - item[1] for item in found])),
        "average_recovery_days": float(np.mean(recoveries)) if recoveries else None,
    }


@given(st.lists(series, min_size=SERIES_OF_A_QUERY, max_size=SERIES_OF_A_QUERY))
@settings(ON_SERVER, max_examples=8)
def test_random_returns_equal_numpy_and_scipy(client: Client, drawn: list[list[tuple[Decimal, int]]]) -> None:
    run_id, rows, models = new_run(), [], {}
    for number, steps in enumerate(drawn):
        name, day, days = f"s-{number}", 0, [-1]
        rows.append(equity(run_id, 100, EPOCH, "SESSION_OPEN", session_id=name, account_id=name))
        for value, gap in steps:
            rows.append(equity(run_id, value, FIRST_DAY + day * DAY, session_id=name, account_id=name))
            days.append(day)
            day += gap
        models[name] = expected([100.0, *(float(value) for value, _ in steps)], days)
    insert(client, "account_equity", rows)
    found = metric_rows(client, "metrics_returns", run_id, MetricScope("session"), CONVENTIONS)
    assert len(found) == len(drawn)
    for row in found:
        model = models[row["scope_id"]]
        got = {name: row[name] for name in model}
        assert got == {name: close(value) for name, value in model.items()}


def close(value: float | None) -> Any:
    return None if value is None else pytest.approx(value, rel=1e-9, abs=1e-9)


@given(st.lists(st.floats(1e-12, 1 - 1e-12), min_size=50, max_size=50))
@settings(ON_SERVER, max_examples=4)
def test_the_normal_quantile_equals_scipys(client: Client, levels: list[float]) -> None:
    query = "SELECT arrayMap(p -> assumeNotNull(paper_normal_quantile(p)), {levels:Array(Float64)})"
    got = client.query(query, parameters={"levels": levels}).result_rows[0][0]
    assert got == pytest.approx(list(stats.norm.ppf(levels)), rel=1e-13, abs=1e-13)


def one(client: Client, run_id: str, scope: MetricScope = SESSION, **conventions: Any) -> dict[str, Any]:
    (row,) = metric_rows(client, "metrics_returns", run_id, scope, Conventions(**conventions))
    return row


@pytest.mark.parametrize(
    ("ends", "undefined"),
    [
        ([100], RATIOS - {"cagr"} | {"max_drawdown_days", "average_drawdown", "max_drawdown_recovery_days"}),
        ([101, "102.01", "103.0301"], RATIOS - {"cagr", "volatility"}),
        ([0, 0, 50], RATIOS | {"total_return", "max_drawdown", "value_at_risk", "best_day", "ulcer_index"}),
        ([50, -1], {"cagr", "calmar"}),
    ],
    ids=["one day", "no variance", "nothing to earn a return on", "below nothing"],
)
def test_what_is_undefined_is_null(client: Client, run_id: str, ends: list[Any], undefined: set[str]) -> None:
    insert(client, "account_equity", session(run_id, 100, ends))
    row = one(client, run_id, **FEW)
    assert {name for name in undefined if row[name] is not None} == set()
    assert all(math.isfinite(value) for value in row.values() if isinstance(value, float))


@pytest.mark.parametrize(("returns", "defined"), [(1, set()), (29, set()), (30, {"volatility", "sharpe", "sortino"})])
def test_annual_ratios_need_thirty_returns(client: Client, run_id: str, returns: int, defined: set[str]) -> None:
    """The standard error of an annual Sharpe ratio is sqrt(252 / n), Lo 2002: a single day says nothing."""
    insert(client, "account_equity", session(run_id, 100, [100 + 3 * (day % 2) for day in range(returns)]))
    found = {item.name: item for item in metric_values(client, run_id, SESSION, Conventions())}
    assert {name for name in ("volatility", "sharpe", "sortino") if found[name].value is not None} == defined
    assert found["sharpe"].why_null == ("" if defined else f"{returns} of 30 daily returns")
    assert found["total_return"].value is not None


@pytest.mark.parametrize(("last", "needed"), [(363, "364 of 365 calendar days"), (364, "")])
def test_growth_a_year_needs_a_year(client: Client, run_id: str, last: int, needed: str) -> None:
    """Returns of less than a year are not annualised, GIPS 2020."""
    rows = [equity(run_id, 100, EPOCH, "SESSION_OPEN"), equity(run_id, 90, FIRST_DAY)]
    insert(client, "account_equity", [*rows, equity(run_id, 110, FIRST_DAY + last * DAY)])
    found = {item.name: item for item in metric_values(client, run_id, SESSION, Conventions())}
    assert {found[name].value is None for name in ("cagr", "calmar")} == {bool(needed)}
    assert {found[name].why_null for name in ("cagr", "calmar")} == {needed}
    assert found["dsr"].why_null == "", "undefined for another reason"


def test_trials_that_are_not_declared_leave_no_dsr(client: Client, run_id: str) -> None:
    insert(client, "account_equity", session(run_id, 100, [101, 100, 103, 104]))
    assert one(client, run_id)["dsr"] is None
    assert one(client, run_id, trials=5)["dsr"] is None
    assert one(client, run_id, trials=1)["dsr"] == one(client, run_id)["psr"]
    assert one(client, run_id, trials=5, trials_variance=0.01)["dsr"] < one(client, run_id)["psr"]


def test_sessions_of_a_strategy_are_weighted_by_their_equity(client: Client, run_id: str) -> None:
    """Opening or ending a session is no return: 100 -> 110, then 110 + 300 -> 121 + 270, then 270 -> 297."""
    rows = session(run_id, 100, [110, 121])
    rows += session(run_id, 300, [0, 270, 297], account_id="B", session_id="t")
    insert(client, "account_equity", [row for row in rows if row["equity"] != 0])
    row = one(client, run_id, MetricScope("strategy", "st"))
    assert row["total_return"] == pytest.approx(1.1 * (391 / 410) * 1.1 - 1)
    assert (row["days"], row["net_pnl"]) == (3, Decimal(18))
    assert one(client, run_id, MetricScope("account", "B"))["total_return"] == pytest.approx(-0.01)


def test_days_are_those_of_the_time_zone(client: Client, run_id: str) -> None:
    """01:00 UTC is the evening before in New York; between 18:00 and 18:20 UTC a day begins in Kathmandu (+5:45)."""
    late = datetime(2024, 1, 3, 1, tzinfo=UTC)
    stamps = [late, late + timedelta(hours=17), late + timedelta(hours=17, minutes=20), late + timedelta(hours=25)]
    rows = [equity(run_id, 100, EPOCH, "SESSION_OPEN")]
    insert(client, "account_equity", rows + [equity(run_id, 101 + n, ts) for n, ts in enumerate(stamps)])
    ends = {}
    for zone in ("UTC", "America/New_York", "Asia/Kathmandu"):
        days = metric_rows(client, "metrics_days", run_id, SESSION, Conventions(time_zone=zone))
        ends[zone] = [(row["part"][-2:], int(row["day_end_equity"])) for row in days]
    assert ends == {
        "UTC": [("03", 103), ("04", 104)],
        "America/New_York": [("02", 101), ("03", 104)],
        "Asia/Kathmandu": [("03", 102), ("04", 104)],
    }


def test_a_quiet_day_of_a_traded_symbol_counts(client: Client, run_id: str) -> None:
    """Equity is written only at fills and with positions. Flat days count; weekends and other symbols' days do not."""
    insert(client, "account_equity", session(run_id, 100, [102]))
    insert(client, "fills", [fill(run_id, "BUY", 1, 10, FIRST_DAY)])
    mark = {"run_id": run_id, "kind": "QUOTE", "bid_px": Decimal(9), "ask_px": Decimal(11)}
    days = [-1, 0, 1, 2]
    marks = [mark | {"symbol": "ABC", "ts": FIRST_DAY + day * DAY} for day in days]
    marks += [mark | {"symbol": "XYZ", "ts": FIRST_DAY + 5 * DAY}]
    insert(client, "marks", marks)
    assert quiet_days(client, run_id) == {date(2024, 1, 2): 0.02, date(2024, 1, 3): 0.0, date(2024, 1, 4): 0.0}
    insert(client, "account_equity", [equity(run_id, 102, FIRST_DAY + DAY, "SESSION_CLOSE")])
    assert len(quiet_days(client, run_id)) == 2


def quiet_days(client: Client, run_id: str) -> dict[date, Any]:
    """Returns each day with its return, from the opening on. The day before it has marks but no session."""
    rows = metric_rows(client, "metrics_days", run_id, SESSION, Conventions())
    return {
        date.fromisoformat(row["part"]): pytest.approx(row["daily_return"])
        for row in rows
        if row["part"] > "2024-01-01"
    }
