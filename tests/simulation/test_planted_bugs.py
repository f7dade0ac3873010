"""The oracle detects each planted bug of the protocol within few histories."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from streams.pipeline.journal.owned_shard import OwnedShard, PreparedTransaction
from streams.pipeline.journal.transaction import Transaction
from tests.pipeline.sink.memory_clickhouse import MemoryClickHouse
from tests.simulation.broker import Broker
from tests.simulation.histories import HistoryFailed, run_history
from tests.simulation.world import ShardKey, World

HISTORIES_MAX = 600


def first_failure(make_world: Callable[[int], World] = World, saying: str = "") -> str:
    """Returns the first history that fails."""
    for seed in range(HISTORIES_MAX):
        try:
            run_history(seed, make_world)
        except HistoryFailed as failure:
            if saying in str(failure):
                return str(failure)
    pytest.fail(f"none of {HISTORIES_MAX} histories failed{saying and f' saying {saying!r}'}")


def test_without_a_bug_the_same_histories_hold() -> None:
    for seed in range(30):
        run_history(seed)


class AcknowledgesBeforeTheCommit(World):
    """A worker that acknowledges offsets when it takes records, and whose next owner trusts them."""

    def __init__(self, seed: int) -> None:
        self.acknowledged: dict[str, dict[str, int]] = {}
        super().__init__(seed)

    def take_over(self, key: ShardKey) -> OwnedShard:
        shard = super().take_over(key)
        acknowledged = self.acknowledged.setdefault(shard.name, {})
        shard.starts = {topic: max(start, acknowledged.get(topic, 0)) for topic, start in shard.starts.items()}
        shard.processor.positions |= {topic: start for topic, start in shard.starts.items() if start}
        take = shard.take

        def take_and_acknowledge(follows: int, records: Any) -> None:
            take(follows, records)
            acknowledged[records[0].topic] = records[-1].offset + 1

        shard.take = take_and_acknowledge  # type: ignore[method-assign]
        return shard


def test_an_acknowledgement_before_the_commit_is_found() -> None:
    assert "committed are" in first_failure(AcknowledgesBeforeTheCommit)


@pytest.mark.parametrize(
    "sentence",
    [
        pytest.param("stands at place", id="one in the middle: what follows is out of place"),
        pytest.param("names another order than that of arrival", id="the last: nothing follows, records are unnamed"),
    ],
)
def test_a_missing_journal_record_is_found(sentence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def without_some_journals(self: Transaction) -> list[Any]:
        return [*self.outputs, *([] if self.sequence % 5 == 0 else [self.journal]), *self.snapshot]

    monkeypatch.setattr(Transaction, "records", property(without_some_journals))
    monkeypatch.setattr("tests.simulation.broker.Writer.commit", commit_without_journal)
    assert sentence in first_failure(saying=sentence)


def commit_without_journal(self: Any, transaction: Transaction) -> int:
    written = self._broker.write(self._name, self._epoch, transaction.records)
    journals = [record.offset for record in written if record.topic.startswith("journal.")]
    return journals[0] if journals else 0


def test_a_snapshot_ahead_of_the_journal_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def snapshot_first(self: OwnedShard, prepared: PreparedTransaction | None) -> None:
        if prepared is None:
            return
        transaction: Any = prepared.transaction
        if transaction.snapshot:
            writer: Any = self._writer
            writer.write(transaction.snapshot)
            transaction.snapshot = []
        self.processor.journal_offset = self._writer.commit(transaction)
        self.committed = prepared.positions

    monkeypatch.setattr(OwnedShard, "write", snapshot_first)
    assert "stands for journal" in first_failure()


def test_a_token_that_changes_on_a_retry_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = iter(range(10**9))
    insert: Any = MemoryClickHouse.raw_insert

    def named_anew(self: MemoryClickHouse, table: str, *, settings: dict[str, Any], **block: Any) -> None:
        insert(self, table, settings=settings | {"insert_deduplication_token": str(next(numbers))}, **block)

    monkeypatch.setattr(MemoryClickHouse, "raw_insert", named_anew)
    assert "rows twice" in first_failure()


def test_an_owner_that_is_not_fenced_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Broker, "_demand_owner", lambda self, name, epoch: None)
    assert "an uncrashed run" in first_failure()
