"""Forward or backward: decided by the broker's append times, whatever clients and feeds write."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.records.enums import TradingLevel
from streams.evidence.cut import Cut
from streams.evidence.gate.criteria import CriteriaFile
from streams.evidence.gate.decision import CriterionResult, Verdict, decide
from streams.evidence.gate.gather_evidence import gather_evidence, plain_rows
from streams.evidence.sessions.find_session import session_rows
from tests.evidence.gate.sessions import (
    AS_OF_NS,
    COMMIT,
    LIVE,
    MARKET,
    PROVED,
    STEADY,
    insert_session,
    market_record,
)
from tests.evidence.metrics import rows
from tests.evidence.metrics.rows import ON_SERVER

LIMITED = TradingLevel.LIMITED_LIVE
MILLISECOND, SECOND, HOUR = timedelta(milliseconds=1), timedelta(seconds=1), timedelta(hours=1)
START = rows.FIRST_DAY
DAYS = len(STEADY) * 20
PACE, LATE, PASSED, NO_MARKET = (
    "market time did not pass as broker time did",
    "the live market came late",
    "a fill was booked when its market had passed",
    "the run has no market data of it",
)


def verdict(client: Client, run_id: str, criteria: CriteriaFile, **changes: Any) -> Verdict:
    """Decides by the criteria, whose parameters of the evidence may be changed."""
    config = criteria.criteria.evidence.model_copy(update=changes)
    asked = criteria.criteria.model_copy(update={"evidence": config})
    found = gather_evidence(client, Cut(run_id, {}), "st", asked, AS_OF_NS, COMMIT)
    return decide(found._replace(rows={**found.rows, **PROVED}), asked)


def markets(client: Client, run_id: str, criteria: CriteriaFile, **changes: Any) -> dict[str, Any]:
    """Returns the rows of the criteria about markets. changes: of the evidence's parameters."""
    config = criteria.criteria.evidence.model_copy(update=changes).model_dump(mode="json")
    asked = {"run_id": run_id, "strategy_id": "st"} | config
    (forward,), (sources,) = (plain_rows(client, query, asked) for query in ("gate_forward", "gate_sources"))
    return forward | sources


def judged(found: Verdict, criterion: str) -> CriterionResult:
    return next(item for item in found.results if item.criterion == criterion and item.level is LIMITED)


def evidence(client: Client, run_id: str) -> tuple[str | None, list[str]]:
    (row,) = session_rows(client, run_id)
    return row["evidence"], row["backward"]


def at_speed(speed: float) -> Callable[[datetime], datetime]:
    return lambda ts: START + (ts - START) / speed


def by_day_only(ts: datetime) -> datetime:
    """Each day as of a clock, and no time between the days."""
    day = (ts - START) // rows.DAY
    return START + (ts - START) - day * (rows.DAY - MARKET)


