"""The two kinds of shard, and the topics of each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from schemas.records.output import State
from streams.core.accounts.account_shard import AccountShard
from streams.core.core_config import CoreConfig
from streams.core.venue.execution_shard import ExecutionShard
from streams.pipeline.journal.shard import Shard


class ShardClass(Protocol):
    """A class of shards."""

    def __call__(self, config: CoreConfig, partition: int) -> Shard:
        """Returns a new shard."""
        ...

    def from_state(self, config: CoreConfig, partition: int, state: State) -> Shard:
        """Returns the shard that to_state described."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class ShardKind:
    """A kind of shard.

    inputs: base name of each input topic, with the field that is the record's key and decides its partition; None if
    the writer of the topic decides.
    """

    name: str
    shard: ShardClass
    inputs: Mapping[str, str | None]
    journal: str
    snapshots: str

    def shard_name(self, partition: int) -> str:
        """Returns the name of an instance, as in its journal."""
        return f"{self.name}-{partition}"

    def partitions(self, config: CoreConfig) -> int:
        """Returns the number of instances: one for each partition of the inputs."""
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
JOURNALS: tuple[str, ...] = tuple(kind.journal for kind in KINDS)
OWN_LOGS: frozenset[str] = frozenset([*JOURNALS, *(kind.snapshots for kind in KINDS)])
"""Topics that shards write for themselves."""
OWN_TOPICS: frozenset[str] = OWN_LOGS | {topic for kind in KINDS for topic, key in kind.inputs.items() if key is None}
"""Topics that shards read and that only shards may write."""
