"""The copies of each record: REPLICATION_FACTOR and MIN_INSYNC_REPLICAS, checked against the cluster."""

from __future__ import annotations

from typing import NamedTuple

from infra.errors import TopicError
from infra.settings import Settings

REPLICAS_MIN = 3
"""Fewest copies on a cluster: one may be lost while another broker restarts."""
IN_SYNC_MIN = 2
"""Fewest copies of an acknowledged record on a cluster: one may be lost."""


IN_SYNC = "min.insync.replicas"
ACKNOWLEDGED = {"acks": "all", "enable.idempotence": True}
"""Settings of every producer: a record counts when MIN_INSYNC_REPLICAS copies have it, and once."""


class Copies(NamedTuple):
    """Copies of a partition, and how many of them must have a record before the broker acknowledges it."""

    replicas: int
    in_sync: int


def copies(settings: Settings, brokers: int) -> Copies:
    """Returns the copies that new topics get on a cluster of so many brokers.

    Raises:
        TopicError: the settings would lose acknowledged records with one broker, or the brokers are too few.
    """
    on_cluster = brokers > 1
    replicas = settings.replication_factor or (REPLICAS_MIN if on_cluster else 1)
    in_sync = settings.min_insync_replicas or (IN_SYNC_MIN if replicas > 1 else 1)
    if replicas > brokers:
        raise TopicError(
            f"REPLICATION_FACTOR={settings.replication_factor or f'0 (that is {replicas})'}: the cluster has {brokers} "
            f"brokers; start {replicas}, or use a single broker for drills"
        )
    if on_cluster and replicas < REPLICAS_MIN:
        raise TopicError(
            f"REPLICATION_FACTOR={replicas}: a cluster would lose records with a broker; set it to {REPLICAS_MIN} or "
            "more, or to 0"
        )
    if on_cluster and in_sync < IN_SYNC_MIN:
        raise TopicError(
            f"MIN_INSYNC_REPLICAS={in_sync}: an acknowledged record may be on one broker only, and be lost with it; "
            f"set it to {IN_SYNC_MIN} or more, or to 0"
        )
    if in_sync >= replicas > 1 or in_sync > replicas:
        raise TopicError(
            f"MIN_INSYNC_REPLICAS={in_sync}: of {replicas} copies, the loss of one would stop all writing; set it "
            f"below REPLICATION_FACTOR={replicas}, or to 0"
        )
    return Copies(replicas, in_sync)