def in_bursts(ts: datetime) -> datetime:
    """The market stands still, and then an hour of it comes at once."""
    return START + -(-(ts - START) // HOUR) * HOUR


def after_the_market(ts: datetime) -> datetime:
    return ts + DAYS * rows.DAY


ATTACKS = [
    pytest.param({"clock": at_speed(86_400)}, PACE, id="66 days in as many seconds"),
    pytest.param({"clock": at_speed(1.01)}, PACE, id="a little faster than the clock"),
    pytest.param({"clock": in_bursts}, PACE, id="stands still and jumps"),
    pytest.param({"booked": after_the_market}, PASSED, id="traded when the market was over"),
    pytest.param({"booked": lambda ts: ts + 30 * SECOND}, PASSED, id="orders with early times half a minute later"),
    pytest.param({"booked": lambda ts: ts - 30 * SECOND}, PASSED, id="fills ahead of their market"),
    pytest.param({"clock": lambda ts: ts + HOUR}, LATE, id="a live market that comes an hour late"),
    pytest.param({"clock": lambda ts: ts - HOUR}, LATE, id="a live market of the future"),
]


@pytest.mark.parametrize(("planted", "why"), ATTACKS)
def test_every_day_that_could_be_known_is_backward(
    planted: dict[str, Any], why: str, client: Client, run_id: str, criteria: CriteriaFile
) -> None:
    insert_session(client, run_id, **planted)
    assert evidence(client, run_id) == ("backward", [why])
    found = markets(client, run_id, criteria)
    assert (found["forward_days"], found["backward"]) == (0, f"{DAYS} days: {why}")


@pytest.mark.parametrize(
    ("planted", "why"), [({"clock": at_speed(86_400)}, PACE), ({"booked": after_the_market}, PASSED)]
)
def test_a_session_that_meets_all_other_criteria_stays_on_paper_without_forward_days(
    planted: dict[str, Any], why: str, client: Client, run_id: str, criteria: CriteriaFile
) -> None:
    insert_session(client, run_id, **planted)
    found = verdict(client, run_id, criteria)
    assert found.level is TradingLevel.PAPER_ONLY
    assert found.failed(LIMITED) == ["forward_days", "forward_psr"]
    days = judged(found, "forward_days")
    assert (days.value, days.detail) == (0, f"{DAYS} days: {why}")


def test_a_day_packed_into_one_record_is_backward(client: Client, run_id: str) -> None:
    rows.insert(client, "account_equity", rows.session(run_id, 100, [100]))
    rows.insert(client, "fills", [rows.fill(run_id, "BUY", 1, 10, START, kafka_timestamp=START)])
    opened = {"run_id": run_id, "account_id": "A", "session_id": "s", "kind": "SESSION_OPENED", "ts": START}
    rows.insert(client, "risk_events", [opened])
    assert evidence(client, run_id) == ("backward", [NO_MARKET])
    rows.insert(client, "market_data", [market_record(run_id, START, START, first=START - 6 * HOUR)])
    assert evidence(client, run_id) == ("backward", [PACE])


@pytest.mark.parametrize("bad", [0, 5, DAYS - 1])
def test_a_mixture_counts_its_forward_days_alone(bad: int, client: Client, run_id: str, criteria: CriteriaFile) -> None:
    """From the day bad on, the market runs a hundred times faster."""
    begin = START + bad * rows.DAY
    insert_session(client, run_id, clock=lambda ts: ts if ts < begin else begin + (ts - begin) / 100)
    assert evidence(client, run_id) == ("backward", [PACE])
    assert markets(client, run_id, criteria)["forward_days"] == bad


def test_live_sessions_are_forward_also_with_a_lag_of_seconds(
    client: Client, run_id: str, criteria: CriteriaFile
) -> None:
    insert_session(client, run_id, fills_a_day=6, clock=lambda ts: ts + (5 + ts.minute % 3) * SECOND)
    assert evidence(client, run_id) == ("forward", [])
    found = verdict(client, run_id, criteria)
    assert (found.level, judged(found, "forward_days").value) == (TradingLevel.FULL_LIVE, DAYS)


RECORDED = f"file:sha256:{'0' * 64}"


def test_a_recorded_day_at_its_own_speed_is_forward_and_counts_if_it_is_listed(
    client: Client, run_id: str, criteria: CriteriaFile
) -> None:
    insert_session(client, run_id, source=RECORDED, clock=lambda ts: ts + 30 * rows.DAY)
    assert evidence(client, run_id) == ("forward", [])
    found = verdict(client, run_id, criteria)
    assert found.level is TradingLevel.PAPER_ONLY
    assert found.failed(LIMITED) == ["market_source", "forward_days", "forward_psr"]
    fills = judged(found, "market_source")
    assert fills.value == 4 * DAYS
    assert fills.detail.endswith(f"{4 * DAYS} on {RECORDED}")
    assert judged(found, "forward_days").detail == f"{DAYS} days: the source of the market is no forward source"
    as_history = markets(client, run_id, criteria, sources=(RECORDED,))
    assert (as_history["unlisted_fills"], as_history["forward_days"]) == (0, 0)
    assert markets(client, run_id, criteria, forward_sources=("file:*",))["forward_days"] == DAYS


def test_days_without_time_between_them_count_once_for_each_day_of_the_broker(
    client: Client, run_id: str, criteria: CriteriaFile
) -> None:
    insert_session(client, run_id, source=RECORDED, clock=by_day_only)
    assert evidence(client, run_id) == ("forward", [])
    found = markets(client, run_id, criteria, forward_sources=(RECORDED,))["forward_days"]
    assert found == len({by_day_only(START + number * rows.DAY).date() for number in range(DAYS)})
    assert found < 20
    longer = markets(client, run_id, criteria, forward_sources=(RECORDED,), forward_hours_min=2.1)
    assert longer["backward"] == f"{DAYS} days: the market passed for too short a time"


@pytest.mark.parametrize("source", ["", "synthetic:1:60", "file:sha256:1", "alive:SIM:test", "live"])
def test_a_market_of_a_source_that_is_not_listed_counts_for_nothing(
    source: str, client: Client, run_id: str, criteria: CriteriaFile
) -> None:
    insert_session(client, run_id, source=source)
    found = markets(client, run_id, criteria)
    assert (found["unlisted_fills"], found["forward_days"]) == (4 * DAYS, 0)
    assert found["unlisted"] == f"{4 * DAYS} on {source or 'a market of unknown source'}"


def test_one_record_of_another_source_spoils_its_day(client: Client, run_id: str, criteria: CriteriaFile) -> None:
    insert_session(client, run_id)
    rows.insert(client, "market_data", [market_record(run_id, START + SECOND, START + SECOND, "synthetic:1:60")])
    found = markets(client, run_id, criteria)
    assert (found["unlisted_fills"], found["forward_days"]) == (4, DAYS - 1)


def test_losses_on_forward_days_are_not_made_good_by_backward_ones(
    client: Client, run_id: str, criteria: CriteriaFile
) -> None:
    """The last 20 of 120 days are live, and lose."""
    lost = (-20, 10, -15, 5)
    begin = START + (DAYS - 20) * rows.DAY
    insert_session(
        client,
        run_id,
        changes=(*(STEADY * 20)[: DAYS - 20], *lost * 5),
        clock=lambda ts: ts if ts >= begin else begin - rows.DAY + (ts - START) / 1_000,
    )
    found = verdict(client, run_id, criteria)
    assert found.failed(LIMITED) == ["forward_psr"]
    assert judged(found, "forward_days").value == 20
    assert judged(found, "forward_psr").value < 0.5


def test_a_session_without_fills_has_no_evidence(client: Client, run_id: str) -> None:
    opened = {"run_id": run_id, "account_id": "A", "session_id": "s", "kind": "SESSION_OPENED", "ts": START}
    rows.insert(client, "risk_events", [opened])
    assert evidence(client, run_id) == (None, [])


UPDATE = st.tuples(st.integers(0, 1), st.integers(0, 40_000), st.integers(-12_000, 12_000), st.integers(0, 30_000))
"""A record of a market: day, market time within it, lag, market time that its updates cover. Milliseconds."""
FILL = st.tuples(st.integers(0, 1), st.integers(0, 40_000), st.integers(-30_000, 30_000))
"""A fill: day, market time within it, lag. Milliseconds."""
MARKETS = st.lists(st.tuples(st.sampled_from((LIVE, "synthetic:1:60")), st.lists(UPDATE, max_size=4)), min_size=8)


def expected(source: str, updates: list[tuple[int, int, int, int]], booked: tuple[int, int, int]) -> str:
    """Says the verdict on a fill as docs/gate.md tells it."""
    lags = [late for day, _, lag, cover in updates if day == booked[0] for late in (lag, lag + cover)]
    if not lags:
        return NO_MARKET
    if max(lags) - min(lags) > 10_000:
        return PACE
    if source == LIVE and any(not -10_000 <= lag <= 10_000 for lag in lags):
        return LATE
    return "" if min(lags) - 10_000 <= booked[2] <= max(lags) + 10_000 else PASSED


@settings(ON_SERVER, max_examples=20)
@given(markets=MARKETS, fills=st.lists(FILL, min_size=1, max_size=6))
def test_the_verdict_on_a_fill_is_that_of_a_plain_model(
    markets: list[tuple[str, list[tuple[int, int, int, int]]]], fills: list[tuple[int, int, int]], client: Client
) -> None:
    """Each market is one of a symbol of its own, and has the same fills. They stand in milliseconds."""
    run_id, known, records, done = rows.new_run(), dict[str, str](), list[dict[str, Any]](), list[dict[str, Any]]()

    def at(day: int, ms: int) -> datetime:
        return START + day * rows.DAY + ms * MILLISECOND

    for number, (source, updates) in enumerate(markets):
        symbol = {"symbol": f"S{number}"}
        for day, ms, lag, cover in updates:
            made = market_record(run_id, at(day, ms), at(day, ms + lag), source, at(day, ms - cover))
            records.append(made | symbol)
        for day, ms, lag in fills:
            made = rows.fill(run_id, "BUY", 1, 10, at(day, ms), kafka_timestamp=at(day, ms + lag)) | symbol
            known[made["exec_id"]] = expected(source, updates, (day, ms, lag))
            done.append(made)
    rows.insert(client, "market_data", records)
    rows.insert(client, "fills", done)
    query = "SELECT exec_id, backward FROM v_fill_evidence(run_id = {run_id:String}, time_zone = 'UTC')"
    assert {name: why for name, why in client.query(query, {"run_id": run_id}).result_rows} == known
