"""Tests of the venue's clock: latency, order of arrival, time sources, early requests, heartbeats, day ends."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from schemas.records.enums import MarkKind, OrdStatus, Side, TimeInForce
from schemas.records.messages import ExecutionReport, Mark
from streams.core.accounts.state.account_records import approved
from streams.core.core_config import CoreConfig
from streams.core.reference.instruments import Instrument
from tests.builders import (
    MS,
    SECOND,
    START,
    cancel,
    config,
    heartbeat,
    instrument,
    mock_config,
    new,
    nights,
    opening,
    px,
    quote,
    quotes,
    replace,
    top_of_book,
)
from tests.core.desk import Desk, last, of, ready, trail

BUY, SELL = Side.BUY, Side.SELL
SLOW = config(simulators=(top_of_book(10),))
DAY_NS = 24 * 3600 * SECOND


def utc(text: str) -> int:
    """Returns the UTC nanoseconds of an ISO time."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND


def arrivals(desk: Desk) -> list[tuple[str, int]]:
    """Returns the arrival times of orders at the venue, after START."""
    return [(item.order_id, item.ts - START) for item in desk.executions if item.exec_type == "NEW"]


@pytest.mark.parametrize(("early", "arrived"), [(1, False), (0, True)])
def test_an_order_arrives_its_latency_after_it_was_sent(early: int, arrived: bool) -> None:
    desk = ready(SLOW)
    desk.send(new("o", BUY, "10", "9.00", ts=START + 5 * MS), heartbeat(START + 15 * MS - early))
    assert arrivals(desk) == ([("o", 15 * MS)] if arrived else [])


