"""A batch lane for Faust: agents get whole batches of a partition's committed records, as bytes and in order.

Faust's own consumer creates several tasks for each message, and derives a partition's position from acknowledgements.
On the lane, a batch is one event, and the shards determine the positions: after an assignment the shards recover, and
fetching starts exactly at the positions of their journals. Faust manages group membership, assignment and the process,
through aiokafka. The application's Inputs fetch the records.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol, cast

import faust
from aiokafka.consumer.consumer import AIOKafkaConsumer
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from faust.transport.conductor import Conductor
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from faust.types.tuples import ConsumerMessage

from schemas.records.numbers import NANOS_PER_S
from streams.errors import PipelineError, WorkerIdClash
from streams.pipeline.journal.raw_records import RawRecord
from streams.pipeline.worker.name_claim import NameClaim

NO_RESET = "none"
PAUSE_MIN_S = 0.001
PAUSE_MAX_S = 0.004
"""Limits of the pause between two fetches, which doubles while nothing arrives."""


class RecordBatch(NamedTuple):
    """Records of a partition that were fetched together.

    generation: number of the assignment. follows: the offset at which the batch before it ended.
    """

    generation: int
    tp: TP
    follows: int
    records: list[RawRecord]


class Positions(Protocol):
    """The positions of the application's shards in their inputs."""

    generation: int
    """Number of the assignment; batches of an older one are dropped."""

    async def assigned(self, tps: set[TP]) -> Mapping[TP, int]:
        """Recovers the shards of these partitions, and returns the next offset of each partition that can be read."""
        ...

    def positioned(self) -> None:
        """Begins a new generation, once fetching starts at the offsets that assigned() returned."""
        ...

    def committed(self) -> Mapping[TP, int]:
        """Returns the next offset of each partition, as of the last transactions; used only for displaying the lag."""
        ...


class Inputs(Protocol):
    """The source of the lane's records."""

    def assign(self, positions: Mapping[TP, int]) -> None:
        """Reads these partitions from these offsets on, and drops all records of earlier assignments."""
        ...

    def add(self, positions: Mapping[TP, int]) -> None:
        """Reads further partitions from these offsets on, while the others go on."""
        ...

    def remove(self, tps: set[TP]) -> None:
        """Ends the reading of partitions, and drops their records that were read ahead."""
        ...

    def take(self) -> Mapping[TP, list[RawRecord]]:
        """Returns the records that have been read, in order for each partition. Does not wait.

        Raises PipelineError if a partition can't be read; then all are assigned again.
        """
        ...

    def close(self) -> None:
        """Ends the fetching. May wait."""
        ...


