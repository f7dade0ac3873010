"""Recovery from the journal gives the same shard and the same records, or names the fault."""

from __future__ import annotations

import json
from typing import Any
from zlib import compress

import pytest

from schemas.records.messages import Fill
from streams.errors import DamagedSnapshot, MissingInputs, MissingJournal, RecoveryError, RecreatedTopic
from streams.evidence.replay.verify import verify
from streams.pipeline.journal.kinds import ACCOUNTS, KINDS
from streams.pipeline.journal.memory_log import MemoryLog
from streams.pipeline.journal.owned_shard import OwnedShard, take_over
from streams.pipeline.journal.partitions import partition_of
from streams.pipeline.journal.raw_records import RawRecord
from streams.pipeline.journal.recovery import recover
from streams.pipeline.journal.snapshots import CHUNK_BYTES, SnapshotPolicy, newest_snapshot, restore, snapshot_records
from tests import builders
from tests.pipeline.journal.pipeline import PARTITIONS, MemoryPipeline, traded

HOME = partition_of("A", PARTITIONS)


@pytest.mark.parametrize("from_snapshot", [True, False])
def test_a_recovered_shard_is_the_shard_that_was_lost(from_snapshot: bool) -> None:
    pipeline = traded()
    for (kind, partition), lost in pipeline.processors.items():
        found = recover(kind, partition, pipeline.log, pipeline.codec, from_snapshot=from_snapshot)
        assert found is not None
        assert found.shard.to_state() == lost.shard.to_state()
        assert (found.positions, found.sequence, found.config) == (lost.positions, lost.sequence, lost.config)


def test_a_snapshot_spares_the_journal_before_it() -> None:
    pipeline = traded()
    replayed: list[int] = []
    recover(ACCOUNTS, HOME, pipeline.log, pipeline.codec, lambda _, made: replayed.append(made.sequence))
    assert 0 < len(replayed) < pipeline.processors[ACCOUNTS, HOME].sequence / 2 or not replayed


def test_a_shard_that_never_worked_has_nothing_to_recover() -> None:
    pipeline = MemoryPipeline()
    assert recover(ACCOUNTS, 0, MemoryLog(), pipeline.codec) is None


def test_a_recovered_shard_goes_on_as_the_lost_one_would() -> None:
    pipeline = traded()
    found = recover(ACCOUNTS, HOME, pipeline.log, pipeline.codec)
    assert found is not None
    lost = pipeline.processors[ACCOUNTS, HOME]
    record = pipeline.send("orders", "A", builders.new("after", price="10.02"))
    for processor in (found, lost):
        processor.take(record)
    made, expected = found.finish(), lost.finish()
    assert made is not None
    assert made == expected


def test_verify_finds_every_record_of_a_session_again() -> None:
    pipeline = traded()
    result = verify(pipeline.config, pipeline.log, pipeline.codec)
    assert result.differences == []
    assert result.checked["fills"] == len(pipeline.messages("fills")) > 0
    assert result.checked["orders"] > 0, "forwarded orders are outputs too"


def replaced(record: RawRecord, value: bytes) -> RawRecord:
    return record._replace(value=value)


def test_verify_finds_one_fill_changed_by_one_tick() -> None:
    pipeline = traded()
    log = next(log for (topic, _), log in pipeline.log.partitions.items() if topic == "fills" and log)
    fill: Fill = pipeline.codec.decode("fills", log[-1].value or b"")
    log[-1] = replaced(log[-1], pipeline.codec.encode("fills", fill._replace(price=fill.price + builders.px("0.01"))))
    result = verify(pipeline.config, pipeline.log, pipeline.codec)
    assert len(result.differences) == 1
    assert result.differences[0].startswith(f"fills-{log[-1].partition} offset {log[-1].offset}")


def test_verify_misses_a_record_that_was_lost() -> None:
    pipeline = traded()
    key = next(key for key, log in pipeline.log.partitions.items() if key[0] == "fills" and log)
    pipeline.log.partitions[key].pop()
    result = verify(pipeline.config, pipeline.log, pipeline.codec)
    assert any("fills" in sentence and "not on the topic" in sentence for sentence in result.differences)


def test_two_runs_of_the_same_journal_are_equal() -> None:
    first, second = traded(), traded()
    assert dict(first.log.partitions) == dict(second.log.partitions)


def test_outputs_that_differ_from_the_journal_stop_the_recovery() -> None:
    pipeline = traded()
    log = pipeline.log.partitions["journal.accounts", HOME]
    journal: Any = pipeline.codec.decode("journal.accounts", log[3].value or b"")
    changed = journal._replace(outputs_crc32=journal.outputs_crc32 ^ 1)
    log[3] = replaced(log[3], pipeline.codec.encode("journal.accounts", changed))
    with pytest.raises(RecoveryError, match="other outputs"):
        recover(ACCOUNTS, HOME, pipeline.log, pipeline.codec, from_snapshot=False)


