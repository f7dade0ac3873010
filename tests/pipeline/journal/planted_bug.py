"""An account shard with a planted bug: it fails on some orders, after it has changed its state."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Self

from schemas.records.messages import OrderRequest
from schemas.records.output import Message, Output, State
from streams.core.accounts.account_shard import AccountShard
from streams.core.core_config import CoreConfig
from streams.pipeline.journal.kinds import ACCOUNTS, EXECUTION, ShardKind

BUG = "bug"
"""Orders whose id begins with this make the shard fail."""


class FaultyShard:
    """An AccountShard that fails on orders of BUG, when their work is done and half of their outputs are lost."""

    def __init__(self, config: CoreConfig, partition: int) -> None:
        self._inner = AccountShard(config, partition)

    @property
    def time_ns(self) -> int:
        return self._inner.time_ns

    @property
    def accounts(self) -> Any:
        return self._inner.accounts

    def problem_with(self, config: CoreConfig) -> str | None:
        return self._inner.problem_with(config)

    def configure(self, config: CoreConfig) -> None:
        self._inner.configure(config)

    def apply(self, message: Message, record_time_ns: int | None, written_ns: int = 0) -> list[Output]:
        outputs = self._inner.apply(message, record_time_ns, written_ns)
        if isinstance(message, OrderRequest) and message.order_id.startswith(BUG):
            raise ZeroDivisionError("as planned")
        return outputs

    def to_state(self) -> State:
        return self._inner.to_state()

    @classmethod
    def from_state(cls, config: CoreConfig, partition: int, state: State) -> Self:
        shard = cls(config, partition)
        shard._inner = AccountShard.from_state(config, partition, state)
        return shard


FAULTY_ACCOUNTS: ShardKind = replace(ACCOUNTS, shard=FaultyShard)
FAULTY_KINDS = (FAULTY_ACCOUNTS, EXECUTION)
