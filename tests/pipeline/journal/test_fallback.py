"""A shard recovers although its newest snapshots are damaged or garbage, but never from less than it has done."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from streams.errors import DamagedSnapshot, MissingInputs, MissingJournal, RecoveryError
from streams.pipeline.journal import recovery
from streams.pipeline.journal.kinds import ACCOUNTS
from streams.pipeline.journal.owned_shard import OwnedShard, take_over
from streams.pipeline.journal.partitions import partition_of
from streams.pipeline.journal.raw_records import RawRecord
from streams.pipeline.journal.recovery import recover
from streams.pipeline.journal.snapshots import SnapshotPolicy, snapshot_records
from tests.pipeline.journal.pipeline import PARTITIONS, MemoryPipeline, traded

HOME = partition_of("A", PARTITIONS)
SNAPSHOTS, JOURNAL = "snapshots.accounts", "journal.accounts"


def taken_over(pipeline: MemoryPipeline) -> OwnedShard:
    policy = SnapshotPolicy(1_000, 1_000_000, 0)
    return take_over(ACCOUNTS, HOME, pipeline.config, pipeline.codec, pipeline.log, lambda _: pipeline.log, policy)


def records(pipeline: MemoryPipeline, topic: str) -> list[RawRecord]:
    return pipeline.log.partitions[topic, HOME]


def sequences(pipeline: MemoryPipeline) -> list[int]:
    """Returns the sequence of each snapshot, the newest last."""
    return [pipeline.codec.decode(SNAPSHOTS, record.value or b"").sequence for record in records(pipeline, SNAPSHOTS)]


def change(pipeline: MemoryPipeline, topic: str, number: int, **fields: Any) -> None:
    """Changes fields of a record that a shard has written for itself."""
    log = records(pipeline, topic)
    message: Any = pipeline.codec.decode(topic, log[number].value or b"")
    log[number] = log[number]._replace(value=pipeline.codec.encode(topic, message._replace(**fields)))


def replayed_from(pipeline: MemoryPipeline, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Returns a list that fills with the sequence of each transaction that is made again."""
    made: list[int] = []
    original = recovery._made_again

    def noted(*arguments: Any) -> Any:
        transaction = original(*arguments)
        made.append(transaction.sequence)
        return transaction

    monkeypatch.setattr(recovery, "_made_again", noted)
    return made


@pytest.fixture
def pipeline() -> MemoryPipeline:
    return traded()


@pytest.mark.parametrize("damaged", [1, 2])
def test_an_older_snapshot_is_used_if_the_newest_are_damaged(
    pipeline: MemoryPipeline, monkeypatch: pytest.MonkeyPatch, damaged: int
) -> None:
    lost, stood = pipeline.processors[ACCOUNTS, HOME], sequences(pipeline)
    assert len(stood) > damaged
    for number in range(1, damaged + 1):
        change(pipeline, SNAPSHOTS, -number, state=b"torn")
    made = replayed_from(pipeline, monkeypatch)
    found = taken_over(pipeline)
    assert found.processor.shard.to_state() == lost.shard.to_state()
    assert made[0] == stood[-1 - damaged] + 1
    assert sequences(pipeline)[-1] == found.processor.sequence > stood[-1], "the next recovery is short again"
    made.clear()
    taken_over(pipeline)
    assert made == []


