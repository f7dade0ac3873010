"""Workers on real Kafka: they take orders of any client, set bad records aside, and lose nothing when killed."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.settings import Settings
from streams.evidence.reconcile import reconcile
from streams.evidence.replay.verify import verify
from streams.pipeline.journal.kafka_log import KafkaLogReader
from streams.pipeline.reference.load_config import core_config
from tests.end_to_end.desk import SYMBOL, Desk, immediate
from tests.end_to_end.processes import paper, running

ACCOUNTS = ("A", "B", "C", "D", "E")


@pytest.fixture
def settings(pipeline_settings: Settings) -> Settings:
    """Settings with the simulator that crosses the spread, without random failures or latency."""
    return pipeline_settings.model_copy(update={"mock_trading": False})


@pytest.fixture
def desk(settings: Settings) -> Desk:
    return Desk(settings)


def prove(settings: Settings, desk: Desk) -> None:
    """Asserts that the record verifies by replay and reconciles, in Kafka and in ClickHouse."""
    verified = verify(core_config(settings), KafkaLogReader(settings), desk.codec)
    assert verified.differences == []
    report = reconcile(settings)
    assert [(check.name, check.source, check.differences) for check in report.checks if not check.passed] == []


def test_orders_come_back_as_fills_positions_and_rows(settings: Settings, desk: Desk, tmp_path: Path) -> None:
    with running(settings, tmp_path, "sink"):
        with running(settings, tmp_path, "worker") as worker:
            for account in ACCOUNTS:
                desk.open_account(account)
            desk.quote(0)
            orders = [immediate(f"o-{number}", ACCOUNTS[number % 5]) for number in range(50)]
            results = desk.trade(orders)
            assert sum(result.ord_status == "FILLED" for result in results) == 10, "100 displayed, 10 an order"
            assert worker.stop() == 0
        forwarded = [record for record in desk.read_raw("orders", 0) if record.headers]
        assert forwarded or any(desk.read_raw("orders", number)[0].headers for number in range(1, 4))
        assert len(desk.read("fills")) == 10
        prove(settings, desk)


def test_garbage_steps_aside_with_its_bytes(settings: Settings, desk: Desk, tmp_path: Path) -> None:
    garbage = [b"", b"garbage", b"\x00\x7f\xff\xff\xff\x00", desk.codec.encode("orders", immediate("x", "A"))[:-2]]
    with running(settings, tmp_path, "worker"):
        desk.open_account("A")
        desk.quote(0)
        for value in garbage:
            desk.send_bytes("orders", b"A", value)
        desk.send_bytes("orders", None, desk.codec.encode("orders", immediate("no-key", "A")))
        desk.trade([immediate("after", "A")])
    letters = [record for record in desk.read_raw("dlq.orders") if dict(record.headers)["stage"] == b"accounts"]
    assert (
        sorted(record.value or b"" for record in letters)[: len(garbage)]
        == sorted([*garbage, *[record.value or b"" for record in letters if record.key is None]])[: len(garbage)]
    )
    assert len(letters) == len(garbage) + 1


def test_a_killed_worker_loses_and_doubles_nothing(settings: Settings, desk: Desk, tmp_path: Path) -> None:
    with running(settings, tmp_path, "sink"):
        with running(settings, tmp_path, "worker") as worker:
            desk.open_account("A")
            desk.quote(0, ask="50.02")
            desk.trade([immediate(f"before-{number}", "A") for number in range(20)])
            for number in range(150):
                desk.send("orders", "A", immediate(f"during-{number}", "A"))
            worker.kill()
            desk.flush()
        with running(settings, tmp_path, "worker"):
            desk.quote(1)
            desk.trade([immediate("after", "A")])
        terminal = [result.order_id for result in desk.read("order.results") if result.terminal]
        assert sorted(terminal) == sorted(
            [f"before-{n}" for n in range(20)] + [f"during-{n}" for n in range(150)] + ["after"]
        )
        prove(settings, desk)


def test_partitions_spread_over_workers_and_come_back(settings: Settings, desk: Desk, tmp_path: Path) -> None:
    with running(settings, tmp_path, "worker") as first:
        desk.open_account("A")
        desk.quote(0)
        with running(settings, tmp_path, "worker") as second:
            second.await_log("stands at journal")
            for account in ACCOUNTS[1:]:
                desk.open_account(account)
            desk.trade([immediate(f"two-{number}", ACCOUNTS[number % 5]) for number in range(50)])
            assert second.stop() == 0
        desk.trade([immediate(f"one-{number}", ACCOUNTS[number % 5]) for number in range(50)])
        assert first.stop() == 0
    assert verify(core_config(settings), KafkaLogReader(settings), desk.codec).differences == []


def test_changed_settings_take_effect_at_a_recorded_place(settings: Settings, desk: Desk, tmp_path: Path) -> None:
    with running(settings, tmp_path, "worker"):
        desk.open_account("A")
        desk.quote(0)
        assert desk.trade([immediate("real", "A")])[0].ord_status == "FILLED"
    mocked = settings.model_copy(update={"mock_trading": True})
    with running(mocked, tmp_path, "worker"):
        desk.trade([immediate("mocked", "A")])
    simulators = {report.order_id: report.simulator for report in desk.read("executions")}
    assert simulators == {"real": "top-of-book", "mocked": "mock"}
    verified = paper(settings, "replay", "verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_an_order_for_a_symbol_without_a_market_waits_for_one(settings: Settings, desk: Desk, tmp_path: Path) -> None:
    with running(settings, tmp_path, "worker"):
        desk.open_account("A")
        desk.send("orders", "A", immediate("early", "A", symbol="GLOBEX.SIM"))
        desk.quote(0)
        desk.trade([immediate("other", "A", symbol=SYMBOL)])
        assert [result.order_id for result in desk.read("order.results")].count("early") == 0
        desk.quote(0, symbol="GLOBEX.SIM")
        desk.quote(1, symbol="GLOBEX.SIM")
        desk.trade([immediate("late", "A", symbol="GLOBEX.SIM")])
    assert [result.order_id for result in desk.read("order.results") if result.terminal].count("early") == 1
