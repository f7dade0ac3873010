"""The whole pipeline in one process: every shard, and what they send each other, without topics in between."""

from collections import deque
from collections.abc import Callable

from schemas.records.messages import OrderResult
from schemas.records.output import Message, RecordRefused
from streams.core.accounts.account_shard import AccountShard
from streams.core.core_config import CoreConfig, TimeSource
from streams.core.venue.execution_shard import ExecutionShard
from streams.pipeline.journal.partitions import partition_of

TO_ACCOUNTS = frozenset({"executions", "marks", "desk", "orders", "controls"})
TO_EXECUTION = frozenset({"orders.approved", "orders.live", "market.data"})
"""Live orders meet the simulator too: a replay has no other market."""
OnOutput = Callable[[str, int, str, Message], None]
"""Topic, partition, key and record of an output."""


class ReplayEngine:
    """Runs the shards over inputs in a given order; what a record causes is carried through before the next.

    refused: inputs that broke a rule of their topic, as sentences.
    """

    def __init__(self, config: CoreConfig, on_output: OnOutput) -> None:
        self.config = config
        self.refused: list[str] = []
        self._accounts = [AccountShard(config, number) for number in range(config.account_partitions)]
        self._execution = [ExecutionShard(config, number) for number in range(config.execution_partitions)]
        self._by_record_time = config.time_source is TimeSource.RECORD
        self._on_output = on_output
        self._waiting: deque[tuple[str, int, Message]] = deque()

    @property
    def accounts(self) -> list[AccountShard]:
        """Account shards by partition, for reading."""
        return self._accounts

    def put(self, topic: str, partition: int, message: Message, time_ns: int) -> list[OrderResult]:
        """Takes an input that came at a time, with all that it causes; gives the clients' results."""
        results: list[OrderResult] = []
        self._waiting.append((topic, partition, message))
        while self._waiting:
            results += self._apply(*self._waiting.popleft(), time_ns)
        return results

    def _apply(self, topic: str, partition: int, message: Message, time_ns: int) -> list[OrderResult]:
        shard = self._accounts[partition] if topic in TO_ACCOUNTS else self._execution[partition]
        try:
            outputs = shard.apply(message, time_ns if self._by_record_time else None)
        except RecordRefused as refusal:
            self.refused.append(f"{topic}: {refusal.text}")
            return []
        results = []
        for output in outputs:
            right = self._partition(output.topic, output.key) if output.partition is None else output.partition
            self._on_output(output.topic, right, output.key, output.message)
            if output.topic in TO_ACCOUNTS or output.topic in TO_EXECUTION:
                self._waiting.append((output.topic, right, output.message))
            elif isinstance(output.message, OrderResult):
                results.append(output.message)
        return results

    def _partition(self, topic: str, key: str) -> int:
        return partition_of(
            key, self.config.execution_partitions if topic in TO_EXECUTION else self.config.account_partitions
        )
