"""Rows a second of the sink on a backlog, alone with the broker, on topics that no worker reads."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing

from clickhouse_connect.driver.client import Client as ClickHouseClient
from confluent_kafka import Producer

from infra.clickhouse.client import connect
from infra.kafka.client_config import client_config
from infra.kafka.topics import BY_NAME, partition_count, topic_name
from infra.settings import Settings
from schemas.avro.codec import Codec
from schemas.records.messages import OrderRequest
from streams.core.reference.declarations import InstrumentConfig
from streams.errors import NoAnswer
from streams.pipeline.feed.table import MarketTable
from streams.pipeline.reference.load_config import core_config
from streams.pipeline.sink.tables import table_of
from streams.tools.bench.core_rate import session_records
from streams.tools.bench.in_memory import InMemoryPipeline
from streams.tools.demo.pipeline_children import PipelineChildren

ORDERS = 4_000
"""Orders of the session whose records the backlog repeats."""
FLUSH_S = 60.0
SILENCE_S = 60.0
POLL_MIN_S, POLL_MAX_S = 0.2, 3.0
COUNT_ROWS = "SELECT count() AS rows FROM {table} WHERE run_id = {{run_id:String}}"
"""A query of one table's rows of a run."""

Records = dict[str, list[tuple[str, bytes]]]
"""Keys and values of records, by topic."""


def sink_rows_per_s(
    settings: Settings,
    codec: Codec,
    table: MarketTable,
    instruments: Mapping[str, InstrumentConfig],
    records: int,
    on_step: Callable[[str], None],
) -> float:
    """Returns the rows a second of the sink on a backlog, from the first rows that a query sees to the last.

    Args:
        settings: a prepared namespace without other writers or readers.
        codec: encodes the records.
        table: the market of the session whose records make the backlog.
        instruments: the table's.
        records: about how many records the backlog has.
        on_step: takes a sentence for each step.

    Raises:
        ChildError: the sink ended.
        NoAnswer: the broker or the sink stopped taking records.
    """
    session = _session_outputs(settings, codec, table, instruments)
    on_step(f"writing a backlog of about {records:,} records")
    written = _write(settings, session, records)
    on_step("sink on the backlog")
    children = PipelineChildren(settings)
    try:
        children.start("sink", "sink")
        with closing(connect(settings)) as client:
            return _rows_per_s(client, settings.run_id, list(session), written, children.demand_alive)
    finally:
        children.stop()


def _session_outputs(
    settings: Settings, codec: Codec, table: MarketTable, instruments: Mapping[str, InstrumentConfig]
) -> Records:
    """Returns the records that a session of ORDERS orders leaves on the topics, except market data."""
    pipeline = InMemoryPipeline(core_config(settings))
    session: Records = {}
    for message in session_records(table, instruments, ORDERS):
        if isinstance(message, OrderRequest):
            session.setdefault("orders", []).append((message.account_id, codec.encode("orders", message)))
        for output in pipeline.deliver(message):
            session.setdefault(output.topic, []).append((output.key, codec.encode(output.topic, output.message)))
    return session


def _write(settings: Settings, session: Records, records: int) -> int:
    """Writes the session repeatedly until the number of records is reached; returns the number written."""
    producer = Producer(
        client_config(settings) | {"linger.ms": 20, "compression.type": "lz4", "batch.num.messages": 10_000}
    )
    written = 0
    while written < records:
        for topic, its_records in session.items():
            partitions = partition_count(settings, topic)
            # Unique keys, so that compaction removes no record.
            suffix = f"-{written}-" if BY_NAME[topic].compacted else ""
            for partition in range(partitions):
                chosen = its_records[partition::partitions]
                _produce(producer, topic_name(settings, topic), partition, _keyed(chosen, suffix))
            written += len(its_records)
    if producer.flush(FLUSH_S):
        raise _backlog_refused()
    return written


def _keyed(records: Iterable[tuple[str, bytes]], suffix: str) -> list[dict[str, object]]:
    return [
        {"key": f"{key}{suffix}{number}" if suffix else key, "value": value}
        for number, (key, value) in enumerate(records)
    ]


def _produce(producer: Producer, topic: str, partition: int, messages: list[dict[str, object]]) -> None:
    """Queues all messages, and waits while the producer's queue is full."""
    deadline = time.monotonic() + FLUSH_S
    while messages:
        producer.produce_batch(topic, messages, partition)
        messages = [{"key": item["key"], "value": item["value"]} for item in messages if "_error" in item]
        if messages and time.monotonic() > deadline:
            raise _backlog_refused()
        producer.poll(0.05 if messages else 0)


def _backlog_refused() -> NoAnswer:
    return NoAnswer(f"the broker did not take the backlog in {FLUSH_S:.0f} s; see its log")


def _rows_per_s(
    client: ClickHouseClient, run_id: str, topics: list[str], expected: int, demand_alive: Callable[[], None]
) -> float:
    counts = " UNION ALL ".join(COUNT_ROWS.format(table=table_of(topic)) for topic in topics)
    first_s, first_rows, rows, heard_s = 0.0, 0, 0, time.monotonic()
    while time.monotonic() - heard_s < SILENCE_S:
        demand_alive()
        found = client.query(f"SELECT sum(rows) FROM ({counts})", parameters={"run_id": run_id})
        now_s, before, rows = time.monotonic(), rows, int(found.result_rows[0][0])
        if rows > before:
            heard_s = now_s
        if rows and not first_rows:
            first_s, first_rows = now_s, rows
        if rows >= expected:
            # If the first query sees all rows, they took at most one polling interval.
            return (rows - first_rows or rows) / max(now_s - first_s, POLL_MIN_S)
        # A query takes the server's time, so queries are rare until the end is near.
        left_s = (expected - rows) / rows * (now_s - first_s) if rows else 0.0
        time.sleep(min(max(left_s / 3, POLL_MIN_S), POLL_MAX_S))
    raise NoAnswer(f"the sink landed {rows} of {expected} rows and then none for {SILENCE_S:.0f} s; see its log")
