"""`paper backup` and `paper restore` on real servers: the restored pipeline is proved equal, and trades on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer

from infra.kafka.client_config import client_config
from infra.kafka.topics import topic_name
from infra.settings import Settings
from schemas.records.enums import OrdStatus
from streams.errors import BackupError, RecoveryError
from streams.evidence.replay.archive import Archive
from streams.pipeline.journal.kafka_log import KafkaLogReader
from streams.tools.backup.backup_manifest import BackupManifest, read_backup
from streams.tools.backup.compare_backup import compare_backup
from streams.tools.backup.restore_backup import demand_same_pipeline, restore_backup
from streams.tools.backup.write_backup import write_backup
from tests import stacks
from tests.end_to_end.desk import Desk, immediate
from tests.end_to_end.processes import done, running

WAIT_S = 30.0


@pytest.fixture
def settings(stack: Settings) -> Iterator[Settings]:
    """A pipeline of its own with few partitions, each of which costs a restore some requests."""
    own = stack.model_copy(
        update={
            "topic_prefix": "backup.",
            "clickhouse_database": "test",
            "account_partitions": 2,
            "execution_partitions": 1,
            "mock_trading": False,
        }
    )
    try:
        stacks.prepare(own)
        with stacks.clean_database(own):
            yield own
    finally:
        stacks.remove_topics(own)


def abort_orders(settings: Settings, count: int) -> None:
    """Leaves orders on the topic that nobody reads, as a client's aborted transaction does."""
    producer = Producer(client_config(settings) | {"transactional.id": f"{settings.topic_prefix}aborted"})
    producer.init_transactions(WAIT_S)
    producer.begin_transaction()
    for _ in range(count):
        producer.produce(topic_name(settings, "orders"), key=b"A", value=b"never", partition=0)
    assert producer.flush(WAIT_S) == 0
    producer.abort_transaction(WAIT_S)


def trade(settings: Settings, folder: Path, name: str, second: int) -> None:
    """Runs a worker and a sink, and trades some orders around records that nobody reads."""
    with running(settings, folder, "sink"), running(settings, folder, "worker"):
        desk = Desk(settings)
        desk.open_account(name)
        desk.quote(second)
        desk.flush()
        results = desk.trade([immediate(f"{name}-{number}", name) for number in range(3)])
        assert {(result.ord_status, result.text) for result in results} == {(OrdStatus.FILLED, None)}
        abort_orders(settings, 3)
        desk.trade([immediate(f"{name}-{number}", name) for number in range(3, 6)])
        done(settings, "reconcile")
        with pytest.raises(BackupError, match="stop workers and sink"):
            write_backup(settings, folder / "never", lambda _: None)


def test_a_restored_pipeline_is_equal_and_trades_on(settings: Settings, tmp_path: Path) -> None:
    folder, logs = tmp_path / "backup", tmp_path / "logs"
    logs.mkdir()
    with stacks.clean_database(settings):
        trade(settings, logs, "A", 0)
        done(settings, "backup", str(folder))
        manifest, archive = read_backup(folder)
        with pytest.raises(BackupError, match=r"topic .* has records; restore into an empty stack"):
            restore_backup(settings, folder, manifest, archive, lambda _: None)
        demand_same_settings(settings, manifest, archive)
        before = KafkaLogReader(settings).topic_ids(["orders"])
    stacks.remove_topics(settings)

    told = done(settings, "restore", str(folder), "--yes")
    assert {line.split()[-1] for line in told.splitlines()} == {"equal"}
    assert {line.split()[1] for line in told.splitlines()} >= {"orders", "journal.accounts", "fills", "run_topics"}
    assert KafkaLogReader(settings).topic_ids(["orders"]) != before, "the topics are new ones"
    trade(settings, logs, "B", 60)
    done(settings, "replay", "verify")

    different = {item.part: item.difference for item in compare_backup(settings, folder, manifest, archive)}
    assert "ends at offset" in different["topic orders"]
    assert "rows, in the backup" in different["table orders"]
    assert different["topic gate.decisions"] == different["registry"] == ""


def demand_same_settings(settings: Settings, manifest: BackupManifest, archive: Archive) -> None:
    """Demands that a restore with other settings than those of the backup is refused."""
    demand_same_pipeline(settings, manifest, archive)
    for changed, complaint in (
        ({"run_id": "other"}, "set RUN_ID=live"),
        ({"topic_prefix": "other."}, f"set TOPIC_PREFIX={settings.topic_prefix}"),
        ({"account_partitions": 8}, "set ACCOUNT_PARTITIONS=2"),
    ):
        with pytest.raises(BackupError, match=complaint):
            demand_same_pipeline(settings.model_copy(update=changed), manifest, archive)
    with pytest.raises(RecoveryError, match="was written with another key: set PIPELINE_KEY"):
        demand_same_pipeline(settings.model_copy(update={"pipeline_key": "another key"}), manifest, archive)
