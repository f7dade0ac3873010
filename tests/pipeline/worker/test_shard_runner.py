"""A shard's runner commits batches in order, on a log in memory."""

from __future__ import annotations

import asyncio
from threading import Event

import pytest
from faust.types import TP

import streams.pipeline.worker.shard_runner
from schemas.avro.codec import Codec
from schemas.memory_registry import MemoryRegistry
from streams.errors import DeliveryGap
from streams.pipeline.journal.kinds import ACCOUNTS
from streams.pipeline.journal.memory_log import MemoryLog
from streams.pipeline.journal.owned_shard import take_over
from streams.pipeline.journal.raw_records import RawRecord
from streams.pipeline.journal.snapshots import SnapshotPolicy
from streams.pipeline.journal.transaction import Transaction
from streams.pipeline.worker.lane import RecordBatch
from streams.pipeline.worker.shard_runner import SLICE, ShardRunner
from tests import builders
from tests.pipeline.journal.planted_bug import BUG, FAULTY_ACCOUNTS

CODEC = Codec(MemoryRegistry())
PLACE = TP("controls", 0)


class SignallingLog(MemoryLog):
    """A log in memory that signals each commit."""

    def __init__(self) -> None:
        super().__init__()
        self.committed = asyncio.Event()
        self.commits: asyncio.Queue[Transaction] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()

    def commit(self, transaction: Transaction) -> int:
        offset = super().commit(transaction)
        self._loop.call_soon_threadsafe(self.committed.set)
        self._loop.call_soon_threadsafe(self.commits.put_nowait, transaction)
        return offset

    async def until_taken(self, topic: str, records: int) -> None:
        """Waits until the committed transactions name that many records of a topic."""
        taken = 0
        while taken < records:
            journal = CODEC.decode("journal.accounts", (await self.commits.get()).journal.value or b"")
            taken += sum(count for name, count in zip(journal.topics, journal.counts, strict=True) if name == topic)


async def many_turns() -> None:
    """Lets the event loop run until all that can start has started."""
    for _ in range(50):
        await asyncio.sleep(0)


def batch(first: int, count: int, follows: int | None = None) -> RecordBatch:
    value = CODEC.encode("controls", builders.opening("A"))
    records = [RawRecord("controls", 0, first + number, b"A", value, 0) for number in range(count)]
    return RecordBatch(1, PLACE, first if follows is None else follows, records)


def runner_on(log: MemoryLog) -> ShardRunner:
    core = builders.config(account_partitions=1, execution_partitions=1)
    shard = take_over(ACCOUNTS, 0, core, CODEC, log, lambda _: log, SnapshotPolicy(1_000, 1_000_000, 0))
    return ShardRunner(shard, 2_000, 8, CODEC)


async def worked(*batches: RecordBatch) -> tuple[ShardRunner, MemoryLog]:
    log = SignallingLog()
    runner = runner_on(log)
    log.committed.clear()
    task = asyncio.create_task(runner.run())
    for item in batches:
        await runner.put(item)
    await asyncio.wait([task, asyncio.create_task(log.committed.wait())], return_when=asyncio.FIRST_COMPLETED)
    runner.release()
    await task
    return runner, log


def test_batches_become_transactions_and_positions() -> None:
    runner, log = asyncio.run(worked(batch(0, 2), batch(2, 1)))
    assert runner.committed == {"controls": 3}
    assert log.partitions["journal.accounts", 0]
    assert log.partitions["snapshots.accounts", 0], "a released shard leaves its state for the next owner"


def test_what_comes_soon_after_a_transaction_waits_for_more(monkeypatch: pytest.MonkeyPatch) -> None:
    module = streams.pipeline.worker.shard_runner
    monkeypatch.setattr(module, "PAUSE_S", 3_600.0)

    async def work() -> MemoryLog:
        log = SignallingLog()
        runner = runner_on(log)
        await log.committed.wait()
        task = asyncio.create_task(runner.run())
        log.committed.clear()
        await runner.put(batch(0, 1))
        await log.committed.wait()
        log.committed.clear()
        await runner.put(batch(1, 1))
        await many_turns()
        assert not log.committed.is_set(), "it waits for the end of the pause"
        monkeypatch.setattr(module, "PAUSE_S", 0.0)
        await runner.put(batch(2, 1))
        await log.committed.wait()
        runner.release()
        await task
        return log

    journal = asyncio.run(work()).partitions["journal.accounts", 0]
    counts = [CODEC.decode("journal.accounts", record.value or b"").counts for record in journal]
    assert counts[1:3] == [[1], [2]]