def test_an_order_of_the_past_arrives_now_and_not_before() -> None:
    desk = ready(SLOW)
    desk.send(heartbeat(START + SECOND), new("o", BUY, "10", "9.00", ts=START + SECOND // 2))
    assert arrivals(desk) == [("o", SECOND)]


def test_an_arrival_inside_a_record_meets_the_quote_of_its_time() -> None:
    desk = ready(SLOW)
    desk.send(new("o", BUY, "10", ts=START))
    rows = [
        (START + after * MS, "10.00", "100", ask, "100") for after, ask in ((9, "10.03"), (10, "10.04"), (11, "10.05"))
    ]
    desk.send(quotes(*rows))
    assert [(fill.price, fill.ts) for fill in desk.fills] == [(px("10.03"), START + 10 * MS)]


@pytest.mark.parametrize(("ahead", "after"), [(DAY_NS, None), (DAY_NS + 1, 0)])
def test_a_symbol_more_than_a_day_behind_its_accounts_lets_a_request_arrive_at_once(
    ahead: int, after: int | None
) -> None:
    """Other symbols have moved the account shard on; the cancels of its controls carry that time."""
    desk = ready(SLOW)
    order = new("o", BUY, "10", "9.00", ts=START + ahead)
    desk.hold = True
    desk.send(approved(order, "session-1", "a1", START + ahead))
    reports = [item for item in desk.to_accounts if isinstance(item, ExecutionReport)]
    assert [(item.order_id, item.ts - START) for item in reports] == ([] if after is None else [("o", after)])


@pytest.mark.parametrize("change", [cancel("c", "o"), replace("c", "o", "20")])
def test_a_change_never_overtakes_its_order(change: tuple[object, ...]) -> None:
    """Holds for every latency that the run seed draws."""
    for seed in range(20):
        desk = ready(mock_config(latency_ms_max=50, run_seed=seed))
        desk.send(new("o", BUY, "10", "9.00"), change, heartbeat(START + SECOND))
        lives = trail(desk.results, "o")
        assert lives[0] == "NEW/NEW"
        assert lives[1] in ("CANCELED/CANCELED", "REPLACED/NEW")


def test_a_cancel_never_overtakes_a_replace() -> None:
    for seed in range(20):
        desk = ready(mock_config(latency_ms_max=50, run_seed=seed))
        desk.send(new("o", BUY, "10", "9.00"), replace("r", "o", "20"), cancel("c", "o"), heartbeat(START + SECOND))
        assert trail(desk.results, "o") == ["NEW/NEW", "REPLACED/NEW", "CANCELED/CANCELED"]


def test_no_exit_overtakes_its_entry() -> None:
    """Holds for every latency that the run seed draws, but in journals from before this rule."""
    early = 0
    for seed in range(20):
        entry, target = new("in", BUY, "10", "9.00"), new("out", SELL, "10", "11.00", parent_order_id="in")
        desks = [
            ready(mock_config(latency_ms_max=50, run_seed=seed, exits_follow_entries=rule)) for rule in (True, False)
        ]
        for desk in desks:
            desk.send(entry, target, heartbeat(START + SECOND))
        assert [(item.order_id, item.ord_status) for item in desks[0].executions] == [
            ("in", OrdStatus.NEW),
            ("out", OrdStatus.NEW),
        ]
        early += last(desks[1], "out").reason_code == "UNKNOWN_PARENT"
    assert early > 0


def test_requests_wait_for_the_first_market_data() -> None:
    desk = ready(SLOW, market=False)
    desk.send(new("o", BUY, "10", "10.02", ts=START), new("c", BUY, "10", "9.00", ts=START), cancel("x", "c", ts=START))
    assert desk.executions == []
    desk.send(quote(at=START + 4 * MS))
    assert desk.executions == []
    desk.send(heartbeat(START + SECOND))
    assert trail(desk.results, "o") == ["NEW/NEW", "FILL/FILLED"]
    assert trail(desk.results, "c") == ["NEW/NEW", "CANCELED/CANCELED"]
    assert {item.ts for item in desk.executions} == {START + 10 * MS}


def test_each_symbol_has_its_own_clock() -> None:
    desk = ready(SLOW)
    desk.send(new("o", BUY, "10", ts=START), quote(symbol="XYZ", at=START + SECOND))
    assert desk.executions == []
    desk.send(heartbeat(START + SECOND, "XYZ"))
    assert desk.executions == []
    desk.send(heartbeat(START + SECOND, "ABC"))
    assert trail(desk.results, "o") == ["NEW/NEW", "FILL/FILLED"]


def test_a_heartbeat_moves_every_symbol_and_tells_the_accounts() -> None:
    desk = ready(config(simulators=(top_of_book(10),), account_partitions=3))
    desk.send(quote(symbol="XYZ"), new("o1", BUY, "10"), new("o2", BUY, "10", symbol="XYZ"))
    outputs = desk.send(heartbeat(START + SECOND))
    assert {fill.symbol for fill in desk.fills} == {"ABC", "XYZ"}
    beats = [item for item in outputs if item.topic == "marks"]
    assert [item.partition for item in beats] == [0, 1, 2]
    assert {item.message for item in beats} == {
        Mark("", MarkKind.HEARTBEAT, None, None, None, None, START + SECOND),
    }
    assert desk.execution.time_ns == desk.accounts.time_ns == START + SECOND


def test_no_clock_steps_back() -> None:
    desk = ready()
    desk.send(heartbeat(START + SECOND), heartbeat(START), quote(at=START + SECOND // 2), new("o", BUY, "10"))
    assert desk.executions[-1].ts == START + SECOND
    assert desk.execution.time_ns == desk.accounts.time_ns == START + SECOND


def test_clients_do_not_move_the_market() -> None:
    desk = ready()
    desk.send(new("o", BUY, "10", "9.00", ts=START + 3600 * SECOND), opening("B")._replace(ts=START + DAY_NS))
    assert desk.execution.time_ns == desk.accounts.time_ns == START


def by_record(core: CoreConfig) -> Desk:
    """Returns the desk of ready, with record times as the clock."""
    desk = Desk(core)
    desk.send(opening(), quote(at=7), at=START)
    desk.outputs.clear()
    return desk


def test_by_record_time_every_record_moves_the_clock_and_ts_is_information() -> None:
    desk = by_record(SLOW)
    desk.send(new("o", BUY, "10", ts=5), at=START + MS)
    assert desk.accounts.time_ns == desk.execution.time_ns == START + MS
    desk.send(quote("10.00", "10.03", at=8), at=START + 11 * MS - 1)
    assert desk.executions == []
    desk.send(new("o2", BUY, "10", "9.00", ts=9), at=START + 11 * MS)
    assert [(fill.price, fill.ts, fill.quote_ts) for fill in desk.fills] == [(px("10.03"), START + 11 * MS, 8)]


def test_by_record_time_nothing_waits_for_the_market() -> None:
    desk = Desk(config())
    desk.send(opening(), new("o", BUY, "10", "9.00"), new("i", BUY, "10", "9.00", tif=TimeInForce.IOC), at=START)
    assert trail(desk.results, "o") == ["NEW/NEW"]
    assert trail(desk.results, "i") == ["NEW/NEW", "CANCELED/CANCELED"]


def test_by_record_time_the_clock_never_steps_back() -> None:
    desk = by_record(SLOW)
    desk.send(heartbeat(1), at=START + SECOND)
    desk.send(heartbeat(2), new("o", BUY, "10", "9.00"), at=START)
    assert desk.accounts.time_ns == desk.execution.time_ns == START + SECOND


@pytest.mark.parametrize("interval_ms", [0, 1_000])
def test_marks_are_conflated(interval_ms: int) -> None:
    desk = ready(config(mark_interval_ms=interval_ms, account_partitions=2), market=False)
    outputs = []
    for after in (0, 400, 999, 1_000, 1_001, 1_999, 2_000):
        outputs += desk.send(quote(at=START + after * MS))
    expected = [0, 1_000, 2_000] if interval_ms else [0, 400, 999, 1_000, 1_001, 1_999, 2_000]
    marks = [item for item in outputs if item.topic == "marks"]
    copies = [of(Mark, [item for item in marks if item.partition == partition]) for partition in range(2)]
    assert [(mark.ts - START) // MS for mark in copies[0]] == expected
    assert copies[0] == copies[1]


def test_a_mark_carries_the_last_quote_of_its_record() -> None:
    desk = ready(market=False)
    rows = [(START + step, "10.00", "5", "10.02", "-1e-9") for step in range(2)]
    (mark,) = of(Mark, desk.send(quotes(*rows, (START + 2, "9.98", "0", "10.01", "7"))))
    assert mark == Mark("ABC", MarkKind.QUOTE, None, 0, px("10.01"), px("7"), START + 2)


@pytest.mark.parametrize(
    ("time", "zone", "day_end", "expected"),
    [
        ("2024-03-09T20:59:59", "America/New_York", "16:00", "2024-03-09T21:00:00"),
        ("2024-03-09T21:00:00", "America/New_York", "16:00", "2024-03-10T20:00:00"),
        ("2024-11-02T20:00:00", "America/New_York", "16:00", "2024-11-03T21:00:00"),
        ("2024-03-10T06:00:00", "America/New_York", "02:30", "2024-03-10T07:30:00"),
        ("2024-11-03T04:00:00", "America/New_York", "01:30", "2024-11-03T05:30:00"),
        ("2024-11-03T05:30:00", "America/New_York", "01:30", "2024-11-04T06:30:00"),
        ("2024-06-01T00:00:00", "UTC", "00:00", "2024-06-02T00:00:00"),
        ("2024-06-01T14:59:59", "Asia/Tokyo", "00:00", "2024-06-01T15:00:00"),
        ("2024-06-01T12:00:00", "Pacific/Kiritimati", "23:59", "2024-06-02T09:59:00"),
    ],
)
def test_the_end_of_a_trading_day_is_local_time(time: str, zone: str, day_end: str, expected: str) -> None:
    traded = Instrument.from_config(instrument(timezone=zone, day_end=day_end))
    assert traded.day_end_after_ns(utc(time)) == utc(expected)


@pytest.mark.parametrize(
    ("sent", "expires"),
    [("2024-03-09T22:00:00", "2024-03-10T20:00:00"), ("2024-11-02T21:00:00", "2024-11-03T21:00:00")],
    ids=["23 hours, clocks forward", "24 hours, clocks back"],
)
def test_a_day_order_lives_across_a_change_of_the_clocks(sent: str, expires: str) -> None:
    core = config(instruments=(instrument(timezone="America/New_York", day_end="16:00"),))
    desk = Desk(core)
    desk.send(opening(), quote(at=utc(sent)), new("o", BUY, "10", "9.00", tif=TimeInForce.DAY, ts=utc(sent)))
    desk.send(heartbeat(utc(expires) - 1))
    assert list(desk.account().ledger.working) == ["o"]
    desk.send(heartbeat(utc(expires)))
    assert (desk.executions[-1].ord_status, desk.executions[-1].ts) == (OrdStatus.EXPIRED, utc(expires))


def test_a_day_order_expires_before_a_quote_of_the_same_time_can_fill_it() -> None:
    end = utc("2023-11-15T00:00:00")
    desk = ready()
    desk.send(new("o", BUY, "10", "9.00", tif=TimeInForce.DAY), quote("8.90", "9.00", at=end))
    assert trail(desk.results, "o") == ["NEW/NEW", "EXPIRED/EXPIRED"]


def test_day_orders_of_two_days_expire_each_on_its_own() -> None:
    first = utc("2023-11-15T00:00:00")
    desk = ready()
    desk.send(
        new("o1", BUY, "10", "9.00", tif=TimeInForce.DAY), new("o2", BUY, "10", "9.00", tif=TimeInForce.DAY, ts=first)
    )
    desk.send(heartbeat(first + 5 * SECOND))
    assert [(item.order_id, item.ts) for item in desk.executions if item.exec_type == "EXPIRED"] == [("o1", first)]
    desk.send(*nights(first + 5 * SECOND, first + 2 * DAY_NS))
    ends = [(item.order_id, item.ts) for item in desk.executions if item.exec_type == "EXPIRED"]
    assert ends == [("o1", first), ("o2", first + DAY_NS)]


def test_what_arrives_at_the_days_end_finds_its_order_expired() -> None:
    end = utc("2023-11-15T00:00:00")
    desk = ready(SLOW)
    desk.send(new("o", BUY, "10", "9.00", tif=TimeInForce.DAY), heartbeat(end - 10 * MS))
    desk.send(cancel("c", "o", ts=end - 10 * MS), heartbeat(end + SECOND))
    assert trail(desk.results, "o") == ["NEW/NEW", "EXPIRED/EXPIRED", "CANCEL_REJECT/UNKNOWN"]
    assert {item.ts for item in desk.executions[1:]} == {end}
