"""Servers that die under a running pipeline: reading stops, nothing is lost, and work continues by itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep

import psutil
import pytest

from infra import processes
from infra.settings import Settings
from infra.stack import local_stack
from infra.stack.kafka_server import KafkaServer
from infra.stack.registry_server import RegistryServer
from infra.stack.server_process import Server
from schemas.registry import Registry
from streams.evidence.reconcile import reconcile
from streams.evidence.replay.verify import verify
from streams.operations.health.health_collector import HealthCollector
from streams.pipeline.journal.kafka_log import KafkaLogReader
from streams.pipeline.prepare import start_prepared_servers
from streams.pipeline.reference.load_config import core_config
from streams.pipeline.sink.sink import group_id
from tests.end_to_end.desk import Desk
from tests.end_to_end.processes import running
from tests.faults.test_workers import ACCOUNTS, WORKS, load, orders, trade
from tests.pipeline.sink.records import order_value
from tests.pipeline.sink.test_sink import COUNTS, produce, running_sink, wait_for

KILL_TIMEOUT_S = 10.0
UNKNOWN_SCHEMA = b"\x00\x00\x0f\x42\x3f\x00"


def kill(settings: Settings, server: Server) -> None:
    """Kills a server of the tests' own stack with SIGKILL."""
    identity = processes.read_pid_file(local_stack.pid_file(settings, server))
    if identity is None:
        pytest.skip("the servers run in containers")
    psutil.Process(identity.pid).kill()
    psutil.Process(identity.pid).wait(KILL_TIMEOUT_S)


def prove(settings: Settings, desk: Desk, ids: list[str]) -> None:
    assert sorted(result.order_id for result in desk.read("order.results") if result.terminal) == sorted(ids)
    assert verify(core_config(settings), KafkaLogReader(settings), desk.codec).differences == []
    report = reconcile(settings)
    assert [(check.name, check.source, check.differences) for check in report.checks if not check.passed] == []


def test_the_broker_is_killed_under_load(settings: Settings, desk: Desk, tmp_path: Path) -> None:
    with running(settings, tmp_path, "sink"), running(settings, tmp_path, "worker") as worker:
        for account in ACCOUNTS:
            desk.open_account(account)
        desk.quote(0)
        with load(desk) as sent:
            trade(desk, orders("before", 10))
            kill(settings, KafkaServer())
            start_prepared_servers(settings)
        trade(desk, orders("after", 10))
        prove(settings, desk, [*sent, *orders("before", 10), *orders("after", 10)])
        assert worker.stop() == 0


def test_without_the_registry_known_schemas_go_on_and_an_unknown_one_stops_cleanly(
    settings: Settings, desk: Desk, tmp_path: Path
) -> None:
    try:
        with running(settings, tmp_path, "sink"):
            with running(settings, tmp_path, "worker") as worker:
                worker.await_log(WORKS)
                for account in ACCOUNTS:
                    desk.open_account(account)
                desk.quote(0)
                trade(desk, orders("before", 10))
                kill(settings, RegistryServer())
                trade(desk, orders("without", 10))
                desk.send_bytes("orders", b"A", UNKNOWN_SCHEMA)
                desk.flush()
                assert worker.process.wait(60) == 1
                assert "has a schema that is not known here" in worker.log.read_text()
            start_prepared_servers(settings)
            with running(settings, tmp_path, "worker"):
                trade(desk, orders("after", 10))
            (letter,) = desk.read_raw("dlq.orders")
            assert letter.value == UNKNOWN_SCHEMA
            prove(settings, desk, [order for name in ("before", "without", "after") for order in orders(name, 10)])
    finally:
        start_prepared_servers(settings)


def test_the_lag_of_the_sink_is_right_after_the_broker_died(settings: Settings) -> None:
    """The records land while the broker is away, so the commit of their offsets is lost with it."""
    slow = settings.model_copy(update={"sink_block_age_s": 3.0})
    health = HealthCollector(slow)
    with running_sink(slow) as sink:
        produce(slow, *[order_value(Registry(slow), number) for number in range(100)])
        until(lambda: sink._flow._buffer.bytes > 0)
        kill(slow, KafkaServer())
        wait_for(slow, COUNTS, [(100, 100)])
        start_prepared_servers(slow)
        group = group_id(slow)
        until(lambda: (lag := health.collect().lag) and not any(item.records for item in lag if item.group == group))


def until(condition: Callable[[], object]) -> None:
    deadline = monotonic() + 60.0
    while not condition():
        assert monotonic() < deadline
        sleep(0.05)
