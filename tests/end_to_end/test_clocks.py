"""Cheats with clocks on a real stack: neither a client's time, nor a producer's stamp, nor a worker's clock counts."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

import pytest
from confluent_kafka import Producer

from infra.kafka.topics import partition_count, topic_name
from infra.settings import Settings
from schemas.records.enums import ExecType, RiskEventKind, Side, TimeInForce
from schemas.records.messages import OrderRequest
from schemas.records.output import Message
from streams.evidence.reconcile import reconcile
from streams.evidence.replay.verify import verify
from streams.pipeline.clients.follow import Follower
from streams.pipeline.journal.kafka_log import KafkaLogReader
from streams.pipeline.journal.partitions import partition_of
from streams.pipeline.reference.load_config import core_config
from tests.builders import MS, SECOND, START, new, opening, quote
from tests.end_to_end.desk import AWAIT_S, SYMBOL, Desk
from tests.end_to_end.processes import running

BUY, SELL = Side.BUY, Side.SELL
HOUR = 3600 * SECOND
PAST = START - SECOND
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
LIMITS = """version = 1
[limits]
[account.rate]
order_rate = {limit = 5, window_ms = 1000}
[account.day.breakers.loss]
kind = "loss"
percent = "5"
[account.half.breakers.frequency]
kind = "frequency"
limit = 3
window_ms = 1000
wait_ms = 3600000
trial_orders = 1
"""


@pytest.fixture
def settings(pipeline_settings: Settings, tmp_path: Path) -> Settings:
    limits = tmp_path / "limits.toml"
    limits.write_text(LIMITS)
    return pipeline_settings.model_copy(update={"mock_trading": False, "limits_file": limits})


@pytest.fixture
def desk(settings: Settings) -> Desk:
    return Desk(settings)


def order(
    account: str, order_id: str, ts: int = START - SECOND, price: str = "50.02", side: Side = BUY
) -> OrderRequest:
    """Returns an IOC order, by default of the past, so that it arrives at once, and across the first quote."""
    quantity = "100" if account == "day" else "1"
    return new(order_id, side, quantity, price, tif=TimeInForce.IOC, symbol=SYMBOL, account=account, ts=ts)


def refused(desk: Desk, request: OrderRequest) -> str | None:
    """Sends an order, waits until it has ended, and returns the code of its refusal."""
    (result,) = desk.trade([request])
    return result.reason_code if result.exec_type == ExecType.REJECTED else None


def move(desk: Desk, second: int, bid: str, ask: str) -> None:
    """Sends a quote and waits until all account shards have its mark."""
    with Follower(desk.settings, desk.codec, ["journal.accounts"]) as journals:
        desk.quote(second, bid, ask)
        desk.flush()
        left = set(range(partition_count(desk.settings, "marks")))
        deadline = time.monotonic() + AWAIT_S
        while left:
            assert time.monotonic() < deadline, f"no mark reached the account shards {left}"
            for item in journals.poll(0.1):
                if item.message.ts >= START + second * SECOND:
                    left.discard(item.partition)


def breakers(desk: Desk, account: str) -> list[str]:
    return [
        event.breaker_state
        for event in desk.read("risk.events")
        if event.account_id == account and event.kind is RiskEventKind.BREAKER_TRANSITION
    ]


def test_no_ts_of_an_order_moves_a_clock(settings: Settings, desk: Desk, tmp_path: Path) -> None:
    """It is 22:13. Orders dated two hours ahead, 201 ms apart and an hour ahead change no day, no rate and no wait."""
    with running(settings, tmp_path, "sink"), running(settings, tmp_path, "worker"):
        for account in ("rate", "day", "half"):
            desk.send("controls", account, opening(account, cash="5000"))
        move(desk, 0, "50.00", "50.02")

        for number in range(40):
            desk.send("orders", "rate", order("rate", f"r{number}", START + number * 201 * MS, "40.00"))
        assert refused(desk, order("rate", "one more")) == "ORDER_RATE"
        assert len([item for item in desk.read("orders.approved") if item.account_id == "rate"]) == 5

        assert refused(desk, order("day", "buys")) is None
        move(desk, 2, "48.00", "48.02")
        assert refused(desk, order("day", "sells", price="48.00", side=SELL)) is None
        desk.send("orders", "day", order("day", "ahead", START + 2 * HOUR, "40.00"))
        assert refused(desk, order("day", "buys again", price="48.02")) is None
        move(desk, 4, "46.00", "46.02")
        assert refused(desk, order("day", "too late", price="40.00")) == "BREAKER_OPEN"
        assert breakers(desk, "day") == ["OPEN"]

        codes = [refused(desk, order("half", f"h{number}", price="40.00")) for number in range(3)]
        assert codes == [None, None, "BREAKER_OPEN"]
        desk.send("orders", "half", order("half", "an hour ahead", START + HOUR, "40.00"))
        assert refused(desk, order("half", "now", price="40.00")) == "BREAKER_OPEN"
        assert breakers(desk, "half") == ["OPEN"]

        assert refused(desk, order("half", "wall clock", time.time_ns())) == "TS_TOO_FAR_AHEAD"
    prove(settings, desk)


def prove(settings: Settings, desk: Desk) -> None:
    """Asserts that the record, with orders that still wait, verifies by replay and reconciles."""
    assert verify(core_config(settings), KafkaLogReader(settings), desk.codec).differences == []
    report = reconcile(settings)
    assert [(check.name, check.source, check.differences) for check in report.checks if not check.passed] == []


class Backdating:
    """A client that stamps its records itself."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._producer = Producer({"bootstrap.servers": desk.settings.kafka_bootstrap_servers})

    def send(self, topic: str, key: str, message: Message, after_ms: int) -> None:
        """Sends a record with a stamp some time after now, to the partition of its key; without key to all."""
        partitions = range(partition_count(self._desk.settings, topic))
        for partition in [partition_of(key, len(partitions))] if key else partitions:
            self._producer.produce(
                topic_name(self._desk.settings, topic),
                key=key.encode() or None,
                value=self._desk.codec.encode(topic, message),
                partition=partition,
                timestamp=int(time.time() * 1_000) + after_ms,
            )
        assert self._producer.flush(AWAIT_S) == 0


