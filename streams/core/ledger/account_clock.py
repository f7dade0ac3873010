"""The clock of an account: the event time of its orders and of what happens to it, for everything that has a window.

Market time moves by market data alone (decision 2), so orders between two marks would all have the same time. An
account's own clock also follows the times of its requests, as far as they can be believed; see decision 15.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.records.numbers import NANOS_PER_S

if TYPE_CHECKING:
    from streams.core.accounts.state.account import Account

AHEAD_MAX_NS = 24 * 3600 * NANOS_PER_S
"""A request's time further ahead of the shard's is a wrong clock."""


def advance(account: Account, shard_time_ns: int, request_ts: int | None, *, record_time: bool) -> int:
    """Moves an account's clock to an event and returns it, UTC nanoseconds; it never steps back.

    request_ts: the request's own time; None for what isn't a request. record_time: the shard's time is the record's
    Kafka timestamp, which is then the event's time.
    """
    time_ns = shard_time_ns
    if request_ts is not None and not record_time and 0 <= request_ts - shard_time_ns <= AHEAD_MAX_NS:
        time_ns = request_ts
    account.clock_ns = max(account.clock_ns, time_ns)
    return account.clock_ns
