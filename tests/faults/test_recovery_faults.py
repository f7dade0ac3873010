"""A worker parks a shard if Kafka's records differ from the recorded ones, names the remedy, and mends what it can."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from infra.kafka.topics import delete_topics, ensure_topics, topic_name
from infra.settings import Settings
from streams.pipeline.journal.kafka_log import KafkaLogReader, KafkaLogWriter
from streams.pipeline.journal.raw_records import RawOutput
from streams.pipeline.journal.transaction import Transaction
from tests.end_to_end.desk import Desk, immediate
from tests.end_to_end.processes import paper, running

ADMIN_TIMEOUT_S = 30.0


def remove_records(settings: Settings, topic: str, *partitions: int) -> None:
    """Deletes the present records of partitions, by default of all, as retention would; offsets continue."""
    admin = AdminClient({"bootstrap.servers": settings.kafka_bootstrap_servers})
    ends = [
        TopicPartition(topic_name(settings, topic), p, end)
        for p in partitions or range(settings.account_partitions)
        if (end := KafkaLogReader(settings).bounds([topic], p)[topic][1])
    ]
    for future in admin.delete_records(ends, operation_timeout=ADMIN_TIMEOUT_S).values():
        future.result(ADMIN_TIMEOUT_S)


def park(settings: Settings, folder: Path, shard: str) -> str:
    """Runs a worker until it parks a shard, and returns its log."""
    with running(settings, folder, "worker") as worker:
        worker.await_log(f"shard {shard} is parked")
        assert worker.stop() == 0
        return worker.log.read_text()


def damage_snapshot(settings: Settings, desk: Desk, shard: str, partition: int) -> None:
    newest = list(KafkaLogReader(settings).read("snapshots.accounts", partition, 0))[-1]
    snapshot: Any = desk.codec.decode("snapshots.accounts", newest.value or b"")
    torn = desk.codec.encode("snapshots.accounts", snapshot._replace(state=snapshot.state[:-1]))
    writer = KafkaLogWriter(settings, shard)
    record = RawOutput("snapshots.accounts", partition, newest.key, torn)
    writer.commit(Transaction(snapshot.sequence, [], record, 0))
    writer.close()


def test_what_is_wrong_with_the_record_is_named_and_what_can_be_mended_is(
    settings: Settings, desk: Desk, tmp_path: Path
) -> None:
    with running(settings, tmp_path, "worker"):
        desk.open_account("A")
        desk.quote(0)
        desk.trade([immediate("first", "A")])
    partition = next(p for p in range(settings.account_partitions) if desk.read_raw("controls", p))
    shard = f"accounts-{partition}"

    damage_snapshot(settings, desk, shard, partition)
    listed = paper(settings, "snapshots", "list")
    assert (listed.returncode, "is damaged" in listed.stdout) == (1, True)
    with running(settings, tmp_path, "worker") as worker:
        desk.trade([immediate("healed", "A")])
        assert "the next older snapshot or the journal from its start is tried" in worker.log.read_text()
    assert paper(settings, "snapshots", "list").returncode == 0
    damage_snapshot(settings, desk, shard, partition)
    rebuilt = paper(settings, "snapshots", "rebuild", shard)
    assert rebuilt.returncode == 0, rebuilt.stderr
    assert paper(settings, "snapshots", "list").returncode == 0
    with running(settings, tmp_path, "worker"):
        desk.trade([immediate("second", "A")])

    for order_id in ("lost-1", "lost-2"):
        desk.send("orders", "A", immediate(order_id, "A"))
    desk.flush()
    remove_records(settings, "orders")
    assert "unprocessed inputs were removed" in park(settings, tmp_path, shard)

    delete_topics(settings, [topic_name(settings, "orders")])
    ensure_topics(settings)
    assert "deleted and created again" in park(settings, tmp_path, shard)

    remove_records(settings, "journal.accounts")
    assert "the journal was deleted" in park(settings, tmp_path, shard)