class LaneConsumerThread(driver.AIOKafkaConsumerThread):
    """A group member that fetches nothing, and is assigned the same partitions of all topics of a shard."""

    def _create_worker_consumer(self, transport: driver.Transport) -> AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        # Faust has no settings for these two outside of its own exactly-once mode.
        consumer._partition_assignment_strategy = [RangePartitionAssignor]
        consumer._auto_offset_reset = NO_RESET
        return consumer

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Revokes, and lets a worker that is no member (any more) join only if its name is free.

        aiokafka calls this before it joins, also for the first time.
        """
        await super().on_partitions_revoked(revoked)
        member_id = self._ensure_consumer()._coordinator.member_id
        claim = cast(LaneApp, self.app).name_claim
        if member_id:
            claim.note(member_id)
            return
        try:
            if await claim.free(lambda: self.should_stop):
                return
        except WorkerIdClash as clash:
            asyncio.run_coroutine_threadsafe(self.app.crash(clash), self.parent_loop)
        # Ends aiokafka's coordination: it must not join any more, which would throw the other worker out.
        raise asyncio.CancelledError

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Pauses the partitions in aiokafka for good, because the lane's Inputs fetch the records."""
        consumer = self._ensure_consumer()
        consumer.pause(*map(driver.ensure_aiokafka_TP, assigned))
        cast(LaneApp, self.app).name_claim.note(consumer._coordinator.member_id)
        await super().on_partitions_assigned(assigned, generation_id)

    def note_poll(self) -> None:
        """Marks a poll in aiokafka, which otherwise leaves the group after a while."""
        with self._ensure_consumer()._subscription.fetch_context():
            pass

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Does nothing: Faust would report that aiokafka fetches nothing."""

    async def on_thread_stop(self) -> None:
        """Leaves the group, so that others take over at once. They would wait for a static member that just ends."""
        if self._consumer is not None and self._consumer._coordinator is not None:
            self._consumer._coordinator._group_instance_id = None
        await super().on_thread_stop()


class LaneConsumer(driver.Consumer):
    """A consumer that delivers batches from the shards' positions on, and commits these positions."""

    _thread: LaneConsumerThread

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._next_offsets: dict[TP, int] = {}
        self._changed: set[TP] = set()
        """Partitions that were added or removed since records were last taken from the inputs."""
        self._seeking = asyncio.Lock()

    @property
    def _positions(self) -> Positions:
        return cast(LaneApp, self.app).positions

    @property
    def _inputs(self) -> Inputs:
        return cast(LaneApp, self.app).inputs

    def _new_consumer_thread(self) -> LaneConsumerThread:
        return LaneConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def perform_seek(self) -> None:
        """Takes the assigned shards over, and fetches each partition from their positions.

        Faust calls this before it resumes the flow, ShardErrorHandler while records flow.
        """
        async with self._seeking:
            assignment = set(self.assignment())
            if not assignment:
                return
            positions = await self._positions.assigned(assignment)
            self._inputs.assign(positions)
            self._next_offsets = dict(positions)
            self._positions.positioned()

    def fetch_also(self, positions: Mapping[TP, int]) -> None:
        """Fetches further partitions, from these offsets on, while the others go on. Raises LogUnavailable."""
        self._inputs.add(positions)
        self._next_offsets.update(positions)
        self._changed.update(positions)

    def fetch_no_more(self, tps: set[TP]) -> None:
        """Ends the fetching of partitions. Raises LogUnavailable."""
        self._inputs.remove(tps)
        self._changed |= tps

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Stops fetching. The partitions that remain are assigned again."""
        self._inputs.assign({})
        await super().on_partitions_revoked(revoked)

    async def force_commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:
        """Commits the shards' positions as group offsets, which serve only for displaying the lag."""
        assignment = self.assignment()
        offsets = {tp: offset for tp, offset in self._positions.committed().items() if tp in assignment}
        return bool(offsets) and await self._commit(offsets)

    async def _drain_messages(self, fetcher: Any) -> None:
        try:
            await self._deliver_until_stopped(fetcher)
        except asyncio.CancelledError:
            # During a rebalance, Faust cancels its fetcher to restart it, and would crash on the cancellation.
            if not fetcher.should_stop:
                raise

    async def _deliver_until_stopped(self, fetcher: Any) -> None:
        pause_s = PAUSE_MIN_S
        while not (self.should_stop or fetcher.should_stop):
            self._thread.note_poll()
            taken = self._take() if self.flow_active else {}
            # take() does not wait, so this is the generation of the records.
            generation = self._positions.generation
            self._changed.clear()
            for tp, records in taken.items():
                if generation != self._positions.generation:
                    break  # The assignment changed during a delivery; the rest is fetched again.
                if tp in self._changed:
                    continue
                await self._deliver(generation, tp, records)
            pause_s = PAUSE_MIN_S if taken else min(2 * pause_s, PAUSE_MAX_S)
            await asyncio.sleep(pause_s)

    def _take(self) -> Mapping[TP, list[RawRecord]]:
        try:
            return self._inputs.take()
        except PipelineError as error:
            # Records that were read together with the error are lost, so nothing is read until all is assigned again.
            self._inputs.assign({})
            cast(LaneApp, self.app).on_read_error(error)
            return {}

    async def _deliver(self, generation: int, tp: TP, records: list[RawRecord]) -> None:
        last = records[-1]
        follows = self._next_offsets.get(tp, records[0].offset)
        self._next_offsets[tp] = last.offset + 1
        message = ConsumerMessage(
            tp.topic,
            tp.partition,
            last.offset,
            last.timestamp_ns / NANOS_PER_S,
            0,
            None,
            last.key,
            last.value,
            None,
            tp=tp,
            generation_id=self.app.consumer_generation_id,
        )
        event = self.app.create_event(None, RecordBatch(generation, tp, follows, records), {}, message)
        conductor = cast(Conductor, self.app.topics)
        for channel in conductor._topic_name_index[tp.topic]:
            await channel.put(event)

    async def on_stop(self) -> None:
        """Stops as Faust does, and ends the fetching."""
        await super().on_stop()
        await asyncio.to_thread(self._inputs.close)


class LaneTransport(driver.Transport):
    """Faust's aiokafka transport with the lane's consumer."""

    Consumer = LaneConsumer


class LaneApp(faust.App):
    """A Faust application on the lane. Set all attributes before it starts.

    on_read_error: called if a partition can't be read; must let perform_seek() of the consumer assign all again.
    on_stop_requested: called once before the application stops.
    """

    positions: Positions
    name_claim: NameClaim
    inputs: Inputs
    on_read_error: Callable[[PipelineError], None]
    on_stop_requested: Callable[[], None]

    async def stop(self) -> None:
        """Calls on_stop_requested and stops as Faust does."""
        if not self.should_stop:
            self.on_stop_requested()
        await super().stop()

    def _new_transport(self) -> LaneTransport:
        return LaneTransport(self.conf.broker_consumer, self)
