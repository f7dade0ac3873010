"""Both kinds of shard in one process, without Kafka and without encoding."""

from collections import deque

from schemas.records.messages import ApprovedOrder, MarketData
from schemas.records.output import Message, Output
from streams.core.accounts.account_shard import AccountShard
from streams.core.core_config import CoreConfig
from streams.core.venue.execution_shard import ExecutionShard

INTERNAL_TOPICS = ("orders.approved", "executions", "marks")
"""Topics by which the shards talk to each other."""


class InMemoryPipeline:
    """An account shard and an execution shard that take each other's outputs at once.

    events: records that were applied.
    """

    def __init__(self, config: CoreConfig) -> None:
        config = config.model_copy(update={"account_partitions": 1, "execution_partitions": 1})
        self._accounts = AccountShard(config, 0)
        self._execution = ExecutionShard(config, 0)
        self.events = 0

    def deliver(self, message: Message) -> list[Output]:
        """Applies a record and the records that follow from it, and returns all outputs."""
        waiting, outputs, events = deque([message]), list[Output](), 0
        while waiting:
            message = waiting.popleft()
            shard = self._execution if isinstance(message, MarketData | ApprovedOrder) else self._accounts
            events += 1
            for output in shard.apply(message, None):
                if output.topic in INTERNAL_TOPICS:
                    waiting.append(output.message)
                outputs.append(output)
        self.events += events
        return outputs
