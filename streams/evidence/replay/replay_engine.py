"""Runs a whole pipeline in one process: every shard, and the records that they send each other, without Kafka."""

from collections import Counter, deque
from collections.abc import Callable

from schemas.records.messages import ApprovedOrder, MarketData, OrderResult
from schemas.records.output import Message, Output, RecordRefused
from streams.core.accounts.account_shard import AccountShard
from streams.core.core_config import CoreConfig, TimeSource
from streams.core.venue.execution_shard import ExecutionShard
from streams.evidence.replay.column_market import ColumnMarket
from streams.pipeline.feed.table import MarketTable
from streams.pipeline.journal.partitions import partition_of

TO_ACCOUNTS = frozenset({"executions", "marks", "desk", "orders", "controls"})
TO_EXECUTION = frozenset({"orders.approved", "orders.live", "market.data"})
"""Topics that the execution shards take. Live orders go to the simulator too: a replay has no other market."""
OnOutput = Callable[[str, int, str, Message], None]
"""Receives an output: topic, partition, key and record."""


class ReplayEngine:
    """Runs the shards over inputs in a given order. All records that an input causes are processed before the next.

    refused: a sentence for each input that broke a rule of its topic. taken: inputs that shards took, by topic and
    partition.
    """

    def __init__(self, config: CoreConfig, on_output: OnOutput) -> None:
        self.config = config
        self.refused: list[str] = []
        self.taken = Counter[tuple[str, int]]()
        self._accounts = [AccountShard(config, number) for number in range(config.account_partitions)]
        self._execution = [ExecutionShard(config, number) for number in range(config.execution_partitions)]
        self._by_record_time = config.time_source is TimeSource.RECORD
        self._on_output = on_output
        self._waiting: deque[tuple[str, int, Message]] = deque()
        self._market: ColumnMarket | None = None

    @property
    def accounts(self) -> list[AccountShard]:
        """The account shards by partition, for reading."""
        return self._accounts

    def process(self, topic: str, partition: int, message: Message, time_ns: int) -> list[OrderResult]:
        """Processes an input and everything that it causes, at one time. Returns the results for clients."""
        self._waiting.append((topic, partition, message))
        return self._process_waiting(time_ns)

    def load_market(self, table: MarketTable) -> ColumnMarket:
        """Loads a market, sorted by market time and checked, whose updates take_turn takes."""
        self._market = ColumnMarket(table, self._execution, not self._by_record_time)
        return self._market

    def take_turn(self, time_ns: int) -> list[OrderResult]:
        """Processes the update whose turn it is in the market, at its time, and everything that it causes."""
        assert self._market is not None
        outputs = self._market.take_turn()
        return self._send(outputs) + self._process_waiting(time_ns) if outputs else []

    def _process_waiting(self, time_ns: int) -> list[OrderResult]:
        results: list[OrderResult] = []
        while self._waiting:
            results += self._apply(*self._waiting.popleft(), time_ns)
        return results

    def _apply(self, topic: str, partition: int, message: Message, time_ns: int) -> list[OrderResult]:
        self.taken[topic, partition] += 1
        if topic in TO_ACCOUNTS:
            shard: AccountShard | ExecutionShard = self._accounts[partition]
        else:
            shard = self._execution[partition]
            if self._market is not None:
                assert isinstance(message, ApprovedOrder | MarketData)
                self._market.catch_up(partition, message.symbol)
        try:
            outputs = shard.apply(message, time_ns if self._by_record_time else None, time_ns)
        except RecordRefused as refusal:
            self.refused.append(f"{topic}: {refusal.text}")
            return []
        return self._send(outputs)

    def _send(self, outputs: list[Output]) -> list[OrderResult]:
        """Hands outputs on to the shards that take them. Returns the results for clients."""
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
