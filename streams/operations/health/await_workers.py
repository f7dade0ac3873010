"""Waits until workers that were just started have their partitions, so that an order is answered at once."""

from __future__ import annotations

import time
from collections.abc import Collection

from infra.kafka.topics import partition_count
from infra.settings import Settings
from streams.errors import NoAnswer
from streams.operations.health.health import PartitionOwner
from streams.operations.health.health_collector import HealthCollector
from streams.pipeline.journal.kinds import KINDS
from streams.pipeline.worker.takeover_sign import last_sign
from streams.pipeline.worker.worker_group import group_id

PATIENCE_S = 180.0
POLL_S = 0.2
LOOKS = 2


def await_workers(settings: Settings, workers: int, patience_s: float = PATIENCE_S) -> None:
    """Waits until so many workers, or more, share all partitions of the shards and have taken their shards over.

    Raises NoAnswer after patience_s, with what is missing.
    """
    collector = HealthCollector(settings)
    deadline = time.monotonic() + patience_s
    # Between the group's assignment and the first sign of the take-over there is a moment: so look twice.
    looks_left = LOOKS
    while looks_left:
        problem = _problem(settings, collector, workers)
        looks_left = LOOKS if problem else looks_left - 1
        if problem and time.monotonic() > deadline:
            raise NoAnswer(f"workers: {problem} after {patience_s:.0f} s; `paper status` says how they are")
        if looks_left:
            time.sleep(POLL_S)


def _problem(settings: Settings, collector: HealthCollector, workers: int) -> str:
    """Returns what is missing; empty if nothing is."""
    health = collector.collect()
    if health.kafka:
        return health.kafka
    group = group_id(settings)
    members = health.members.get(group, [])
    if len(members) < workers:
        return f"{len(members)} of {workers} have joined"
    if unowned := _unowned(settings, [owner for owner in health.owners if owner.group == group]):
        return f"nobody has {unowned[0]} and {len(unowned) - 1} other partitions"
    if busy := [name for name in members if last_sign(settings, name) is not None]:
        return f"{busy[0]} is taking its shards over"
    return ""


def _unowned(settings: Settings, owners: Collection[PartitionOwner]) -> list[str]:
    owned = {(owner.topic, owner.partition) for owner in owners}
    return [
        f"{topic}-{partition}"
        for kind in KINDS
        for topic in kind.inputs
        for partition in range(partition_count(settings, topic))
        if (topic, partition) not in owned
    ]
