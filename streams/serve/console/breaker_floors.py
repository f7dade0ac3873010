"""The circuit breakers of accounts with their floors, from a copy of the account's shard."""

from __future__ import annotations

from typing import NamedTuple

from infra.settings import Settings
from schemas.avro.codec import Codec
from schemas.records.enums import BreakerState
from streams.core.accounts.account_shard import AccountShard
from streams.core.risk.breakers.breaker import Breaker
from streams.core.risk.breakers.meter import EquityMeter
from streams.pipeline.clients.account_shards import account_shards
from streams.pipeline.journal.partitions import partition_of
from streams.serve.console.kept_answers import KeptAnswers

KEPT_S = 5.0
"""Time for which a copy of a shard serves all pages."""


class BreakerRow(NamedTuple):
    """A breaker. floor: the equity or balance at which it opens, 1e-18; None if it looks at something else.

    room: how far the equity is above the floor, 1e-18. remedy: what ends an open breaker.
    """

    name: str
    kind: str
    state: BreakerState
    floor: int | None
    room: int | None
    remedy: str


class BreakerFloors:
    """Recovers account shards from snapshot and journal, each at most once in KEPT_S."""

    def __init__(self, settings: Settings, codec: Codec) -> None:
        self._settings, self._codec = settings, codec
        self._kept: KeptAnswers[list[AccountShard]] = KeptAnswers(KEPT_S)

    def rows(self, account_id: str) -> list[BreakerRow]:
        """Returns the breakers of an account, by name; none before its first session.

        Raises RecoveryError, TopicError.
        """
        partition = partition_of(account_id, self._settings.account_partitions)
        shards = self._kept.get(str(partition), lambda: list(account_shards(self._settings, self._codec, [partition])))
        if not shards or account_id not in shards[0].accounts:
            return []
        shard = shards[0]
        account = shard.accounts[account_id]
        equity = shard.equity(account_id)
        return [_row(breaker, account_id, equity) for _, breaker in sorted(account.breakers.by_name.items())]


def _row(breaker: Breaker, account_id: str, equity: int) -> BreakerRow:
    floor = breaker.meter.floor if isinstance(breaker.meter, EquityMeter) else None
    room = None if floor is None else equity - floor
    remedy = "" if breaker.state is BreakerState.CLOSED else breaker.remedy(account_id)
    return BreakerRow(breaker.name, breaker.config.kind, breaker.state, floor, room, remedy)
