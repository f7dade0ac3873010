"""A shard commits what it has while the registry is asked for the schemas of its next batch."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable

import pytest

from schemas.avro.codec import Codec
from schemas.errors import RegistryUnavailable
from schemas.memory_registry import MemoryRegistry
from streams.pipeline.journal.kinds import ACCOUNTS
from streams.pipeline.journal.owned_shard import take_over
from streams.pipeline.journal.raw_records import RawRecord
from streams.pipeline.journal.snapshots import SnapshotPolicy
from streams.pipeline.worker import schema_lookup
from streams.pipeline.worker.lane import RecordBatch
from streams.pipeline.worker.shard_runner import ShardRunner
from tests import builders
from tests.pipeline.worker.test_shard_runner import CODEC, PLACE, SignallingLog, batch

UNKNOWN = b"\x00\x00\x00\x10\x00\x00\x00"


class SlowRegistry(MemoryRegistry):
    """A registry that answers when it is allowed to, or fails."""

    def __init__(self, failures: int = 0) -> None:
        super().__init__()
        self.may_answer = threading.Event()
        self.failures = failures
        self.asked: list[set[int]] = []
        self._learnt: set[int] = set()

    def unknown(self, topic: str, schema_ids: Iterable[int]) -> set[int]:
        return set(schema_ids) - self._learnt

    def learn(self, topic: str, schema_ids: Iterable[int]) -> None:
        assert threading.current_thread() is not threading.main_thread()
        self.asked.append(set(schema_ids))
        self.may_answer.wait()
        if len(self.asked) <= self.failures:
            raise RegistryUnavailable("no answer")
        self._learnt |= set(schema_ids)


def unknown_batch(first: int) -> RecordBatch:
    records = [RawRecord("controls", 0, first + number, b"A", UNKNOWN, 0) for number in range(3)]
    return RecordBatch(1, PLACE, first, records)


class Work:
    """A shard's runner that takes two known batches with an unknown one between them."""

    def __init__(self, registry: SlowRegistry) -> None:
        codec = Codec(registry)
        self.log = SignallingLog()
        core = builders.config(account_partitions=1, execution_partitions=1)
        shard = take_over(ACCOUNTS, 0, core, codec, self.log, lambda _: self.log, SnapshotPolicy(1_000, 1_000_000, 0))
        self.runner = ShardRunner(shard, 2_000, 8, codec)
        self._committed = 0
        self.task = asyncio.create_task(self.runner.run())

    async def until(self, records: int) -> None:
        """Waits until that many records are committed in all."""
        while self._committed < records:
            commit = asyncio.create_task(self.log.commits.get())
            await asyncio.wait([self.task, commit], return_when=asyncio.FIRST_COMPLETED)
            if not commit.done():
                commit.cancel()
                self.task.result()
                raise AssertionError("the runner ended without an error")
            self._committed += sum(CODEC.decode("journal.accounts", commit.result().journal.value or b"").counts)

    async def put_all(self) -> None:
        for item in (batch(0, 1), unknown_batch(1), batch(4, 1)):
            await self.runner.put(item)


def test_what_was_taken_is_committed_while_the_registry_is_asked() -> None:
    async def work() -> None:
        registry = SlowRegistry()
        working = Work(registry)
        await working.put_all()
        await working.until(1)
        assert working.runner.committed == {"controls": 1}
        registry.may_answer.set()
        await working.until(5)
        assert registry.asked == [{0x1000}]
        letters = [dict(letter.headers)["error_class"] for letter in working.log.partitions["dlq.controls", 0]]
        assert letters == [b"UNKNOWN_SCHEMA"] * 3
        working.runner.release()
        await working.task

    asyncio.run(work())


def test_a_registry_that_comes_back_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema_lookup, "PAUSE_S", 0.001)

    async def work() -> None:
        registry = SlowRegistry(failures=3)
        registry.may_answer.set()
        working = Work(registry)
        await working.put_all()
        await working.until(5)
        assert len(registry.asked) == 4
        working.runner.release()
        await working.task

    asyncio.run(work())


def test_a_registry_that_stays_away_ends_the_shard_with_the_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema_lookup, "PAUSE_S", 0.001)
    monkeypatch.setattr(schema_lookup, "PATIENCE_S", 0.002)

    async def work() -> None:
        registry = SlowRegistry(failures=1_000)
        registry.may_answer.set()
        working = Work(registry)
        await working.put_all()
        with pytest.raises(RegistryUnavailable, match=r"controls-0 at offset 1 or behind it has a schema"):
            await working.task
        assert working.runner.committed == {"controls": 1}

    asyncio.run(work())


def test_a_released_shard_does_not_wait_for_the_registry() -> None:
    async def work() -> None:
        registry = SlowRegistry()
        working = Work(registry)
        await working.put_all()
        await working.until(1)
        working.runner.release()
        await working.task
        registry.may_answer.set()
        assert working.runner.committed == {"controls": 1}

    asyncio.run(work())
