"""Events a second through the pure core: both kinds of shard in this process, no Kafka, no encoding."""

import time
from collections import deque

from streams.bench.orders import bench_orders, opening
from streams.domain.account_shard import AccountShard
from streams.domain.config import CoreConfig
from streams.domain.execution_shard import ExecutionShard
from streams.domain.messages import ApprovedOrder, MarketData
from streams.domain.shard import Message
from streams.feed.pack import pack
from streams.feed.table import MarketTable

ACCOUNT = "bench-core"


def core_events_per_s(config: CoreConfig, table: MarketTable, orders: int) -> float:
    """Records applied a second while orders are checked, filled and booked between batches of quotes."""
    config = config.model_copy(update={"account_partitions": 1, "execution_partitions": 1})
    accounts, execution = AccountShard(config, 0), ExecutionShard(config, 0)
    waiting: deque[Message] = deque([opening(ACCOUNT)])
    waiting.extend(pack(table, 0, len(table)))
    waiting.extend(bench_orders(ACCOUNT, table, orders))
    events, started = 0, time.perf_counter()
    while waiting:
        message = waiting.popleft()
        shard = execution if isinstance(message, MarketData | ApprovedOrder) else accounts
        events += 1
        for output in shard.apply(message, None):
            if output.topic in ("orders.approved", "executions", "marks"):
                waiting.append(output.message)
    return events / (time.perf_counter() - started)
