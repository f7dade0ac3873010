"""A record on which the core fails costs one dead letter: no trace of it stays, here, in recovery or in replay."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.errors import InputError, RecoveryError, TooManyFaults
from streams.pipeline.journal.kinds import ACCOUNTS
from streams.pipeline.journal.partitions import partition_of
from streams.pipeline.journal.processor import ShardProcessor
from streams.pipeline.journal.quarantine import FAULTS_IN_A_ROW_MAX, INTERNAL_ERROR, SKIPPED
from streams.pipeline.journal.raw_records import RawRecord
from streams.pipeline.journal.recovery import recover
from tests import builders
from tests.pipeline.journal.pipeline import PARTITIONS, MemoryPipeline
from tests.pipeline.journal.planted_bug import BUG, FAULTY_ACCOUNTS, FAULTY_KINDS

HOME = partition_of("A", PARTITIONS)
OWN_TOPICS = ("journal.accounts", "journal.execution", "snapshots.accounts", "snapshots.execution")


@pytest.fixture
def pipeline() -> MemoryPipeline:
    return opened()


def opened() -> MemoryPipeline:
    made = MemoryPipeline(kinds=FAULTY_KINDS)
    made.send("controls", "A", builders.opening("A"))
    made.send("market.data", "ABC", builders.quote())
    made.run()
    return made


def send_orders(pipeline: MemoryPipeline, *order_ids: str) -> list[RawRecord]:
    return [pipeline.send("orders", "A", builders.new(name, price="10.02", quantity="1")) for name in order_ids]


def letters(pipeline: MemoryPipeline) -> list[dict[str, str]]:
    records = pipeline.log.partitions["dlq.orders", 0]
    return [{name: value.decode() for name, value in record.headers} for record in records]


def events(pipeline: MemoryPipeline) -> list[Any]:
    found: Any = pipeline.messages("risk.events")
    return [event for event in found if event.kind == "RECORD_QUARANTINED"]


def outputs(pipeline: MemoryPipeline) -> dict[tuple[str, int], list[tuple[bytes | None, bytes | None]]]:
    """Returns all that the shards wrote for others, without what says that a record was bad."""
    found = defaultdict(list)
    for (topic, partition), records in pipeline.log.partitions.items():
        if topic in (*OWN_TOPICS, "orders", "dlq.orders"):
            continue
        marks = (b"RECORD_QUARANTINED", f"q-{FAULTY_ACCOUNTS.name}".encode())
        found[topic, partition] = [
            (record.key, record.value) for record in records if not any(mark in (record.value or b"") for mark in marks)
        ]
    return found


def home(pipeline: MemoryPipeline) -> ShardProcessor:
    return pipeline.processors[FAULTY_ACCOUNTS, HOME]


def test_a_record_on_which_the_core_fails_is_one_dead_letter_and_one_event(pipeline: MemoryPipeline) -> None:
    bad = send_orders(pipeline, "good-1", f"{BUG}-1", "good-2")[1]
    pipeline.run()
    (letter,) = letters(pipeline)
    assert letter["error_class"] == INTERNAL_ERROR
    assert letter["message"].startswith("ZeroDivisionError: as planned; in planted_bug.py:")
    assert (letter["topic"], letter["offset"]) == ("orders", str(bad.offset))
    (event,) = events(pipeline)
    assert event.text.startswith(f"{bad.place} is a dead letter: ZeroDivisionError: as planned")
    assert home(pipeline).alarms == 1
    results: Any = pipeline.messages("order.results")
    assert {result.order_id for result in results if str(result.exec_type) == "FILL"} == {"good-1", "good-2"}


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.tuples(st.sampled_from(("good", BUG)), st.booleans()), min_size=1, max_size=FAULTS_IN_A_ROW_MAX),
)
def test_no_trace_of_a_bad_record_stays(story: list[tuple[str, bool]]) -> None:
    """story: kind of each order, and whether the pipeline works before the next one comes."""
    pipeline, clean = opened(), opened()
    for number, (kind, works) in enumerate(story):
        send_orders(pipeline, f"{kind}-{number}")
        if kind != BUG:
            send_orders(clean, f"{kind}-{number}")
        if works:
            pipeline.run()
            clean.run()
    pipeline.run()
    clean.run()
    assert home(pipeline).shard.to_state() == home(clean).shard.to_state()
    assert outputs(pipeline) == outputs(clean)
    assert len(letters(pipeline)) == len(events(pipeline)) == sum(kind == BUG for kind, _ in story)


@pytest.mark.parametrize("from_snapshot", [True, False])
def test_recovery_makes_the_same_dead_letter_without_failing_again(
    pipeline: MemoryPipeline, from_snapshot: bool
) -> None:
    send_orders(pipeline, "good-1", f"{BUG}-1", "good-2", f"{BUG}-2")
    pipeline.run()
    found: list[Any] = []
    recovered = recover(
        ACCOUNTS if not from_snapshot else FAULTY_ACCOUNTS,
        HOME,
        pipeline.log,
        pipeline.codec,
        lambda _, made: found.extend(item.headers for item in made.outputs if item.topic == "dlq.orders"),
        from_snapshot=from_snapshot,
    )
    assert recovered is not None
    assert recovered.shard.to_state() == home(pipeline).shard.to_state()
    assert (recovered.alarms, recovered.faults_in_a_row) == (home(pipeline).alarms, home(pipeline).faults_in_a_row)
    if not from_snapshot:
        assert found == [record.headers for record in pipeline.log.partitions["dlq.orders", 0]]


def test_the_journal_names_the_verdict(pipeline: MemoryPipeline) -> None:
    send_orders(pipeline, "good-1", "good-2", f"{BUG}-1")
    pipeline.run()
    journal: Any = pipeline.messages("journal.accounts")
    (entry,) = [item for item in journal if item.quarantined]
    assert (entry.quarantined, entry.quarantine_classes) == ([2], [INTERNAL_ERROR])
    assert entry.alarms == 1


def test_too_many_faults_in_a_row_stop_the_shard_and_a_restart_does_not_begin_to_count_anew(
    pipeline: MemoryPipeline,
) -> None:
    send_orders(pipeline, *(f"{BUG}-{number}" for number in range(FAULTS_IN_A_ROW_MAX + 1)), "good")
    last = f"orders-{HOME}@{FAULTS_IN_A_ROW_MAX}"
    for _ in range(2):
        with pytest.raises(TooManyFaults, match=f"paper shard skip accounts-{HOME} --record {last}"):
            pipeline.run()
        pipeline.take_over(pipeline.config)
        assert home(pipeline).positions["orders"] == FAULTS_IN_A_ROW_MAX
    assert len(letters(pipeline)) == FAULTS_IN_A_ROW_MAX


def test_a_good_record_ends_the_row(pipeline: MemoryPipeline) -> None:
    for number in range(FAULTS_IN_A_ROW_MAX + 5):
        send_orders(pipeline, f"{BUG}-{number}", f"good-{number}")
        pipeline.run()
    assert len(letters(pipeline)) == FAULTS_IN_A_ROW_MAX + 5


def test_a_person_goes_past_a_record(pipeline: MemoryPipeline) -> None:
    send_orders(pipeline, *(f"{BUG}-{number}" for number in range(FAULTS_IN_A_ROW_MAX + 1)), "good")
    with pytest.raises(TooManyFaults):
        pipeline.run()
    pipeline.take_over(pipeline.config)
    record = pipeline.log.partitions["orders", HOME][FAULTS_IN_A_ROW_MAX]
    shard = pipeline.shards[FAULTY_ACCOUNTS, HOME]
    shard.skip(record, "kim: known bug")
    assert letters(pipeline)[-1]["error_class"] == SKIPPED
    assert letters(pipeline)[-1]["message"] == "skipped by kim: known bug"
    pipeline.take_over(pipeline.config)
    pipeline.run()
    assert (home(pipeline).alarms, home(pipeline).faults_in_a_row) == (0, 0)
    results: Any = pipeline.messages("order.results")
    assert [result.order_id for result in results if str(result.exec_type) == "FILL"] == ["good"]
    recovered = recover(FAULTY_ACCOUNTS, HOME, pipeline.log, pipeline.codec, from_snapshot=False)
    assert recovered is not None
    assert recovered.shard.to_state() == home(pipeline).shard.to_state()


def test_a_record_behind_the_marker_of_a_transaction_can_be_skipped_and_one_before_the_position_cant(
    pipeline: MemoryPipeline,
) -> None:
    send_orders(pipeline, "good")
    pipeline.run()
    shard, record = pipeline.shards[FAULTY_ACCOUNTS, HOME], pipeline.log.partitions["orders", HOME][0]
    with pytest.raises(InputError, match="is past it, at offset 1 of orders"):
        shard.skip(record, "kim: too late")
    shard.skip(record._replace(offset=2), "kim: known bug")
    assert shard.position("orders") == 3


def test_a_schema_that_becomes_known_later_changes_no_verdict(pipeline: MemoryPipeline) -> None:
    good = pipeline.codec.encode("orders", builders.new("late", price="10.02"))
    pipeline.log.append("orders", HOME, b"A", b"\x00" + (77).to_bytes(4, "big") + good[5:])
    pipeline.run()
    (letter,) = letters(pipeline)
    assert letter["error_class"] == "UNKNOWN_SCHEMA"
    journal: Any = pipeline.messages("journal.accounts")
    assert [item.quarantine_classes for item in journal if item.quarantined] == [["UNKNOWN_SCHEMA"]]
    assert home(pipeline).alarms == 0


def test_a_version_that_fails_on_a_record_that_was_taken_says_so(pipeline: MemoryPipeline) -> None:
    healthy = MemoryPipeline()
    healthy.send("controls", "A", builders.opening("A"))
    healthy.send("orders", "A", builders.new(f"{BUG}-1", price="10.02"))
    healthy.run()
    with pytest.raises(RecoveryError, match=r"fails on orders-\d@0: ZeroDivisionError"):
        recover(FAULTY_ACCOUNTS, HOME, healthy.log, healthy.codec, from_snapshot=False)
