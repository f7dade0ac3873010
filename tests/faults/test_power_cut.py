"""A machine that loses its power: a broker comes back without the ends of topics, and nothing stays missing."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.kafka.topics import topic_name
from infra.settings import Settings
from infra.stack.kafka_server import KafkaServer
from infra.stack.server_process import data_folder
from streams.evidence.reconcile import reconcile
from streams.evidence.replay.verify import verify
from streams.pipeline.journal.kafka_log import KafkaLogReader
from streams.pipeline.journal.partitions import partition_of
from streams.pipeline.prepare import start_prepared_servers
from streams.pipeline.reference.load_config import core_config
from tests.end_to_end.desk import SYMBOL, Desk, immediate
from tests.end_to_end.processes import running
from tests.faults.test_servers import kill
from tests.fuzz.live import WORKS, live_stack

ORDERS = 10
BATCH_HEADER = struct.Struct(">qi")
"""Base offset and length of a record batch, KIP-98."""
LOST_BATCHES = 6
"""Ends of three transactions: the records of each, and its marker."""
CHECKPOINTS = ("recovery-point-offset-checkpoint", "replication-offset-checkpoint")


@pytest.fixture(scope="module")
def settings() -> Iterator[Settings]:
    with live_stack("plaintext") as settings:
        yield settings


def cut(settings: Settings, topic: str, partition: int) -> int:
    """Cuts the last batches off a partition of a broker that is down, and returns the number of bytes."""
    data = data_folder(settings, KafkaServer.name) / "data"
    (segment,) = (data / f"{topic_name(settings, topic)}-{partition}").glob("*.log")
    content, starts, at = segment.read_bytes(), list[int](), 0
    while at + BATCH_HEADER.size <= len(content) and (length := BATCH_HEADER.unpack_from(content, at)[1]):
        starts.append(at)
        at += BATCH_HEADER.size + length
    assert len(starts) > LOST_BATCHES, "the partition has too few batches"
    segment.write_bytes(content[: starts[-LOST_BATCHES]])
    # A broker that knew what had reached the disk would not look at the segment.
    for name in CHECKPOINTS:
        (data / name).unlink(missing_ok=True)
    return len(content) - starts[-LOST_BATCHES]


def trade(desk: Desk, account: str, name: str) -> set[str]:
    """Trades orders one after another, each in transactions of its own, and returns their ids."""
    ids = [f"{account}-{name}-{number}" for number in range(ORDERS)]
    for order_id in ids:
        desk.trade([immediate(order_id, account)])
    return set(ids)


@pytest.mark.parametrize("topic", ["fills", "executions", "order.results", "orders.approved"])
def test_the_end_of_an_output_topic_is_lost(settings: Settings, tmp_path: Path, topic: str) -> None:
    desk, account = Desk(settings), f"of-{topic}"
    with running(settings, tmp_path, "worker") as worker:
        worker.await_log(WORKS)
        desk.open_account(account)
        desk.quote(0)
        sent = trade(desk, account, "before")
        worker.kill()
        kill(settings, KafkaServer())
        partition = partition_of(account, settings.account_partitions)
        if topic == "orders.approved":
            partition = partition_of(SYMBOL, settings.execution_partitions)
        assert cut(settings, topic, partition) > 0
    start_prepared_servers(settings)
    with running(settings, tmp_path, "worker") as second:
        second.await_log(WORKS)
        sent |= trade(desk, account, "after")
        settings = settings.model_copy(update={"run_id": account})
        with running(settings, tmp_path, "sink"):
            ended = [item.order_id for item in desk.read("order.results") if item.terminal]
            assert sent <= set(ended)
            assert len(ended) == len(set(ended)), "each order ends once"
            assert verify(core_config(settings), KafkaLogReader(settings), desk.codec).differences == []
            report = reconcile(settings)
            assert [(check.name, check.source, check.differences) for check in report.checks if not check.passed] == []
