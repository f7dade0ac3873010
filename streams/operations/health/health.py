"""The health of a pipeline, as `paper status`, Prometheus and the watchdog use it."""

from collections.abc import Sequence
from typing import NamedTuple

from streams.pipeline.live.feed_health import FeedHealth
from streams.pipeline.worker.parked_shards import ParkedShard

SILENT_S = 10.0
"""Age of its own word above which a live feed hangs; it speaks each second."""


class PartitionLag(NamedTuple):
    """The lag of a consumer group on a partition.

    Attributes:
        group: consumer group.
        topic: without the topic prefix.
        partition: number of the partition.
        records: offsets behind the end, transaction markers included; 0 if no record is waiting.
        seconds: age of the oldest waiting record; None if it could not be read in time.
        position: next offset of the group.
    """

    group: str
    topic: str
    partition: int
    records: int
    seconds: float | None
    position: int


class PartitionOwner(NamedTuple):
    """The member of a consumer group that reads a partition."""

    group: str
    topic: str
    partition: int
    member: str


class SnapshotAge(NamedTuple):
    """A shard's newest snapshot.

    Attributes:
        shard: name of the shard.
        sequence: journal sequence of the snapshot; None if the schema registry does not answer.
        seconds: age of the snapshot record.
    """

    shard: str
    sequence: int | None
    seconds: float


class JournalTail(NamedTuple):
    """A shard's newest journal record.

    Attributes:
        shard: name of the shard.
        sequence: number of its transactions.
        alarms: records that were quarantined, or refused as forged, and that no person has acknowledged yet.
    """

    shard: str
    sequence: int
    alarms: int


class ProcessHealth(NamedTuple):
    """A supervised process.

    Attributes:
        name: worker-N, sink, or a server that `paper up` has started.
        pid: None while the process waits for its restart.
        restarts: since the supervisor started.
        last_end: how the process last ended, such as "signal SIGKILL"; empty if it never ended.
        complaint: why restarts do not help, such as a death soon after each start; empty if they do.
    """

    name: str
    pid: int | None
    restarts: int
    last_end: str
    complaint: str = ""


class LastError(NamedTuple):
    """The error that stopped a process. at: seconds since the epoch."""

    process: str
    at: float
    error_class: str
    message: str


class Observed(NamedTuple):
    """The success of repeated observations.

    Attributes:
        age_s: seconds since the last success, or since the first attempt.
        errors: observations that failed.
        error: of the last observation; empty if it succeeded.
    """

    age_s: float
    errors: int
    error: str


class FeedReport(NamedTuple):
    """A live feed of this machine. health: its last word. age_s: of that word. runs: whether its process does."""

    health: FeedHealth
    age_s: float
    runs: bool

    @property
    def complaint(self) -> str:
        """The reason why the feed needs a person; empty if it needs none."""
        if not self.runs:
            return f"its process died {self.age_s:,.0f} s ago without an end; run the same command again"
        if self.age_s > SILENT_S:
            return f"it has said nothing for {self.age_s:,.0f} s; does Kafka answer?"
        return "" if self.health.connected else "it is not connected to the exchange; it tries again by itself"


class Health(NamedTuple):
    """The health of a pipeline at one moment.

    Attributes:
        kafka: why Kafka could not be read; empty if it was read.
        lag: of each consumer group on each of its partitions.
        owners: the partitions that have an owner.
        members: names of each group's members.
        snapshots: the newest of each shard.
        processes: none if no supervisor runs.
        last_error: the newest of all processes.
        complaints: records that could not be read, as topic-partition@offset, and observations that failed.
        journals: the newest journal record of each shard.
        parked: shards that can't work, of the workers of this machine.
        feeds: live feeds of this machine.
    """

    kafka: str
    lag: list[PartitionLag]
    owners: list[PartitionOwner]
    members: dict[str, list[str]]
    snapshots: list[SnapshotAge]
    processes: list[ProcessHealth]
    last_error: LastError | None
    complaints: list[str]
    journals: Sequence[JournalTail] = ()
    parked: Sequence[ParkedShard] = ()
    feeds: Sequence[FeedReport] = ()

    @property
    def alarms(self) -> list[JournalTail]:
        """Shards with quarantined records that nobody has acknowledged."""
        return [journal for journal in self.journals if journal.alarms]
