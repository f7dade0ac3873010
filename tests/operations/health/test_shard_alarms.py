"""Quarantined records and parked shards in the health, in Prometheus and in the watchdog's view."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from prometheus_client.core import Metric

from infra.settings import Settings
from schemas.avro.codec import Codec
from schemas.records.messages import Journal
from schemas.registry import Registry
from streams.operations.health.health import Health, JournalTail, PartitionLag, PartitionOwner
from streams.operations.health.health_collector import HealthCollector
from streams.operations.health.journal_tails import TAIL_OFFSETS
from streams.operations.health.prometheus_metrics import _shard_metrics
from streams.operations.supervisor.supervisor import observation
from streams.pipeline.journal.kafka_log import KafkaLogWriter, KafkaTransactions
from streams.pipeline.journal.raw_records import RawOutput
from streams.pipeline.journal.transaction import Transaction
from streams.pipeline.worker.parked_shards import ParkedShard

PARKED = ParkedShard("accounts-0", 1.0, "no journal", 3, 2.0)


def health(lag: list[PartitionLag], owners: list[PartitionOwner], *parked: ParkedShard) -> Health:
    journals = [JournalTail("accounts-0", 9, 0), JournalTail("accounts-1", 7, 2)]
    return Health("", lag, owners, {"g": ["w"]}, [], [], None, [], journals=journals, parked=parked)


def samples(metrics: Iterator[Metric]) -> dict[str, float]:
    return {
        f"{sample.name}{''.join(sample.labels.values())}": sample.value
        for metric in metrics
        for sample in metric.samples
    }


def test_prometheus_counts_quarantined_records_and_parked_shards() -> None:
    assert samples(_shard_metrics(health([], [], PARKED))) == {
        "paper_quarantined_recordsaccounts-0": 0,
        "paper_quarantined_recordsaccounts-1": 2,
        "paper_parked_shards": 1,
    }
    assert [item.shard for item in health([], []).alarms] == ["accounts-1"]


@pytest.mark.parametrize(("parked", "lagging"), [((), {"w"}), ((PARKED,), set())])
def test_the_watchdog_condemns_no_worker_for_a_parked_shard(parked: tuple[ParkedShard, ...], lagging: set[str]) -> None:
    found = health([PartitionLag("g", "orders", 0, 3, 1.0, 5)], [PartitionOwner("g", "orders", 0, "w")], *parked)
    assert observation(found, "g", 3.0, {}).lagging == lagging


def journal(shard: str, sequence: int, alarms: int) -> Journal:
    return Journal(
        shard=shard,
        sequence=sequence,
        topics=[],
        first_offsets=[],
        last_offsets=[],
        counts=[],
        config=None,
        outputs=0,
        outputs_crc32=0,
        code_version="1",
        ts=0,
        quarantined=[],
        quarantine_classes=[],
        quarantine_texts=[],
        acknowledged=None,
        alarms=alarms,
    )


class Shards:
    """Writers of journal records, with the proof of their shard or without."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._codec = Codec(Registry(settings))

    def record(self, partition: int, shard: str, sequence: int, alarms: int) -> RawOutput:
        value = self._codec.encode("journal.accounts", journal(shard, sequence, alarms))
        return RawOutput("journal.accounts", partition, b"k", value)

    def commit(self, partition: int, sequence: int, alarms: int) -> None:
        shard = f"accounts-{partition}"
        record = self.record(partition, shard, sequence, alarms)
        KafkaLogWriter(self._settings, shard).commit(Transaction(sequence, [], record, 0))

    def forge(self, *records: RawOutput) -> None:
        KafkaTransactions(self._settings, "somebody").write(records)


def test_the_newest_journal_record_of_each_shard_is_found_behind_garbage(pipeline_settings: Settings) -> None:
    shards = Shards(pipeline_settings)
    shards.commit(0, 1, 0)
    shards.commit(0, 2, 3)
    shards.commit(1, 5, 1)
    garbage = [RawOutput("journal.accounts", 1, b"x", b"garbage")] * (4 * TAIL_OFFSETS)
    forged = [shards.record(1, "accounts-1", 6, 0), shards.record(1, "accounts-7", 9, 9)]
    shards.forge(*forged, *garbage, *forged, RawOutput("journal.accounts", 2, b"x", None))
    shards.forge(shards.record(3, "accounts-3", 4, 2))
    found = HealthCollector(pipeline_settings).collect()
    assert found.kafka == ""
    assert list(found.journals) == [
        JournalTail("accounts-0", 2, 3),
        JournalTail("accounts-1", 5, 1),
        JournalTail("accounts-3", 4, 2),
    ]
