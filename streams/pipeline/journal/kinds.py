"""The two kinds of shard: their topics, and the field that says which partition an input belongs to."""

from collections.abc import Mapping
from dataclasses import dataclass

from streams.core.accounts.account_shard import AccountShard
from streams.core.core_config import CoreConfig
from streams.core.venue.execution_shard import ExecutionShard

ShardClass = type[AccountShard] | type[ExecutionShard]


@dataclass(frozen=True, slots=True, eq=False)
class ShardKind:
    """inputs: base topic to the field that is its key and decides its partition; None where the writer decides."""

    name: str
    shard: ShardClass
    inputs: Mapping[str, str | None]
    journal: str
    snapshots: str

    def shard_name(self, partition: int) -> str:
        """Name of one instance, as in its journal."""
        return f"{self.name}-{partition}"

    def partitions(self, config: CoreConfig) -> int:
        """How many instances there are: one for each partition of the inputs."""
        return config.account_partitions if self is ACCOUNTS else config.execution_partitions


ACCOUNTS = ShardKind(
    name="accounts",
    shard=AccountShard,
    inputs={"orders": "account_id", "executions": None, "marks": None, "controls": "account_id", "desk": None},
    journal="journal.accounts",
    snapshots="snapshots.accounts",
)
EXECUTION = ShardKind(
    name="execution",
    shard=ExecutionShard,
    inputs={"orders.approved": None, "market.data": "symbol"},
    journal="journal.execution",
    snapshots="snapshots.execution",
)
KINDS: tuple[ShardKind, ...] = (ACCOUNTS, EXECUTION)