def test_no_stamp_of_a_producer_counts_by_record_time(settings: Settings, tmp_path: Path) -> None:
    """Stamps a client's records a year back, or an hour ahead."""
    live = settings.model_copy(update={"time_source": "record"})
    desk = Desk(live)
    client = Backdating(desk)
    with running(live, tmp_path, "worker"):
        year = -365 * DAY_MS
        with Follower(live, desk.codec, ["risk.events"]) as events:
            client.send("controls", "A", opening("A", strategy_id="s1"), year)
            desk.until(events, lambda event: event.kind is RiskEventKind.SESSION_OPENED, 1)
        client.send("orders", "A", order("A", "past", price="40.00"), year)
        client.send("orders", "A", order("A", "ahead"), HOUR_MS - 60_000)
        with Follower(live, desk.codec, ["order.results"]) as results:
            client.send("market.data", SYMBOL, quote("50.00", "50.02", symbol=SYMBOL), HOUR_MS - 60_000)
            client.send("orders", "A", order("A", "last", price="40.00"), year)
            desk.until(results, lambda result: result.order_id == "ahead" and result.terminal, 1)
    results_of = {item.order_id: item for item in desk.read("order.results")}
    assert {"past", "ahead"} <= results_of.keys()
    assert all(abs(item.ts - time.time_ns()) < HOUR // 4 for item in results_of.values())


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
@pytest.mark.parametrize("skew_s", [3 * 3600, -3 * 3600])
def test_a_worker_whose_clock_is_three_hours_off_answers(
    settings: Settings, desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, skew_s: int
) -> None:
    shim = tmp_path / "skewed_clock.so"
    source = Path(__file__).with_name("skewed_clock.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", str(shim), str(source), "-ldl"], check=True)
    with monkeypatch.context() as skewed:
        skewed.setenv("LD_PRELOAD", str(shim))
        skewed.setenv("CLOCK_SKEW_S", str(skew_s))
        with running(settings, tmp_path, "worker"):
            desk.open_account("A")
            move(desk, 0, "50.00", "50.02")
            (result,) = desk.trade([order("A", "o")])
            assert result.ord_status == "FILLED"