def test_the_journal_is_used_from_its_start_if_all_snapshots_are_damaged(
    pipeline: MemoryPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = pipeline.processors[ACCOUNTS, HOME]
    for number in range(len(records(pipeline, SNAPSHOTS))):
        change(pipeline, SNAPSHOTS, number, state=b"torn")
    made = replayed_from(pipeline, monkeypatch)
    assert taken_over(pipeline).processor.shard.to_state() == lost.shard.to_state()
    assert made[0] == 1


def test_a_snapshot_of_a_state_that_never_was_is_found_out_by_the_journal(pipeline: MemoryPipeline) -> None:
    lost, other = pipeline.processors[ACCOUNTS, HOME], traded(4).processors[ACCOUNTS, HOME]
    other.sequence, other.positions = lost.sequence - 2, dict(lost.positions)
    (record,) = snapshot_records(other, pipeline.codec)
    del records(pipeline, SNAPSHOTS)[2:]
    pipeline.log.append(SNAPSHOTS, HOME, record.key, record.value)
    assert taken_over(pipeline).processor.shard.to_state() == lost.shard.to_state()


def garbage(pipeline: MemoryPipeline, topic: str) -> list[bytes | None]:
    """Returns values that a shard has not written: of no schema, of another shard, none."""
    own: Any = pipeline.codec.decode(topic, records(pipeline, topic)[-1].value or b"")
    other = own._replace(shard="accounts-7", sequence=10**9)
    return [b"", b"garbage", b"\x00\x00\x00\x00\x09xyz", None, pipeline.codec.encode(topic, other)]


@pytest.mark.parametrize("topic", [SNAPSHOTS, JOURNAL])
def test_garbage_on_the_topics_of_a_shard_is_passed_over_with_a_warning(
    pipeline: MemoryPipeline, topic: str, caplog: pytest.LogCaptureFixture
) -> None:
    lost, values = pipeline.processors[ACCOUNTS, HOME], garbage(pipeline, topic)
    first, *_ = [pipeline.log.append(topic, HOME, b"x", value) for value in values]
    with caplog.at_level(logging.WARNING):
        found = taken_over(pipeline)
    assert found.processor.shard.to_state() == lost.shard.to_state()
    assert f"{len(values)} record(s) are not of shard accounts-{HOME}" in caplog.text
    assert f"the first at {first.place}" in caplog.text
    again = recover(ACCOUNTS, HOME, pipeline.log, pipeline.codec, from_snapshot=False)
    assert again is not None
    assert again.shard.to_state() == lost.shard.to_state()


def test_a_shard_never_goes_back_behind_what_a_snapshot_stands_for(pipeline: MemoryPipeline) -> None:
    """The journal has lost its end, so an older snapshot would verify and its transactions would be made twice."""
    newest = sequences(pipeline)[-1]
    log = records(pipeline, JOURNAL)
    del log[next(n for n, r in enumerate(log) if pipeline.codec.decode(JOURNAL, r.value or b"").sequence == newest) :]
    with pytest.raises(MissingJournal, match=f"stands for journal #{newest}"):
        taken_over(pipeline)
    change(pipeline, SNAPSHOTS, -1, state=b"torn")
    with pytest.raises(MissingJournal, match=f"stands for journal #{newest}"):
        taken_over(pipeline)


def test_a_snapshot_that_names_an_offset_behind_the_journal_is_not_believed(pipeline: MemoryPipeline) -> None:
    change(pipeline, SNAPSHOTS, -1, journal_offset=10**12)
    with pytest.raises(MissingJournal, match="ends with #0"):
        recover(ACCOUNTS, HOME, pipeline.log, pipeline.codec)


def test_if_all_fails_the_first_reason_is_named_with_the_last(pipeline: MemoryPipeline) -> None:
    change(pipeline, SNAPSHOTS, -1, state=b"torn")
    records(pipeline, "orders").clear()
    for number in range(len(records(pipeline, SNAPSHOTS)) - 1):
        change(pipeline, SNAPSHOTS, number, chunks=2)
    with pytest.raises(DamagedSnapshot, match=r"sha256 .* from the start of its journal: .* inputs were removed"):
        taken_over(pipeline)


def test_a_journal_that_lost_a_record_stays_an_error(pipeline: MemoryPipeline) -> None:
    for log in (records(pipeline, JOURNAL), records(pipeline, SNAPSHOTS)):
        del log[3]
    with pytest.raises(MissingJournal, match="retention has removed records"):
        recover(ACCOUNTS, HOME, pipeline.log, pipeline.codec, from_snapshot=False)


def test_a_journal_record_of_no_sense_is_named(pipeline: MemoryPipeline) -> None:
    change(pipeline, JOURNAL, 3, counts=[])
    with pytest.raises(RecoveryError, match=rf"at {JOURNAL}-{HOME}@3 can't be followed: ValueError"):
        recover(ACCOUNTS, HOME, pipeline.log, pipeline.codec, from_snapshot=False)


def test_the_strict_recovery_does_not_fall_back(pipeline: MemoryPipeline) -> None:
    change(pipeline, SNAPSHOTS, -1, state=b"torn")
    made: list[int] = []
    with pytest.raises(DamagedSnapshot):
        recover(ACCOUNTS, HOME, pipeline.log, pipeline.codec, lambda _, done: made.append(done.sequence))
    assert made == []


def test_a_wrong_input_position_does_not_hide_behind_a_fallback(pipeline: MemoryPipeline) -> None:
    pipeline.processors[ACCOUNTS, HOME].records_since_snapshot = 1
    pipeline.shards[ACCOUNTS, HOME].hand_over()
    del records(pipeline, "orders")[3:]
    with pytest.raises(MissingInputs):
        taken_over(pipeline)