def test_a_missing_journal_record_stops_the_recovery() -> None:
    pipeline = traded()
    del pipeline.log.partitions["journal.accounts", HOME][3]
    with pytest.raises(RecoveryError, match="retention has removed records"):
        recover(ACCOUNTS, HOME, pipeline.log, pipeline.codec, from_snapshot=False)


def test_missing_inputs_stop_the_recovery() -> None:
    pipeline = traded()
    pipeline.log.partitions["orders", HOME].clear()
    with pytest.raises(RecoveryError, match="inputs were removed"):
        recover(ACCOUNTS, HOME, pipeline.log, pipeline.codec, from_snapshot=False)


def with_state(pipeline: MemoryPipeline, state: bytes) -> None:
    log = pipeline.log.partitions["snapshots.accounts", HOME]
    snapshot: Any = pipeline.codec.decode("snapshots.accounts", log[-1].value or b"")
    from hashlib import sha256

    digest = snapshot.state_sha256 if state == b"torn" else sha256(state).hexdigest()
    changed = snapshot._replace(state=state, state_sha256=digest)
    log[-1] = replaced(log[-1], pipeline.codec.encode("snapshots.accounts", changed))


def test_a_torn_snapshot_is_named() -> None:
    pipeline = traded()
    with_state(pipeline, b"torn")
    with pytest.raises(RecoveryError, match="is damaged"):
        recover(ACCOUNTS, HOME, pipeline.log, pipeline.codec)


def test_a_snapshot_of_another_format_is_named() -> None:
    pipeline = traded()
    with_state(pipeline, compress(json.dumps({"format": 0}).encode()))
    with pytest.raises(RecoveryError, match="state format 0"):
        recover(ACCOUNTS, HOME, pipeline.log, pipeline.codec)


def test_a_large_state_is_split_and_put_together_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.pipeline.journal.snapshots.CHUNK_BYTES", 100)
    assert CHUNK_BYTES > 100
    pipeline = traded()
    chunks = pipeline.messages("snapshots.accounts")
    assert len({chunk[3] for chunk in chunks}) > 1
    for (kind, partition), lost in pipeline.processors.items():
        found = recover(kind, partition, pipeline.log, pipeline.codec)
        assert found is not None
        assert found.shard.to_state() == lost.shard.to_state()


def snapshot_chunks(pipeline: MemoryPipeline, sequence: int) -> list[Any]:
    processor = pipeline.processors[ACCOUNTS, HOME]
    processor.sequence = sequence
    records = snapshot_records(processor, pipeline.codec)
    return [pipeline.codec.decode("snapshots.accounts", item.value or b"") for item in records]


def test_a_snapshot_without_one_of_its_chunks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.pipeline.journal.snapshots.CHUNK_BYTES", 100)
    pipeline = traded()
    older, newer = snapshot_chunks(pipeline, 8), snapshot_chunks(pipeline, 9)
    assert newest_snapshot([*older, *newer]) == newer
    for missing in range(len(newer)):
        left = newest_snapshot([*older, *newer[:missing], *newer[missing + 1 :]])
        with pytest.raises(DamagedSnapshot, match="paper snapshots rebuild accounts-"):
            restore(ACCOUNTS, HOME, left, pipeline.codec)
    assert newest_snapshot([*older, *newer], below=9) == older
    assert newest_snapshot([*older, *newer], below=8) == []


def test_what_compaction_left_of_a_longer_snapshot_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.pipeline.journal.snapshots.CHUNK_BYTES", 100)
    longer = snapshot_chunks(traded(), 8)
    monkeypatch.setattr("streams.pipeline.journal.snapshots.CHUNK_BYTES", 1_000_000)
    shorter = snapshot_chunks(traded(), 9)
    assert newest_snapshot([*longer[1:], *shorter]) == shorter


def test_a_large_state_is_not_written_as_often() -> None:
    processor = traded().processors[ACCOUNTS, HOME]
    policy = SnapshotPolicy(every_records=10, every_bytes=1_000, at_least_times=8)
    processor.snapshot_taken(100)
    assert not policy.is_due(processor)
    processor.records_since_snapshot, processor.bytes_since_snapshot = 10, 799
    assert not policy.is_due(processor)
    processor.bytes_since_snapshot = 800
    assert policy.is_due(processor)
    processor.records_since_snapshot = 9
    assert not policy.is_due(processor)
    processor.bytes_since_snapshot = 1_000
    assert policy.is_due(processor)