def test_a_released_shard_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams.pipeline.worker.shard_runner, "PAUSE_S", 3_600.0)
    runner, _ = asyncio.run(worked(batch(0, 2), batch(2, 1)))
    assert runner.committed == {"controls": 3}


def test_offsets_that_transaction_markers_take_are_no_gap() -> None:
    runner, _ = asyncio.run(worked(batch(0, 1), batch(3, 1, follows=1)))
    assert runner.committed == {"controls": 4}


def test_a_skipped_record_stops_the_shard_with_nothing_committed() -> None:
    with pytest.raises(DeliveryGap, match="records in between were skipped"):
        asyncio.run(worked(batch(0, 1), batch(5, 1, follows=5)))


def test_a_repeated_batch_changes_nothing() -> None:
    runner, log = asyncio.run(worked(batch(0, 2), batch(1, 1)))
    assert runner.committed == {"controls": 2}
    assert sum(map(len, (log.partitions["risk.events", 0],))) == 2


def orders(first: int, *order_ids: str) -> RecordBatch:
    values = [CODEC.encode("orders", builders.new(name, price="10.02")) for name in order_ids]
    records = [RawRecord("orders", 0, first + number, b"A", value, 0) for number, value in enumerate(values)]
    return RecordBatch(1, TP("orders", 0), first, records)


class HoldingLog(SignallingLog):
    """A log whose commits wait until they may go on."""

    def __init__(self) -> None:
        super().__init__()
        self.may_commit = Event()
        self.may_commit.set()

    def commit(self, transaction: Transaction) -> int:
        self.may_commit.wait()
        return super().commit(transaction)


def test_a_record_on_which_the_core_fails_is_set_aside_while_a_transaction_is_written() -> None:
    async def work() -> tuple[ShardRunner, MemoryLog]:
        log = HoldingLog()
        core = builders.config(account_partitions=1, execution_partitions=1)
        policy = SnapshotPolicy(1_000, 1_000_000, 0)
        runner = ShardRunner(take_over(FAULTY_ACCOUNTS, 0, core, CODEC, log, lambda _: log, policy), 2_000, 8, CODEC)
        item = batch(0, 1)
        log.partitions["controls", 0] += item.records
        parts = orders(0, "good-1"), orders(1, "good-2", f"{BUG}-1", "good-3", f"{BUG}-2"), orders(5, "good-4")
        log.partitions["orders", 0] += [record for part in parts for record in part.records]
        task = asyncio.create_task(runner.run())
        await runner.put(item)
        await runner.put(parts[0])
        log.may_commit.clear()
        await many_turns()
        await runner.put(parts[1])
        await runner.put(parts[2])
        await many_turns()
        log.may_commit.set()
        await log.until_taken("orders", 6)
        runner.release()
        await task
        return runner, log

    _, log = asyncio.run(work())
    letters = [dict(record.headers) for record in log.partitions["dlq.orders", 0]]
    assert [letter["offset"] for letter in letters] == [b"2", b"4"]
    approved = [CODEC.decode("orders.approved", record.value or b"") for record in log.partitions["orders.approved", 0]]
    assert [order.order_id for order in approved] == [f"good-{number}" for number in (1, 2, 3, 4)]


def test_a_long_batch_is_taken_in_slices_and_committed_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams.pipeline.worker.shard_runner, "TAKING_S", -1.0)
    monkeypatch.setattr(streams.pipeline.worker.shard_runner, "PAUSE_S", 0.0)

    async def work() -> MemoryLog:
        log = SignallingLog()
        runner = runner_on(log)
        task = asyncio.create_task(runner.run())
        await runner.put(batch(0, 3 * SLICE))
        await log.until_taken("controls", 3 * SLICE)
        runner.release()
        await task
        return log

    journal = asyncio.run(work()).partitions["journal.accounts", 0]
    counts = [sum(CODEC.decode("journal.accounts", record.value or b"").counts) for record in journal]
    assert [count for count in counts if count] == [SLICE] * 3
