"""The sink on a backlog, and the feed: each alone with the broker, on topics that no worker reads."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing

from clickhouse_connect.driver.client import Client as ClickHouseClient
from confluent_kafka import Producer

from infra.clickhouse.client import connect
from infra.kafka.client_config import client_config
from infra.kafka.topics import BY_NAME, partition_count, topic_name
from infra.settings import Settings
from infra.stack.local_stack import prepare_pipeline
from schemas.avro.codec import Codec
from schemas.records.messages import ApprovedOrder, MarketData, OrderRequest
from schemas.records.output import Message
from streams.core.accounts.account_shard import AccountShard
from streams.core.reference.declarations import InstrumentConfig
from streams.core.venue.execution_shard import ExecutionShard
from streams.errors import NoAnswer
from streams.pipeline.feed.table import MarketTable
from streams.pipeline.reference.load_config import core_config
from streams.pipeline.sink.tables import table_of
from streams.tools.bench.core_rate import story
from streams.tools.demo.pipeline_children import Children

ORDERS = 4_000
FLUSH_S = 60.0
SILENCE_S = 60.0
POLL_MIN_S, POLL_MAX_S = 0.2, 3.0
COUNT = "SELECT count() AS rows FROM {table} WHERE run_id = {{run_id:String}}"

Records = dict[str, list[tuple[str, bytes]]]
"""Key and value of records by topic."""


def own_topics(settings: Settings, name: str) -> Settings:
    """Settings of topics and rows beside the run's, removed together with it."""
    run_id = f"{settings.run_id}-{name}"
    beside = settings.model_copy(update={"topic_prefix": f"{run_id}.", "run_id": run_id})
    prepare_pipeline(beside)
    return beside


def sink_rows_per_s(
    settings: Settings,
    codec: Codec,
    table: MarketTable,
    instruments: Mapping[str, InstrumentConfig],
    records: int,
    on_step: Callable[[str], None],
) -> float:
    """Rows a second, from the first that a query sees to the last, of a backlog of so many records."""
    pool = _recorded(settings, codec, table, instruments)
    on_step(f"writing a backlog of about {records:,} records")
    written = _write(settings, pool, records)
    on_step("sink on the backlog")
    children = Children(settings)
    try:
        children.start("sink", "sink")
        with closing(connect(settings)) as client:
            return _rate(client, settings.run_id, list(pool), written, children.demand_alive)
    finally:
        children.stop()


def _recorded(
    settings: Settings, codec: Codec, table: MarketTable, instruments: Mapping[str, InstrumentConfig]
) -> Records:
    """What a session of ORDERS orders leaves on the topics, market data apart."""
    config = core_config(settings).model_copy(update={"account_partitions": 1, "execution_partitions": 1})
    accounts, execution = AccountShard(config, 0), ExecutionShard(config, 0)
    pool: Records = {}
    for told in story(table, instruments, ORDERS):
        if isinstance(told, OrderRequest):
            pool.setdefault("orders", []).append((told.account_id, codec.encode("orders", told)))
        waiting: deque[Message] = deque([told])
        while waiting:
            message = waiting.popleft()
            shard = execution if isinstance(message, MarketData | ApprovedOrder) else accounts
            for output in shard.apply(message, None):
                if output.topic in ("orders.approved", "executions", "marks"):
                    waiting.append(output.message)
                pool.setdefault(output.topic, []).append((output.key, codec.encode(output.topic, output.message)))
    return pool


def _write(settings: Settings, pool: Records, records: int) -> int:
    """Writes the pool over and over; the number of records."""
    producer = Producer(
        client_config(settings) | {"linger.ms": 20, "compression.type": "lz4", "batch.num.messages": 10_000}
    )
    written = 0
    while written < records:
        for topic, its_records in pool.items():
            partitions = partition_count(settings, topic)
            # Each record of a compacted topic has a key of its own: all of them stay.
            suffix = f"-{written}-" if BY_NAME[topic].compacted else ""
            for partition in range(partitions):
                chosen = its_records[partition::partitions]
                _produce(producer, topic_name(settings, topic), partition, _keyed(chosen, suffix))
            written += len(its_records)
    if producer.flush(FLUSH_S):
        raise NoAnswer(f"the broker did not take the backlog in {FLUSH_S:.0f} s")
    return written


def _keyed(records: Iterable[tuple[str, bytes]], suffix: str) -> list[dict[str, object]]:
    return [
        {"key": f"{key}{suffix}{number}" if suffix else key, "value": value}
        for number, (key, value) in enumerate(records)
    ]


def _produce(producer: Producer, topic: str, partition: int, messages: list[dict[str, object]]) -> None:
    """Queues all, waiting while the queue is full."""
    deadline = time.monotonic() + FLUSH_S
    while messages:
        producer.produce_batch(topic, messages, partition)
        messages = [{"key": item["key"], "value": item["value"]} for item in messages if "_error" in item]
        if messages and time.monotonic() > deadline:
            raise NoAnswer(f"the broker did not take the backlog in {FLUSH_S:.0f} s")
        producer.poll(0.05 if messages else 0)


def _rate(
    client: ClickHouseClient, run_id: str, topics: list[str], expected: int, demand_alive: Callable[[], None]
) -> float:
    counts = " UNION ALL ".join(COUNT.format(table=table_of(topic)) for topic in topics)
    first, first_rows, rows, heard = 0.0, 0, 0, time.monotonic()
    while time.monotonic() - heard < SILENCE_S:
        demand_alive()
        found = client.query(f"SELECT sum(rows) FROM ({counts})", parameters={"run_id": run_id})
        now, before, rows = time.monotonic(), rows, int(found.result_rows[0][0])
        if rows > before:
            heard = now
        if rows and not first_rows:
            first, first_rows = now, rows
        if rows >= expected:
            # All at once is at most one look.
            return (rows - first_rows or rows) / max(now - first, POLL_MIN_S)
        # Looking costs the server time, so it is rare until the end is near.
        left_s = (expected - rows) / rows * (now - first) if rows else 0.0
        time.sleep(min(max(left_s / 3, POLL_MIN_S), POLL_MAX_S))
    raise NoAnswer(f"the sink landed {rows} of {expected} rows and then none for {SILENCE_S:.0f} s; see its log")