def test_the_size_of_the_last_snapshot_is_known_after_a_recovery() -> None:
    pipeline = traded()
    pipeline.processors[ACCOUNTS, HOME].records_since_snapshot = 1
    pipeline.shards[ACCOUNTS, HOME].hand_over()
    snapshots: Any = pipeline.messages("snapshots.accounts")
    assert 0 < len(snapshots[-1].state) <= take_over_accounts(pipeline).processor.snapshot_bytes


def take_over_accounts(pipeline: MemoryPipeline) -> OwnedShard:
    policy = SnapshotPolicy(1_000, 1_000_000, 0)
    return take_over(ACCOUNTS, HOME, pipeline.config, pipeline.codec, pipeline.log, lambda _: pipeline.log, policy)


def test_a_journal_that_ends_before_its_snapshot_is_named() -> None:
    pipeline = traded()
    pipeline.log.partitions["journal.accounts", HOME].clear()
    with pytest.raises(MissingJournal, match="the journal was deleted or created again"):
        take_over_accounts(pipeline)


@pytest.mark.parametrize("kept", [0, 3])
def test_inputs_that_ended_before_the_position_are_named(kept: int) -> None:
    pipeline = traded()
    pipeline.processors[ACCOUNTS, HOME].records_since_snapshot = 1
    pipeline.shards[ACCOUNTS, HOME].hand_over()
    del pipeline.log.partitions["orders", HOME][kept:]
    with pytest.raises(MissingInputs, match=": processed inputs were removed"):
        take_over_accounts(pipeline)


def test_inputs_that_were_removed_before_they_were_processed_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = traded()
    pipeline.processors[ACCOUNTS, HOME].records_since_snapshot = 1
    pipeline.shards[ACCOUNTS, HOME].hand_over()
    monkeypatch.setattr(pipeline.log, "bounds", lambda topics, _: dict.fromkeys(topics, (1_000, 2_000)))
    with pytest.raises(MissingInputs, match="unprocessed inputs were removed"):
        take_over_accounts(pipeline)


def test_a_topic_that_was_made_anew_is_named() -> None:
    pipeline = traded()
    pipeline.processors[ACCOUNTS, HOME].records_since_snapshot = 1
    pipeline.shards[ACCOUNTS, HOME].hand_over()
    pipeline.log.made_anew["orders"] += 1
    with pytest.raises(RecreatedTopic, match="topic orders with id"):
        take_over_accounts(pipeline)


def test_a_shard_can_be_taken_over_from_its_journal_alone() -> None:
    pipeline = traded()
    with_state(pipeline, b"torn")
    lost = pipeline.processors[ACCOUNTS, HOME]
    policy = SnapshotPolicy(1_000, 1_000_000, 0)
    found = take_over(
        ACCOUNTS, HOME, pipeline.config, pipeline.codec, pipeline.log, lambda _: pipeline.log, policy, False
    )
    assert found.processor.shard.to_state() == lost.shard.to_state()
    found.hand_over()
    assert take_over_accounts(pipeline).processor.shard.to_state() == lost.shard.to_state()


def test_each_snapshot_says_where_its_journal_goes_on_also_the_first_after_a_recovery() -> None:
    pipeline = traded()
    owned = take_over_accounts(pipeline)
    stood_at = owned.processor.journal_offset
    assert stood_at == len(pipeline.log.partitions["journal.accounts", HOME]) - 1
    owned.processor.records_since_snapshot = 1
    owned.hand_over()
    snapshots: Any = pipeline.messages("snapshots.accounts")
    assert max(item.journal_offset for item in snapshots if item.shard == owned.name) == stood_at


def test_a_new_configuration_is_recorded_where_it_takes_effect() -> None:
    pipeline = traded(4)
    changed = pipeline.config.model_copy(update={"instruments": ()})
    pipeline.take_over(changed)
    for (kind, partition), processor in pipeline.processors.items():
        (*_, newest) = pipeline.log.partitions[kind.snapshots, partition]
        snapshot: Any = pipeline.codec.decode(kind.snapshots, newest.value or b"")
        assert snapshot.sequence == processor.sequence, f"{processor.name} writes its state with the change"
    pipeline.send("orders", "A", builders.new("late", price="10.02"))
    pipeline.run()
    results: Any = pipeline.messages("order.results")
    assert [item.reason_code for item in results if item.order_id == "late"] == ["UNKNOWN_INSTRUMENT"]
    assert verify(changed, pipeline.log, pipeline.codec).differences == []
    for kind in KINDS:
        found = recover(kind, 0, pipeline.log, pipeline.codec, from_snapshot=False)
        assert found is not None
        assert found.config == changed
