"""Workers that die, freeze, join and leave, on real Kafka: nothing is lost or processed twice."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition

from infra.kafka.topics import partition_count, topic_name
from infra.settings import Settings
from streams.evidence.replay.verify import verify
from streams.pipeline.journal.kafka_log import KafkaLogReader
from streams.pipeline.reference.load_config import core_config
from streams.pipeline.worker.worker_group import group_id
from tests import stacks
from tests.end_to_end.desk import Desk, immediate
from tests.end_to_end.processes import Background, running

ACCOUNTS = ("A", "B", "C", "D", "E")
TAKEN_OVER = "stands at journal"
WORKS = "Worker ready"
LEAVERS_SECOND_ASSIGNMENT = 3
PACE_S = 0.01


@pytest.fixture
def settings(pipeline_settings: Settings) -> Settings:
    """Settings with the simulator that crosses the spread, and the shortest session that the broker allows."""
    return pipeline_settings.model_copy(update={"mock_trading": False, "worker_session_timeout_s": 6.0})


def orders(name: str, count: int) -> list[str]:
    return [f"{name}-{number}" for number in range(count)]


def trade(desk: Desk, ids: list[str]) -> None:
    desk.trade([immediate(order_id, ACCOUNTS[number % len(ACCOUNTS)]) for number, order_id in enumerate(ids)])


def prove(settings: Settings, desk: Desk, ids: list[str]) -> None:
    """Asserts that each order has one terminal result, and that the outputs equal a replay of the journals."""
    assert sorted(result.order_id for result in desk.read("order.results") if result.terminal) == sorted(ids)
    assert verify(core_config(settings), KafkaLogReader(settings), desk.codec).differences == []


def takeovers(worker: Background) -> int:
    return worker.log.read_text().count(TAKEN_OVER)


def test_a_quick_restart_gets_its_partitions_back_without_a_rebalance(
    settings: Settings, desk: Desk, tmp_path: Path
) -> None:
    settings = settings.model_copy(update={"worker_session_timeout_s": 60.0})
    with running(settings, tmp_path, "worker") as other:
        other.await_log(WORKS)
        with running(settings, tmp_path, "worker") as victim:
            victim.await_log(WORKS)
            for account in ACCOUNTS:
                desk.open_account(account)
            desk.quote(0)
            trade(desk, orders("before", 10))
            undisturbed, lost = takeovers(other), takeovers(victim)
            victim.kill()
            with running(settings, tmp_path, "worker") as again:
                trade(desk, orders("after", 10))
                again.await_log(WORKS)
                assert (takeovers(other), takeovers(again)) == (undisturbed, lost)
                assert again.stop() == 0
            trade(desk, orders("left", 10))
    prove(settings, desk, [*orders("before", 10), *orders("after", 10), *orders("left", 10)])


def test_a_frozen_worker_is_replaced_by_a_spare_one_and_writes_nothing(
    settings: Settings, desk: Desk, tmp_path: Path
) -> None:
    with running(settings, tmp_path, "worker") as frozen:
        frozen.await_log(WORKS)
        for account in ACCOUNTS:
            desk.open_account(account)
        desk.quote(0)
        trade(desk, orders("before", 10))
        for number in range(100):
            desk.send("orders", "A", immediate(f"under-way-{number}", "A"))
        frozen.process.send_signal(signal.SIGSTOP)
        desk.flush()
        with running(settings, tmp_path, "worker") as spare:
            trade(desk, orders("meanwhile", 10))
            frozen.process.send_signal(signal.SIGCONT)
            frozen.await_log("ends without a last commit")
            trade(desk, orders("after", 10))
            assert spare.stop() == 0
        trade(desk, orders("alone", 10))
        assert frozen.stop() == 0
    names = ("before", "meanwhile", "after", "alone")
    prove(settings, desk, [*orders("under-way", 100), *(order for name in names for order in orders(name, 10))])


def test_a_worker_ends_cleanly_also_while_it_takes_its_shards_over(settings: Settings, tmp_path: Path) -> None:
    with running(settings, tmp_path, "worker") as other:
        other.await_log(WORKS)
        with running(settings, tmp_path, "worker") as leaver:
            leaver.await_log(WORKS)
            other.process.send_signal(signal.SIGTERM)
            leaver.await_log(f"generation id {LEAVERS_SECOND_ASSIGNMENT}")
            assert leaver.stop() == 0
            assert WORKS not in leaver.log.read_text().rpartition("generation id")[2], "it had taken them over already"


@contextmanager
def load(desk: Desk) -> Iterator[list[str]]:
    """Sends orders while the block runs; yields the growing list of their ids."""
    sent: list[str] = []
    over = threading.Event()

    def send() -> None:
        while not over.wait(PACE_S):
            sent.append(f"load-{len(sent)}")
            desk.send("orders", ACCOUNTS[len(sent) % len(ACCOUNTS)], immediate(sent[-1], ACCOUNTS[len(sent) % 5]))

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield sent
    finally:
        over.set()
        thread.join()
        desk.flush()


def test_workers_come_and_go_under_load_also_more_of_them_than_partitions(stack: Settings, tmp_path: Path) -> None:
    few = {"topic_prefix": "few.", "account_partitions": 2, "execution_partitions": 2, "mock_trading": False}
    settings = stack.model_copy(update={**few, "worker_session_timeout_s": 6.0})
    stacks.prepare(settings)
    desk = Desk(settings)
    with ExitStack() as workers:
        first, second = (workers.enter_context(running(settings, tmp_path, "worker")) for _ in range(2))
        for account in ACCOUNTS:
            desk.open_account(account)
        desk.quote(0)
        second.await_log(WORKS)
        with load(desk) as sent:
            idle = workers.enter_context(running(settings, tmp_path, "worker"))
            idle.await_log("empty assignment")
            second.kill()
            trade(desk, orders("killed", 10))
            assert first.stop() == 0
            trade(desk, orders("left", 10))
            last = workers.enter_context(running(settings, tmp_path, "worker"))
            last.await_log(TAKEN_OVER)
        trade(desk, orders("end", 10))
    names = ("killed", "left", "end")
    prove(settings, desk, [*sent, *(order for name in names for order in orders(name, 10))])
    stacks.remove_pipeline(settings)


def test_group_offsets_past_unprocessed_records_are_harmless(settings: Settings, desk: Desk, tmp_path: Path) -> None:
    with running(settings, tmp_path, "worker"):
        desk.open_account("A")
        desk.quote(0)
        desk.trade([immediate("first", "A")])
    for order_id in orders("skipped", 20):
        desk.send("orders", "A", immediate(order_id, "A"))
    desk.flush()
    commit_group_to_the_end(settings)
    with running(settings, tmp_path, "worker"):
        desk.trade([immediate("last", "A")])
    prove(settings, desk, ["first", *orders("skipped", 20), "last"])


def commit_group_to_the_end(settings: Settings) -> None:
    """Commits group offsets beyond what was processed, as a faulty worker would."""
    consumer = Consumer({"bootstrap.servers": settings.kafka_bootstrap_servers, "group.id": group_id(settings)})
    try:
        places = [TopicPartition(topic_name(settings, "orders"), p) for p in range(partition_count(settings, "orders"))]
        for place in places:
            place.offset = consumer.get_watermark_offsets(place)[1]
        consumer.commit(offsets=places, asynchronous=False)
    finally:
        consumer.close()
