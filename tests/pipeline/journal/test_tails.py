"""A machine that lost its power lost ends of topics: a take-over finds what is missing and writes it again, once."""

from __future__ import annotations

from typing import Any

import pytest

from streams.evidence.replay.verify import verify
from streams.pipeline.journal.kinds import ACCOUNTS, EXECUTION, KINDS
from streams.pipeline.journal.partitions import partition_of
from streams.pipeline.journal.provenance import Proof
from streams.pipeline.journal.tails import FIRST_LOOK
from tests import builders
from tests.pipeline.journal.pipeline import PARTITIONS, MemoryPipeline, traded

HOME = partition_of("A", PARTITIONS)
OUTPUTS = ("order.results", "fills", "positions", "account.equity", "risk.events", "orders.approved", "marks")


def contents(pipeline: MemoryPipeline) -> dict[tuple[str, int], list[tuple[bytes | None, bytes | None]]]:
    return {
        place: [(record.key, record.value) for record in records]
        for place, records in pipeline.log.partitions.items()
        if place[0] in (*OUTPUTS, "executions")
    }


def rewritten(pipeline: MemoryPipeline) -> int:
    entries: Any = [item for kind in KINDS for item in pipeline.messages(kind.journal)]
    return sum(item.rewritten for item in entries)


def take_over(pipeline: MemoryPipeline) -> None:
    pipeline.take_over(pipeline.config)
    pipeline.run()


def verified(pipeline: MemoryPipeline) -> bool:
    return verify(pipeline.config, pipeline.log, pipeline.codec).passed


def test_a_whole_record_is_left_as_it_is() -> None:
    pipeline = traded()
    before = contents(pipeline)
    for _ in range(2):
        take_over(pipeline)
    assert contents(pipeline) == before
    assert rewritten(pipeline) == 0


@pytest.mark.parametrize("lost", [1, 3, 30])
@pytest.mark.parametrize("topic", OUTPUTS)
def test_what_a_topic_lost_is_written_again_once(topic: str, lost: int) -> None:
    """Snapshots are seldom enough to lie before, and often enough to lie behind what is lost."""
    for snapshot_every in (7, 10_000):
        pipeline = traded(snapshot_every=snapshot_every)
        before = contents(pipeline)
        number = next(n for n in (HOME, 1 - HOME) if pipeline.log.partitions[topic, n])
        gone = pipeline.log.partitions[topic, number][-lost:]
        del pipeline.log.partitions[topic, number][-lost:]
        writer = EXECUTION if topic == "marks" else ACCOUNTS
        for _ in range(2):
            pipeline.take_over(pipeline.config, first=writer)
        assert contents(pipeline) == before
        assert rewritten(pipeline) == len(gone)
        assert verified(pipeline)


def test_executions_that_no_account_has_booked_are_booked_after_all() -> None:
    pipeline, whole = (MemoryPipeline(proof=Proof(b"key")) for _ in range(2))
    for made in (pipeline, whole):
        made.send("controls", "A", builders.opening("A"))
        made.send("market.data", "ABC", builders.quote())
        made.run()
        for number in range(5):
            made.send("orders", "A", builders.new(f"o-{number}", price="10.02", quantity="1"))
        made.run_once("accounts")
        made.run_once("execution")
    assert len(pipeline.log.partitions["executions", HOME]) == 10
    del pipeline.log.partitions["executions", HOME][3:]
    for made in (pipeline, whole):
        take_over(made)
    assert len(pipeline.messages("fills")) == 5
    assert contents(pipeline) == contents(whole)
    assert rewritten(pipeline) == 7
    assert not any(topic.startswith("dlq.") for topic, _ in pipeline.log.partitions)
    assert verified(pipeline)


def test_other_writers_records_are_looked_through() -> None:
    pipeline = traded()
    before = contents(pipeline)["fills", HOME]
    for number in range(5 * FIRST_LOOK):
        pipeline.log.append("fills", HOME, b"other", str(number).encode())
    pipeline.take_over(pipeline.config)
    assert contents(pipeline)["fills", HOME][: len(before)] == before
    assert rewritten(pipeline) == 0
