"""A record of an own topic counts only if a shard of this pipeline wrote it, there and in its order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from streams.errors import RecoveryError
from streams.pipeline.journal.kinds import ACCOUNTS, OWN_TOPICS
from streams.pipeline.journal.partitions import partition_of
from streams.pipeline.journal.provenance import PROOF, Proof, only_genuine
from streams.pipeline.journal.raw_records import RawOutput, RawRecord
from streams.pipeline.journal.recovery import recover
from tests import builders
from tests.pipeline.journal.pipeline import PARTITIONS, MemoryPipeline

KEY = b"the key of this pipeline"
HOME = partition_of("A", PARTITIONS)


@pytest.fixture
def pipeline() -> MemoryPipeline:
    made = MemoryPipeline(proof=Proof(KEY))
    made.send("controls", "A", builders.opening("A"))
    made.send("market.data", "ABC", builders.quote())
    made.run()
    made.send("orders", "A", builders.new("o", price="10.02"))
    made.run()
    return made


def reasons(pipeline: MemoryPipeline, topic: str) -> list[str]:
    records = pipeline.log.partitions[f"dlq.{topic}", 0]
    return [f"{dict(record.headers)['error_class'].decode()}" for record in records]


def fill_of(pipeline: MemoryPipeline) -> RawRecord:
    return pipeline.log.partitions["executions", HOME][-1]


def append(pipeline: MemoryPipeline, record: RawRecord) -> None:
    pipeline.log.append(record.topic, record.partition, record.key, record.value, headers=record.headers)


def test_a_pipeline_accepts_its_own_records(pipeline: MemoryPipeline) -> None:
    assert len(pipeline.messages("fills")) == 1
    for topic in OWN_TOPICS:
        records = [item for (name, _), items in pipeline.log.partitions.items() if name == topic for item in items]
        assert all(dict(record.headers)[PROOF] for record in records), topic
    assert not any(topic.startswith("dlq.") for topic, _ in pipeline.log.partitions)


FORGERIES: dict[str, Callable[[RawRecord], RawRecord]] = {
    "without a proof": lambda record: record._replace(headers=()),
    "with an empty proof": lambda record: record._replace(headers=((PROOF, b""),)),
    "a copy": lambda record: record,
    "with another value": lambda record: record._replace(value=(record.value or b"") + b"\0"),
    "with another key": lambda record: record._replace(key=b"B"),
    "in another partition": lambda record: record._replace(partition=1 - record.partition),
    "on another topic": lambda record: record._replace(topic="marks"),
    "with a later place": lambda record: record._replace(
        headers=((PROOF, record.headers[0][1][:8] + b"\0\0\0\0\0\0\0\x63" + record.headers[0][1][16:]),)
    ),
    "with another key's proof": lambda record: record._replace(
        headers=Proof(b"another")
        .proven(b"execution-0", 99, [RawOutput(*record[:2], record.key, record.value)])[0]
        .headers
    ),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_record_is_one_dead_letter_and_nothing_else(pipeline: MemoryPipeline, name: str) -> None:
    forged = FORGERIES[name](fill_of(pipeline))
    before = {key: processor.shard.to_state() for key, processor in pipeline.processors.items()}
    append(pipeline, forged)
    pipeline.run()
    assert reasons(pipeline, forged.topic) == ["FOREIGN_RECORD"]
    assert {key: processor.shard.to_state() for key, processor in pipeline.processors.items()} == before
    assert pipeline.processors[ACCOUNTS, forged.partition].alarms == 1


def test_many_forged_records_are_one_event_until_a_person_has_seen_it(pipeline: MemoryPipeline) -> None:
    for _ in range(3):
        append(pipeline, fill_of(pipeline)._replace(headers=()))
        pipeline.run()
    found: Any = pipeline.messages("risk.events")
    assert [event.code for event in found if event.kind == "RECORD_QUARANTINED"] == ["FOREIGN_RECORD"]
    shard = pipeline.shards[ACCOUNTS, HOME]
    assert shard.processor.alarms == 3
    shard.acknowledge("kim: seen")
    assert shard.processor.alarms == 0


def test_recovery_needs_no_key_and_knows_copies_afterwards(pipeline: MemoryPipeline) -> None:
    append(pipeline, fill_of(pipeline)._replace(headers=()))
    pipeline.run()
    home = pipeline.processors[ACCOUNTS, HOME]
    for from_snapshot in (True, False):
        recovered = recover(ACCOUNTS, HOME, pipeline.log, pipeline.codec, from_snapshot=from_snapshot)
        assert recovered is not None
        assert recovered.shard.to_state() == home.shard.to_state()
        assert recovered.provenance.places == home.provenance.places
    genuine = pipeline.log.partitions["executions", HOME][-2]
    pipeline.take_over(pipeline.config)
    append(pipeline, genuine)
    pipeline.run()
    assert reasons(pipeline, "executions") == ["FOREIGN_RECORD"] * 2


def journal_of(*names: str) -> list[RawRecord]:
    """Returns journal records: `own`, `other` (another key) or `bare` (without a proof)."""
    keys = {"own": Proof(KEY), "other": Proof(b"another")}
    found = []
    for offset, name in enumerate(names):
        output = RawOutput("journal.accounts", 0, b"accounts-0", name.encode())
        if name in keys:
            (output,) = keys[name].proven(b"accounts-0", offset, [output])
        found.append(RawRecord(output.topic, 0, offset, output.key, output.value, 0, output.headers))
    return found


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (("own", "own"), [0, 1]),
        (("own", "bare", "own"), [0, 2]),
        (("own", "other", "own"), [0, 2]),
        (("bare", "bare", "own", "bare"), [0, 1, 2]),
        (("bare", "bare"), [0, 1]),
        ((), []),
    ],
)
def test_a_journal_is_read_without_what_others_wrote(written: tuple[str, ...], read: list[int]) -> None:
    assert [record.offset for record in only_genuine(journal_of(*written), Proof(KEY))] == read


def test_a_lost_key_is_not_taken_for_an_empty_journal() -> None:
    with pytest.raises(RecoveryError, match="written with another key: set PIPELINE_KEY, or bring back"):
        list(only_genuine(journal_of("other", "other"), Proof(KEY)))
