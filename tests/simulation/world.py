"""A history: a seed decides all events, until nothing is left to do."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from functools import partial
from itertools import islice
from random import Random

from clickhouse_connect.driver.exceptions import OperationalError

from infra.kafka.topics import BY_NAME, Partitions
from infra.settings import Settings
from schemas.avro.codec import Codec
from schemas.memory_registry import MemoryRegistry
from streams.errors import LogUnavailable, PipelineError
from streams.pipeline.journal.kinds import KINDS, ShardKind
from streams.pipeline.journal.owned_shard import OwnedShard, take_over
from streams.pipeline.journal.raw_records import RawRecord
from streams.pipeline.journal.snapshots import SnapshotPolicy
from streams.pipeline.sink.buffer import Buffer
from streams.pipeline.sink.column_batch import of_records
from streams.pipeline.sink.dead_letter_writer import DeadLetterWriter
from streams.pipeline.sink.landing import Landing
from streams.pipeline.sink.landing_flow import LandingFlow
from streams.pipeline.sink.missing_rows import MissingRows
from streams.pipeline.sink.tables import SinkStopped, Tables
from tests import builders
from tests.pipeline.sink.memory_clickhouse import MemoryClickHouse
from tests.simulation.broker import MOMENTS, Broker
from tests.simulation.story import PARTITIONS, Story

REGISTRY = MemoryRegistry()
CODEC = Codec(REGISTRY)
SETTINGS = Settings(_env_file=None, account_partitions=PARTITIONS, execution_partitions=PARTITIONS)
CONFIG = builders.config(account_partitions=PARTITIONS, execution_partitions=PARTITIONS)
SNAPSHOTS = SnapshotPolicy(every_records=12, every_bytes=1_000_000, at_least_times=0)
SINK_PLACES = [
    (topic.name, partition)
    for topic in BY_NAME.values()
    for partition in range(1 if topic.partitions is Partitions.SINGLE else PARTITIONS)
]
STEPS = 70
REST_ROUNDS_MAX = 200

ShardKey = tuple[ShardKind, int]


class Crash(Exception):
    """A crash of a process."""


class Owner:
    """A worker's ownership of a shard, with the records that were delivered to it.

    under_way: records taken since the last transaction was prepared. writing: records of that transaction until it is
    committed.
    """

    def __init__(self, world: World, key: ShardKey) -> None:
        self.shard: OwnedShard = world.take_over(key)
        self.next = dict(self.shard.starts)
        self.under_way: list[RawRecord] = []
        self.writing: list[RawRecord] = []

    def take(self, follows: int, records: list[RawRecord]) -> None:
        self.shard.take(follows, records)
        self.under_way += records

    def commit(self, hand_over: bool, meanwhile: Callable[[], object]) -> None:
        """Prepares and commits a transaction. meanwhile: called before it is written."""
        self.writing, self.under_way = self.under_way, []
        if hand_over:
            self.shard.hand_over()
        else:
            prepared = self.shard.prepare()
            meanwhile()
            self.shard.write(prepared)


class RunningSink:
    """A sink process."""

    def __init__(self, world: World) -> None:
        tables = Tables(SETTINGS, world.pause, world.clickhouse)
        letters = DeadLetterWriter(tables, world.broker, lambda: world.broker.open_writer("sink-letters"))
        landing = Landing(tables, REGISTRY, letters.write, SETTINGS.run_id)
        self.flow = LandingFlow(
            Buffer(7, 3.0, 10**6), tables, landing, letters, MissingRows(tables, world.broker), world.pause
        )
        self.next = dict.fromkeys(SINK_PLACES, 0) | self.flow.begin(SINK_PLACES)


class World:
    """All processes and topics of a history. arrived: for each shard, the records of each committed transaction."""

    def __init__(self, seed: int) -> None:
        self.draw = Random(seed)
        self.injected: Counter[str] = Counter()
        self.broker = Broker(self._strike)
        self.clickhouse = MemoryClickHouse(self._strike_clickhouse)
        self.arrived: dict[str, list[RawRecord]] = defaultdict(list)
        self.owners: dict[ShardKey, Owner] = {}
        self.zombies: list[tuple[ShardKey, Owner]] = []
        self.delivered: dict[ShardKey, list[tuple[int, list[RawRecord]]]] = defaultdict(list)
        self.sinks_overlapped = False
        self.now = 0.0
        self._armed: tuple[str, type[Exception]] | None = None
        self._sink_armed: tuple[str, type[Exception]] | None = None
        self._committing: Owner | None = None
        self.story = Story(self.broker, CODEC, self.draw)
        for key in self.keys:
            self.owners[key] = Owner(self, key)
        self.sink = RunningSink(self)
        self.old_sinks: list[RunningSink] = []

    @property
    def keys(self) -> list[ShardKey]:
        """Returns the keys of all shards."""
        return [(kind, partition) for kind in KINDS for partition in range(PARTITIONS)]

    def take_over(self, key: ShardKey) -> OwnedShard:
        """Takes a shard over. Planted bugs may override it."""
        kind, partition = key
        return take_over(kind, partition, CONFIG, CODEC, self.broker, self.broker.open_writer, SNAPSHOTS)

    # The events that a seed may choose.

    def run(self) -> None:
        """Runs the history until nothing is left to do."""
        chances = {
            self._send: 30,
            self._deliver: 40,
            self._commit: 22,
            self._commit_with_a_fault: 6,
            self._crash: 2,
            self._rebalance: 3,
            self._zombie_works: 5,
            self._deliver_again: 4,
            self._skip: 1,
            self._hand_over: 2,
            self._compact: 2,
            self._read_into_sink: 12,
            self._land: 12,
            self._land_with_a_fault: 4,
            self._restart_sink: 2,
            self._replace_sink: 1,
            self._old_sink_lands: 2,
        }
        for step in self.draw.choices(list(chances), list(chances.values()), k=STEPS):
            step()
        self._rest()

    def _send(self) -> None:
        self.story.go_on()

    def _any_key(self) -> ShardKey:
        return self.draw.choice(self.keys)

    def _deliver(self) -> None:
        self._deliver_to(self._any_key(), self.draw.randint(1, 6))

    def _deliver_to(self, key: ShardKey, records_max: int, owner: Owner | None = None) -> bool:
        kind, partition = key
        owner = owner or self.owners[key]
        topics = list(kind.inputs)
        self.draw.shuffle(topics)
        for topic in topics:
            follows = owner.next[topic]
            records = list(islice(self.broker.read(topic, partition, follows), records_max))
            if records:
                owner.next[topic] = records[-1].offset + 1
                self.delivered[key].append((follows, records))
                self._guarded(key, owner, partial(owner.take, follows, records))
                return True
        return False

    def _guarded(self, key: ShardKey, owner: Owner, work: Callable[[], None]) -> None:
        """Runs a step of a process; if its shard fails, the process ends and another takes over."""
        try:
            work()
        except (Crash, PipelineError) as error:
            self.injected[f"ended by {type(error).__name__}"] += 1
            if self.owners[key] is owner:
                self.owners[key] = Owner(self, key)
            else:
                self.zombies = [(k, zombie) for k, zombie in self.zombies if zombie is not owner]

    def _commit(self) -> None:
        key = self._any_key()
        self._commit_of(key, meanwhile=partial(self._take_meanwhile, key, self.owners[key]))

    def _commit_of(
        self,
        key: ShardKey,
        owner: Owner | None = None,
        hand_over: bool = False,
        meanwhile: Callable[[], object] = lambda: None,
    ) -> None:
        owner = owner or self.owners[key]

        def work() -> None:
            self._committing = owner
            try:
                owner.commit(hand_over, meanwhile)
            finally:
                self._committing = None

        self._guarded(key, owner, work)

    def _take_meanwhile(self, key: ShardKey, owner: Owner) -> None:
        if self.draw.random() < 0.4:
            self.injected["taken while a transaction was written"] += self._deliver_to(key, 3, owner)

    def _commit_with_a_fault(self) -> None:
        key = self._any_key()
        if self.owners[key].under_way:
            moment, error = self.draw.choice(MOMENTS), self.draw.choice((Crash, LogUnavailable))
            self._armed = (moment, error)
            self._commit_of(key, meanwhile=partial(self._take_meanwhile, key, self.owners[key]))
            self._armed = None

    def _strike(self, writer: str, moment: str) -> None:
        if moment == MOMENTS[2] and self._committing is not None:
            # The harness sees the commit itself, even if the owner never learns of it.
            self.arrived[self._committing.shard.name] += self._committing.writing
            self._committing.writing = []
        if self._armed is not None and self._armed[0] == moment:
            self.injected[f"{self._armed[1].__name__} {moment}"] += 1
            raise self._armed[1](f"{writer} {moment}")

    def _crash(self) -> None:
        key = self._any_key()
        self.injected["crash between steps"] += 1
        self.owners[key] = Owner(self, key)

    def _rebalance(self) -> None:
        key = self._any_key()
        self.injected["rebalance, the old owner lives on"] += 1
        self.zombies.append((key, self.owners[key]))
        self.owners[key] = Owner(self, key)

    def _zombie_works(self) -> None:
        if self.zombies:
            key, zombie = self.draw.choice(self.zombies)
            self.injected["zombie works"] += 1
            if self.draw.random() < 0.5:
                self._deliver_to(key, 3, zombie)
            if (key, zombie) in self.zombies:
                self._commit_of(key, zombie)

    def _deliver_again(self) -> None:
        key = self._any_key()
        if self.delivered[key]:
            self.injected["duplicated or delayed delivery"] += 1
            follows, records = self.draw.choice(self.delivered[key])
            owner = self.owners[key]
            if follows <= owner.next[records[0].topic]:
                self._guarded(key, owner, lambda: owner.take(follows, records))

    def _skip(self) -> None:
        """Loses a batch before it reaches its shard."""
        kind, partition = key = self._any_key()
        owner = self.owners[key]
        for topic in kind.inputs:
            record = next(self.broker.read(topic, partition, owner.next[topic]), None)
            if record is not None and topic in owner.shard.processor.positions:
                self.injected["batch lost on the way"] += 1
                owner.next[topic] = record.offset + 1
                return

    def _hand_over(self) -> None:
        key = self._any_key()
        self.injected["clean hand over"] += 1
        owner = self.owners[key]
        self._commit_of(key, hand_over=True)
        if self.owners[key] is owner:
            self.owners[key] = Owner(self, key)

    def _compact(self) -> None:
        kind, partition = self._any_key()
        self.injected["compaction"] += 1
        self.broker.compact(kind.snapshots, partition)

    # The sink.

    def _read_into_sink(self) -> None:
        self._fill(self.sink, self.draw.sample(SINK_PLACES, 12), 5)

    def _fill(self, sink: RunningSink, places: list[tuple[str, int]], records_max: int) -> bool:
        found = False
        for place in places:
            records = list(islice(self.broker.read(*place, sink.next[place]), records_max))
            if records:
                found = True
                sink.next[place] = records[-1].offset + 1
                sink.flow.take(of_records(records), self.now)
        return found

    def _land(self) -> None:
        self.now += self.draw.random() * 3
        self._land_in(self.sink)

    def _land_in(self, sink: RunningSink, everything: bool = False) -> None:
        try:
            sink.flow.land_all() if everything else sink.flow.land_due(self.now)
        except (Crash, SinkStopped) as error:
            self.injected[f"sink ended by {type(error).__name__}"] += 1
            if sink is self.sink:
                self.sink = RunningSink(self)

    def _land_with_a_fault(self) -> None:
        self._sink_armed = self.draw.choice(("before", "stored")), self.draw.choice((Crash, OperationalError))
        self.now += 4.0
        self._land_in(self.sink)
        self._sink_armed = None

    def _strike_clickhouse(self, moment: str, _: str) -> None:
        if self._sink_armed is not None and self._sink_armed[0] == moment:
            error, self._sink_armed = self._sink_armed[1], None
            self.injected[f"ClickHouse: {error.__name__} {moment}"] += 1
            raise error("no answer")

    def pause(self, _: float) -> None:
        """Waits for ClickHouse, which comes back unless the sink is stopped."""
        if self.draw.random() < 0.3:
            raise SinkStopped

    def _restart_sink(self) -> None:
        self.injected["sink restarted"] += 1
        self.sink = RunningSink(self)

    def _replace_sink(self) -> None:
        self.injected["sink replaced, the old one lives on"] += 1
        self.old_sinks.append(self.sink)
        self.sink = RunningSink(self)

    def _old_sink_lands(self) -> None:
        if self.old_sinks:
            self.sinks_overlapped = True
            self.injected["replaced sink lands"] += 1
            self._land_in(self.draw.choice(self.old_sinks), everything=True)

    # Rest.

    def _rest(self) -> None:
        """Restarts all processes without faults, and runs them until nothing is left to do."""
        for key in self.keys:
            self.owners[key] = Owner(self, key)
        for _ in range(REST_ROUNDS_MAX):
            worked = [self._deliver_to(key, 20) for key in self.keys for _ in range(3)]
            for key in self.keys:
                self._commit_of(key)
            if not any(worked):
                break
        else:
            raise AssertionError(f"not at rest after {REST_ROUNDS_MAX} rounds")
        self.sink = RunningSink(self)
        while self._fill(self.sink, SINK_PLACES, 1_000):
            self.sink.flow.land_all()
