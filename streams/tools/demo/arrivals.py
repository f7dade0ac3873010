"""The time from decisions to their arrival at the venue, by session, from the records of the venue."""

from collections import defaultdict
from typing import Any

import numpy as np

from infra.settings import Settings
from schemas.avro.codec import Codec
from schemas.records.numbers import NANOS_PER_MS
from streams.pipeline.clients.read_topic import read_topic

MEDIAN, RARE = 50, 99
"""Percentiles, by nearest rank."""


def arrivals(settings: Settings, codec: Codec) -> list[dict[str, Any]]:
    """Returns for each session the number of its orders that came to the venue, and how late they came.

    The times are milliseconds of market time from an order's ts, at which its strategy decided, to its arrival.
    """
    latencies: dict[str, dict[str, int]] = defaultdict(dict)
    for report in read_topic(settings, codec, "executions"):
        if report.latency_ns is not None and report.session_id is not None:
            latencies[report.session_id].setdefault(report.order_id, report.latency_ns)
    return [_row(session_id, list(orders.values())) for session_id, orders in sorted(latencies.items())]


def _row(session_id: str, latencies: list[int]) -> dict[str, Any]:
    median, rare = np.percentile(latencies, [MEDIAN, RARE], method="inverted_cdf").tolist()
    milliseconds = {"median_ms": median, "p99_ms": rare, "max_ms": max(latencies)}
    return {
        "session": session_id,
        "orders": len(latencies),
        **{name: round(latency_ns / NANOS_PER_MS, 3) for name, latency_ns in milliseconds.items()},
    }
