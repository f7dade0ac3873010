"""A worker's shards on a log in memory: one that can't work is parked, left out of the fetching, and comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest
from faust.types import TP

from infra.settings import Settings
from schemas.avro.codec import Codec
from schemas.memory_registry import MemoryRegistry
from streams.errors import LogUnavailable, RecoveryError
from streams.pipeline.journal.kinds import ACCOUNTS, ShardKind
from streams.pipeline.journal.memory_log import MemoryLog
from streams.pipeline.journal.owned_shard import take_over
from streams.pipeline.journal.raw_records import RawRecord
from streams.pipeline.journal.snapshots import SnapshotPolicy
from streams.pipeline.worker import parked_shards, shard_host
from streams.pipeline.worker.lane import RecordBatch
from streams.pipeline.worker.parked_shards import ParkedShard
from streams.pipeline.worker.shard_host import ShardHost
from streams.pipeline.worker.shard_runner import ShardRunner
from streams.pipeline.worker.takeover_sign import TakeoverSign
from tests import builders

CODEC = Codec(MemoryRegistry())
CORE = builders.config(account_partitions=2, execution_partitions=2)
SETTINGS = Settings(_env_file=None, topic_prefix="", account_partitions=2, execution_partitions=2)
ASSIGNED = {TP(topic, partition) for topic in ACCOUNTS.inputs for partition in (0, 1)}


class Host(ShardHost):
    """A host whose take-overs of partition 1 wait, and have given outcomes."""

    def __init__(self, home: Path, *outcomes: Exception | None) -> None:
        sign = TakeoverSign(SETTINGS.model_copy(update={"paper_home": home}), "w")
        super().__init__(SETTINGS, CORE, CODEC, self.stopped_by, self.reports, lambda: self, sign)
        self.errors: list[BaseException] = []
        self.parked: list[ParkedShard] = []
        self.fetched: dict[TP, int] = {}
        self.log = MemoryLog()
        self.changed = asyncio.Event()
        self._outcomes = list(outcomes)

    def stopped_by(self, error: BaseException) -> None:
        self.errors.append(error)
        self.changed.set()

    def reports(self, parked: list[ParkedShard]) -> None:
        self.parked = parked
        self.changed.set()

    def fetch_also(self, positions: Mapping[TP, int]) -> None:
        self.fetched.update(positions)

    def fetch_no_more(self, tps: set[TP]) -> None:
        self.fetched = {tp: at for tp, at in self.fetched.items() if tp not in tps}

    async def assign(self) -> None:
        self.fetched = dict(await self.assigned(ASSIGNED))
        self.positioned()

    async def until_parked(self, *shards: str) -> None:
        while [item.shard for item in self.parked] != list(shards):
            self.changed.clear()
            await self.changed.wait()

    def _take_over(self, kind: ShardKind, partition: int, assignment: int) -> ShardRunner:
        outcome = self._outcomes.pop(0) if partition == 1 and self._outcomes else None
        if outcome is not None:
            raise outcome
        log = self.log
        shard = take_over(kind, partition, CORE, CODEC, log, lambda _: log, SnapshotPolicy(1_000, 1_000_000, 0))
        return ShardRunner(shard, 2_000, 8, CODEC)

    def partitions(self) -> set[int]:
        return {tp.partition for tp in self.fetched}


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parked_shards, "FIRST_PAUSE_S", 0.0)
    monkeypatch.setattr(parked_shards, "SETTLING_S", 0.0)


def batch(host: Host, partition: int, value: bytes) -> RecordBatch:
    record = RawRecord("controls", partition, 0, b"A", value, 0)
    host.log.partitions["controls", partition].append(record)
    return RecordBatch(host.generation, TP("controls", partition), 0, [record])


def test_a_shard_that_cant_be_taken_over_is_left_out_and_comes_back(tmp_path: Path) -> None:
    async def story() -> None:
        host = Host(tmp_path, RecoveryError("no journal"), RecoveryError("still none"), None)
        await host.assign()
        assert host.partitions() == {0}
        assert [(item.shard, item.reason) for item in host.parked] == [("accounts-1", "no journal")]
        assert {tp.partition for tp in host.committed()} <= {0}
        await host.until_parked()
        assert host.partitions() == {0, 1}
        assert host.errors == []
        await host.release()

    asyncio.run(story())


def test_a_shard_that_fails_while_it_runs_is_parked_and_no_agent_waits_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        host = Host(tmp_path)
        await host.assign()
        failing = host._runners[ACCOUNTS, 1]
        monkeypatch.setattr(parked_shards, "FIRST_PAUSE_S", 1_000.0)
        monkeypatch.setattr(failing, "_take", lambda _: 1 // 0)
        await host.deliver(batch(host, 1, b"x"))
        await host.until_parked("accounts-1")
        assert host.parked[0].reason.startswith("ZeroDivisionError")
        assert host.partitions() == {0}
        for _ in range(20):
            await host.deliver(batch(host, 1, b"x"))
        await host.deliver(batch(host, 0, CODEC.encode("controls", builders.opening("A"))))
        while not host.committed():
            await asyncio.sleep(0)
        await host.release()
        assert host.parked == []

    asyncio.run(story())


def test_an_error_that_concerns_all_shards_parks_none(tmp_path: Path) -> None:
    async def story() -> None:
        host = Host(tmp_path, LogUnavailable("no broker"))
        with pytest.raises(LogUnavailable):
            await host.assign()
        assert (host.parked, host.partitions()) == ([], set())
        await host.assign()
        assert host.partitions() == {0, 1}
        await host.release()

    asyncio.run(story())


def test_a_shard_that_recovers_long_holds_up_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shard_host, "LATE_S", 0.0)

    async def story() -> None:
        host = Host(tmp_path)
        await host.assign()
        assert host.partitions() == set(), "nothing is taken over within no time"
        while host.partitions() != {0, 1}:
            await asyncio.sleep(0.001)
        await host.release()

    asyncio.run(story())


def test_a_release_ends_what_still_recovers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shard_host, "LATE_S", 0.0)

    async def story() -> None:
        host = Host(tmp_path)
        await host.assign()
        await host.release()
        assert (host.partitions(), dict(host.committed())) == (set(), {})

    asyncio.run(story())
