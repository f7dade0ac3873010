"""Figures that a worker or a sink counts of itself: how often and how long, for Prometheus.

They live in this process; streams/operations/health/figures_file.py passes them on to the exporter.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY = CollectorRegistry()
SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
ROWS = (1, 10, 100, 1_000, 10_000, 100_000)

COMMIT_SECONDS = Histogram(
    "paper_commit_seconds",
    "Time of a shard's transaction on Kafka, from its begin to the broker's answer.",
    ["shard"],
    buckets=SECONDS,
    registry=REGISTRY,
)
ABORTS = Counter("paper_aborts", "Transactions that were aborted and written again.", ["shard"], registry=REGISTRY)
TAKEOVERS = Counter("paper_takeovers", "Shards that this worker has taken over.", ["shard"], registry=REGISTRY)
FENCINGS = Counter(
    "paper_fencings", "Shards that another worker has taken from this one.", ["shard"], registry=REGISTRY
)
STATE_BYTES = Gauge("paper_state_bytes", "Size of a shard's newest snapshot.", ["shard"], registry=REGISTRY)
INSERT_SECONDS = Histogram(
    "paper_insert_seconds",
    "Time of a block's insert into ClickHouse, with the waits while it is away.",
    ["topic"],
    buckets=SECONDS,
    registry=REGISTRY,
)
INSERT_ROWS = Histogram(
    "paper_insert_rows", "Rows of a block that was inserted.", ["topic"], buckets=ROWS, registry=REGISTRY
)
