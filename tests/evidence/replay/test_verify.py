"""Verification: a planted change of one tick is found and explained with its order's records, within the scope."""

from __future__ import annotations

import pytest

from streams.errors import NothingCompared
from streams.evidence.replay.verify import Verification, verify
from streams.evidence.replay.verify_scope import EVERYTHING, VerifyScope
from streams.pipeline.journal.provenance import Proof
from tests.builders import SECOND, START, cancel, new, opening, quote
from tests.pipeline.journal.pipeline import MemoryPipeline, traded

TICK = 10_000_000


def verified(pipeline: MemoryPipeline, scope: VerifyScope = EVERYTHING, from_snapshot: bool = False) -> Verification:
    return verify(pipeline.config, pipeline.log, pipeline.codec, scope=scope, from_snapshot=from_snapshot)


def planted() -> tuple[MemoryPipeline, str, int]:
    """Changes a recorded fill by a tick and returns the order and the time of the fill."""
    pipeline = traded()
    partition = next(p for (topic, p), log in pipeline.log.partitions.items() if topic == "fills" and len(log) > 2)
    log = pipeline.log.partitions["fills", partition]
    record = log[2]
    assert record.value is not None
    fill = pipeline.codec.decode("fills", record.value)
    log[2] = record._replace(value=pipeline.codec.encode("fills", fill._replace(price=fill.price + TICK)))
    return pipeline, fill.order_id, fill.ts


def test_a_record_as_it_was_made_is_equal_in_every_scope() -> None:
    pipeline = traded()
    whole = verified(pipeline)
    assert whole.passed
    session = verified(pipeline, VerifyScope(session_id="session-1"))
    assert session.passed
    assert session.checked["fills"] == whole.checked["fills"]
    assert "marks" not in session.checked
    half = verified(pipeline, VerifyScope(from_ns=START + 8 * SECOND))
    assert half.passed
    assert 0 < half.checked["fills"] < whole.checked["fills"]


def waited(restart: bool) -> MemoryPipeline:
    """Returns a pipeline with orders for later, all workers restarted while they wait."""
    pipeline = MemoryPipeline(snapshot_every=2)
    pipeline.send("controls", "A", opening())
    pipeline.send("market.data", "ABC", quote())
    pipeline.run()
    for after in (9, 3, 6):
        pipeline.send("orders", "A", new(f"o{after}", ts=START + after * SECOND))
        pipeline.run()
    if restart:
        pipeline.take_over(pipeline.config)
    pipeline.send("orders", "A", cancel("c", "o6", ts=0))
    for second in range(1, 10):
        pipeline.send("market.data", "ABC", quote("10.00", f"10.{second:02}", at=START + second * SECOND))
        pipeline.run()
    return pipeline


def test_what_waited_is_the_same_after_a_restart_and_in_replay() -> None:
    plain, restarted = waited(restart=False), waited(restart=True)
    assert restarted.messages("order.results") == plain.messages("order.results")
    assert [fill.order_id for fill in plain.messages("fills")] == ["o3", "o6", "o9"]  # type: ignore[attr-defined]
    for from_snapshot in (False, True):
        assert verified(restarted, from_snapshot=from_snapshot).differences == []


def test_from_the_snapshots_on_less_is_made_and_all_of_it_is_equal() -> None:
    pipeline = traded()
    tail = verified(pipeline, from_snapshot=True)
    assert tail.passed
    assert 0 < tail.transactions < verified(pipeline).transactions


def test_what_others_wrote_and_the_shards_refused_does_not_disturb_the_proof() -> None:
    pipeline = traded(proof=Proof(b"key"))
    before = verified(pipeline).checked
    for topic in ("executions", "marks", "orders.approved"):
        for partition in (0, 1):
            for record in pipeline.log.partitions[topic, partition][:1]:
                pipeline.log.append(topic, partition, record.key, record.value, headers=record.headers)
                pipeline.log.append(topic, partition, record.key, b"garbage")
    pipeline.log.append("fills", 0, b"A", b"garbage")
    pipeline.log.append("fills", 0, b"A", None)
    pipeline.run()
    for scope in (EVERYTHING, VerifyScope(session_id="session-1")):
        assert verified(pipeline, scope).passed
    after = verified(pipeline).checked
    assert {topic: after[topic] for topic in before if topic != "risk.events"} == {
        topic: count for topic, count in before.items() if topic != "risk.events"
    }


def test_equal_bytes_that_two_shards_refused_are_two_dead_letters() -> None:
    pipeline = traded()
    for partition, value in ((1, b"garbage"), (1, b"other"), (0, b"garbage")):
        pipeline.log.append("controls", partition, b"A", value)
        pipeline.run()
    pipeline.log.append("dlq.controls", 0, b"A", b"garbage")
    assert verified(pipeline).passed


def test_a_fill_that_is_a_tick_off_is_found_and_named() -> None:
    pipeline, order_id, _ = planted()
    result = verified(pipeline)
    assert len(result.differences) == 1
    (told,) = result.differences
    first, *story = told.splitlines()
    assert f"order {order_id}" in first
    assert "price is" in first
    assert story[0].strip().startswith("orders-")
    assert any("fills-" in line for line in story)


def test_what_lies_outside_the_scope_is_not_compared() -> None:
    pipeline, _, ts = planted()
    assert verified(pipeline, VerifyScope(from_ns=ts + 1)).passed
    assert not verified(pipeline, VerifyScope(from_ns=ts, to_ns=ts + 1)).passed


def test_a_record_that_is_missing_is_counted() -> None:
    pipeline = traded()
    partition = next(p for (topic, p), log in pipeline.log.partitions.items() if topic == "fills" and log)
    pipeline.log.partitions["fills", partition].pop()
    (told,) = verified(pipeline).differences
    assert "1 records that the core makes" in told


@pytest.mark.parametrize("from_snapshot", [False, True])
def test_a_proof_that_compared_nothing_is_refused_and_says_what_it_looked_for(from_snapshot: bool) -> None:
    nobody = VerifyScope(session_id="nosuch", from_ns=5, to_ns=9)
    with pytest.raises(NothingCompared, match="wrote no record of session nosuch from 5 ns on before 9 ns") as refusal:
        verified(traded(), nobody, from_snapshot)
    assert refusal.value.exit_code == 2
    with pytest.raises(NothingCompared, match="hold no transactions"):
        verified(MemoryPipeline(kinds=()), from_snapshot=from_snapshot)
