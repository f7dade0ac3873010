"""A shard's runner commits batches in order, on a log in memory."""

from __future__ import annotations

import asyncio

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
from streams.pipeline.worker.shard_runner import ENOUGH, ShardRunner
from tests import builders

CODEC = Codec(MemoryRegistry())
PLACE = TP("controls", 0)


class SignallingLog(MemoryLog):
    """A log in memory that signals each commit."""

    def __init__(self) -> None:
        super().__init__()
        self.committed = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def commit(self, transaction: Transaction) -> int:
        offset = super().commit(transaction)
        self._loop.call_soon_threadsafe(self.committed.set)
        return offset


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
    monkeypatch.setattr(streams.pipeline.worker.shard_runner, "PACE_S", 3_600.0)

    async def work() -> MemoryLog:
        log = SignallingLog()
        runner = runner_on(log)
        await log.committed.wait()
        task = asyncio.create_task(runner.run())
        for item in (batch(0, 1), batch(1, 1), batch(2, ENOUGH)):
            log.committed.clear()
            await runner.put(item)
            if item.records[0].offset == 1:
                await many_turns()
            else:
                await log.committed.wait()
        runner.release()
        await task
        return log

    journal = asyncio.run(work()).partitions["journal.accounts", 0]
    counts = [CODEC.decode("journal.accounts", record.value or b"").counts for record in journal]
    assert counts[1:3] == [[1], [1 + ENOUGH]]


def test_a_released_shard_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams.pipeline.worker.shard_runner, "PACE_S", 3_600.0)
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
