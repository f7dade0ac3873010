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
from streams.pipeline.journal.kafka_log import KafkaTransactions
from streams.pipeline.journal.raw_records import RawOutput
from streams.pipeline.worker.parked_shards import ParkedShard

PARKED = ParkedShard("accounts-0", 1.0, "no journal", 3, 2.0)


def health(lag: list[PartitionLag], owners: list[PartitionOwner], *parked: ParkedShard) -> Health:
    journals = [JournalTail("accounts-0", 9, 0), JournalTail("accounts-1", 7, 2)]
    return Health("", lag, owners, {"g": ["w"]}, [], [], None, journals=journals, parked=parked)


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
    assert observation(found, "g", 3.0).lagging == lagging


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


def test_the_newest_journal_record_of_each_shard_is_found_behind_garbage(pipeline_settings: Settings) -> None:
    codec = Codec(Registry(pipeline_settings))

    def own(partition: int, *message: object) -> RawOutput:
        return RawOutput("journal.accounts", partition, b"k", codec.encode("journal.accounts", journal(*message)))  # type: ignore[arg-type]

    garbage = [RawOutput("journal.accounts", 1, b"x", b"garbage")] * (4 * TAIL_OFFSETS)
    KafkaTransactions(pipeline_settings, "test-tails").write(
        [
            *(own(0, "accounts-0", 1, 0), own(0, "accounts-0", 2, 3)),
            *(own(1, "accounts-1", 5, 1), own(1, "accounts-7", 9, 9), *garbage),
            RawOutput("journal.accounts", 2, b"x", None),
        ]
    )
    found = HealthCollector(pipeline_settings).collect()
    assert found.kafka == ""
    assert list(found.journals) == [JournalTail("accounts-0", 2, 3), JournalTail("accounts-1", 5, 1)]
