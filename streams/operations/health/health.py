"""What is known of a pipeline's health."""

from typing import NamedTuple


class Lag(NamedTuple):
    """What a group has not processed of a partition.

    records: offsets behind, transaction markers among them counted; 0 if no record is waiting. seconds: age of the
    oldest waiting record; None if it could not be read in time.
    """

    group: str
    topic: str
    partition: int
    records: int
    seconds: float | None
    position: int


class Owner(NamedTuple):
    """Who reads a partition."""

    group: str
    topic: str
    partition: int
    member: str


class SnapshotAge(NamedTuple):
    """A shard's newest snapshot record. sequence: None where the registry does not answer."""

    shard: str
    sequence: int | None
    seconds: float


class ProcessHealth(NamedTuple):
    """A supervised process. restarts: since the supervisor started. last_end: how it last ended, in words."""

    name: str
    pid: int | None
    restarts: int
    last_end: str


class LastError(NamedTuple):
    """What stopped a process. at: seconds since the epoch."""

    process: str
    at: float
    error_class: str
    message: str


class Health(NamedTuple):
    """kafka: what is wrong with it; empty if it answers. members: of each group, by their names."""

    kafka: str
    lag: list[Lag]
    owners: list[Owner]
    members: dict[str, list[str]]
    snapshots: list[SnapshotAge]
    processes: list[ProcessHealth]
    last_error: LastError | None
