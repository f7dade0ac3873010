"""Verification: a planted change of one tick is found and explained with its order's records, within the scope."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator
from itertools import count

import pytest

from streams.errors import NothingCompared
from streams.evidence.replay.verify import Verification, verify
from streams.evidence.replay.verify_scope import EVERYTHING, VerifyScope
from streams.pipeline.journal.kinds import JOURNALS
from streams.pipeline.journal.memory_log import MemoryLog
from streams.pipeline.journal.partitions import partition_of
from streams.pipeline.journal.provenance import Proof
from streams.pipeline.journal.raw_records import RawRecord
from tests.builders import SECOND, START, cancel, heartbeat, new, opening, quote
from tests.pipeline.journal.pipeline import MemoryPipeline, traded

TICK = 10_000_000


def verified(pipeline: MemoryPipeline, scope: VerifyScope = EVERYTHING, from_snapshot: bool = False) -> Verification:
    return verify(pipeline.config, pipeline.log, pipeline.codec, scope=scope, from_snapshot=from_snapshot)


class TradingLog(MemoryLog):
    """The log of a pipeline that trades on with each partition that is read. trade: runs a turn of trading.

    beside: topics whose reading lets nobody trade.
    """

    def __init__(
        self, pipeline: MemoryPipeline, trade: Callable[[], None], beside: Collection[str] = frozenset()
    ) -> None:
        self.partitions = pipeline.log.partitions
        self.made_anew = pipeline.log.made_anew
        self._trade = trade
        self._beside = beside

    def read(self, topic: str, partition: int, first_offset: int) -> Generator[RawRecord, None, None]:
        """Yields what stands there after a turn of trading."""
        if topic not in self._beside:
            self._trade()
        return super().read(topic, partition, first_offset)


def two_markets(pipeline: MemoryPipeline) -> Callable[[int], None]:
    """Returns a function that moves the markets of both execution shards a number of times, one more often."""
    symbols = ["ABC", next(name for name in ("XYZ", "XYA", "XYB") if partition_of(name, 2) != partition_of("ABC", 2))]
    seconds = count(100)

    def move(times: int) -> None:
        for number in range(times):
            for symbol in symbols if number % 4 == 0 else symbols[:1]:
                at = START + next(seconds) * SECOND
                pipeline.send("market.data", symbol, quote("9.99", f"10.{at // SECOND % 100:02}", at=at, symbol=symbol))
                pipeline.run()
            beat = heartbeat(START + next(seconds) * SECOND)
            for partition in range(2):
                pipeline.send("market.data", "", beat, partition=partition)
            pipeline.run()
            pipeline.send("orders", "A", new(f"m-{beat.ts}", quantity="1", price="9.00", ts=beat.ts))
            pipeline.run()

    return move


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


@pytest.mark.parametrize("from_snapshot", [False, True])
def test_a_pipeline_that_trades_on_is_proved_up_to_a_cut(from_snapshot: bool) -> None:
    pipeline = traded()
    move = two_markets(pipeline)
    move(8)
    for _ in range(5):
        cut = {shard.name: shard.sequence for shard in pipeline.processors.values()}
        log = TradingLog(pipeline, lambda: move(1))
        result = verify(pipeline.config, log, pipeline.codec, from_snapshot=from_snapshot)
        assert result.differences == []
        assert result.checked["marks"] > 0
        assert all(cut[name] <= result.proved_to[name] for name in cut)
        assert all(result.proved_to[shard.name] < shard.sequence for shard in pipeline.processors.values())


def test_a_change_below_the_cut_is_found_while_the_pipeline_trades_on() -> None:
    pipeline, order_id, _ = planted()
    move = two_markets(pipeline)
    (told,) = verify(pipeline.config, TradingLog(pipeline, lambda: move(1)), pipeline.codec).differences
    assert f"order {order_id}" in told


@pytest.mark.parametrize("from_snapshot", [False, True])
def test_at_rest_every_record_is_judged_to_the_end(from_snapshot: bool) -> None:
    pipeline = traded(snapshot_every=5)
    place = next(place for place, log in pipeline.log.partitions.items() if place[0] == "order.results" and log)
    pipeline.log.append(*place, pipeline.log.partitions[place][-1].key, pipeline.log.partitions[place][-1].value)
    (told,) = verified(pipeline, from_snapshot=from_snapshot).differences
    assert f"{place[0]}-{place[1]}" in told


def test_shards_with_snapshots_at_different_places_are_proved_from_there() -> None:
    for turns in range(1, 12):
        pipeline = traded(snapshot_every=7)
        two_markets(pipeline)(turns)
        assert verified(pipeline).differences == []
        tail = verified(pipeline, from_snapshot=True)
        assert tail.differences == [], turns


def test_a_record_that_is_forwarded_again_behind_the_cut_is_told_from_the_one_before_it() -> None:
    pipeline = traded(snapshot_every=7)
    turns = count()

    def send_again() -> None:
        for order in (new(f"once-{next(turns)}"), new("again")):
            pipeline.send("orders", "A", order, partition=1 - partition_of("A", 2))
            pipeline.run()

    send_again()
    for _ in range(5):
        log = TradingLog(pipeline, send_again, beside=JOURNALS)
        assert verify(pipeline.config, log, pipeline.codec, from_snapshot=True).differences == []


def test_a_change_after_the_snapshots_is_found_from_there() -> None:
    pipeline = traded(snapshot_every=7)
    two_markets(pipeline)(6)
    place = next(place for place, log in pipeline.log.partitions.items() if place[0] == "order.results" and log)
    log = pipeline.log.partitions[place]
    assert log[-1].value is not None
    result = pipeline.codec.decode("order.results", log[-1].value)
    log[-1] = log[-1]._replace(value=pipeline.codec.encode("order.results", result._replace(ts=result.ts + 1)))
    (told,) = verified(pipeline, from_snapshot=True).differences
    assert "ts is" in told


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


class CompactedLog(MemoryLog):
    """A log from which Kafka has removed records of a topic, whose places stay. kept: whether a record stays."""

    def __init__(self, log: MemoryLog, kept: Callable[[RawRecord], bool]) -> None:
        self.partitions = log.partitions
        self.made_anew = log.made_anew
        self._kept = kept

    def read(self, topic: str, partition: int, first_offset: int) -> Generator[RawRecord, None, None]:
        """Yields the records that are left."""
        return (record for record in super().read(topic, partition, first_offset) if self._kept(record))


def newest_positions(log: MemoryLog) -> set[tuple[int, int]]:
    """Returns partition and offset of the newest position of each key."""
    newest = {
        (partition, record.key): record.offset
        for (topic, partition), records in log.partitions.items()
        if topic == "positions"
        for record in records
    }
    return {(partition, offset) for (partition, _), offset in newest.items()}


@pytest.mark.parametrize("from_snapshot", [False, True])
@pytest.mark.parametrize("every", [1, 2, 3])
def test_what_compaction_has_removed_is_no_difference(every: int, from_snapshot: bool) -> None:
    """Removes all replaced positions, and each second or third of them only."""
    pipeline = traded(snapshot_every=8)
    newest = newest_positions(pipeline.log)

    def kept(record: RawRecord) -> bool:
        is_newest = (record.partition, record.offset) in newest
        return record.topic != "positions" or is_newest or record.offset % every != 0

    log = CompactedLog(pipeline.log, kept)
    assert sum(not kept(record) for place in log.partitions.values() for record in place) > 0
    result = verify(pipeline.config, log, pipeline.codec, from_snapshot=from_snapshot)
    assert result.differences == []
    assert result.checked["positions"] > 0


@pytest.mark.parametrize("from_snapshot", [False, True])
def test_the_newest_position_of_a_key_may_not_be_missing(from_snapshot: bool) -> None:
    pipeline = traded()
    partition, missing = max(newest_positions(pipeline.log), key=lambda place: place[1])
    log = CompactedLog(
        pipeline.log,
        lambda record: (record.topic, record.partition, record.offset) != ("positions", partition, missing),
    )
    result = verify(pipeline.config, log, pipeline.codec, from_snapshot=from_snapshot)
    assert any(difference.startswith(f"positions-{partition}") for difference in result.differences)


def test_a_changed_position_is_found_after_compaction() -> None:
    pipeline = traded()
    newest = newest_positions(pipeline.log)
    partition, offset = next(iter(newest))
    log = pipeline.log.partitions["positions", partition]
    report = pipeline.codec.decode("positions", log[offset].value or b"")
    changed = report._replace(quantity=report.quantity + TICK)
    log[offset] = log[offset]._replace(value=pipeline.codec.encode("positions", changed))
    compacted = CompactedLog(
        pipeline.log, lambda record: record.topic != "positions" or (record.partition, record.offset) in newest
    )
    result = verify(pipeline.config, compacted, pipeline.codec)
    assert len(result.differences) == 1
    assert result.differences[0].startswith(f"positions-{partition} offset {offset}: quantity is ")
