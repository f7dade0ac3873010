"""A batch lane for Faust: agents get whole record batches of a partition, as bytes, read committed and in order.

Faust's own path builds several tasks for each message and decides from acknowledgements where a partition goes on.
Here a batch is one event, and the application's shards say where each partition starts: after an assignment they are
recovered, and fetching starts at exactly the positions that their journals stand at. Membership, assignment and the
worker's life are Faust's, through aiokafka; records are fetched beside it, by whatever Inputs the application has.
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
from streams.pipeline.journal.raw_records import RawRecord

NO_RESET = "none"
PAUSE_MIN_S = 0.001
PAUSE_MAX_S = 0.004
"""Between two looks at what was fetched; the longer the less comes, up to this."""


class RecordBatch(NamedTuple):
    """Records of one partition as they were fetched.

    generation tells batches of an older assignment apart. follows: the offset at which the batch before it ended.
    """

    generation: int
    tp: TP
    follows: int
    records: list[RawRecord]


class Positions(Protocol):
    """What the lane asks the application's shards."""

    generation: int
    """Batches fetched under an older one are not delivered."""

    async def assigned(self, tps: set[TP]) -> Mapping[TP, int]:
        """Recovers the shards of these partitions; answers with the next offset of each."""
        ...

    def positioned(self) -> None:
        """The consumer stands at these offsets: what was fetched before is of an older generation."""
        ...

    def committed(self) -> Mapping[TP, int]:
        """Next offset of each partition by the last transaction; for lag displays and late joiners only."""
        ...


class Inputs(Protocol):
    """Where the lane's records come from."""

    def assign(self, positions: Mapping[TP, int]) -> None:
        """From here on records of these partitions are taken, from these offsets; none of any other assignment."""
        ...

    def take(self) -> Mapping[TP, list[RawRecord]]:
        """What has been read by now, each partition's in order; does not wait. Raises what ends the worker."""
        ...

    def close(self) -> None:
        """Ends the fetching; may wait."""
        ...


class LaneConsumerThread(driver.AIOKafkaConsumerThread):
    """A member of the group that fetches nothing, and keeps equal partitions of equally partitioned topics together."""

    def _create_worker_consumer(self, transport: driver.Transport) -> AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        # Faust offers neither as a setting outside of its own exactly-once mode.
        consumer._partition_assignment_strategy = [RangePartitionAssignor]
        consumer._auto_offset_reset = NO_RESET
        return consumer

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Pauses them for aiokafka for good: the lane's Inputs fetch."""
        self._ensure_consumer().pause(*map(driver.ensure_aiokafka_TP, assigned))
        await super().on_partitions_assigned(assigned, generation_id)

    def note_poll(self) -> None:
        """Tells aiokafka that records were asked for: a member that does not ask leaves its group after a while."""
        with self._ensure_consumer()._subscription.fetch_context():
            pass

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Nothing: it is aiokafka's fetching that Faust would miss."""

    async def on_thread_stop(self) -> None:
        """Leaves the group, so that others take over at once: a static member that ends would be waited for."""
        if self._consumer is not None and self._consumer._coordinator is not None:
            self._consumer._coordinator._group_instance_id = None
        await super().on_thread_stop()


class LaneConsumer(driver.Consumer):
    """Delivers batches from the shards' positions on, and commits these positions."""

    _thread: LaneConsumerThread

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._next_offsets: dict[TP, int] = {}
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
        """Takes the assigned shards over and fetches each partition from where they stand.

        Faust calls this before it resumes the flow; streams.pipeline.worker.shard_errors does while it flows.
        """
        async with self._seeking:
            assignment = set(self.assignment())
            if not assignment:
                return
            positions = await self._positions.assigned(assignment)
            self._inputs.assign(positions)
            self._next_offsets = dict(positions)
            self._positions.positioned()

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Stops fetching; what goes on being assigned is assigned anew."""
        self._inputs.assign({})
        await super().on_partitions_revoked(revoked)

    async def force_commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:
        """Commits group offsets from the shards' positions: nothing depends on them but lag displays."""
        assignment = self.assignment()
        offsets = {tp: offset for tp, offset in self._positions.committed().items() if tp in assignment}
        return bool(offsets) and await self._commit(offsets)

    async def _drain_messages(self, fetcher: Any) -> None:
        try:
            await self._deliver_until_stopped(fetcher)
        except asyncio.CancelledError:
            # Faust takes a cancellation during a rebalance for its own, which restarts fetching, and crashes.
            if not fetcher.should_stop:
                raise

    async def _deliver_until_stopped(self, fetcher: Any) -> None:
        pause_s = PAUSE_MIN_S
        while not (self.should_stop or fetcher.should_stop):
            self._thread.note_poll()
            taken = self._inputs.take() if self.flow_active else {}
            # Taken without waiting, so this is the generation that they were fetched under.
            generation = self._positions.generation
            for tp, records in taken.items():
                if generation != self._positions.generation:
                    break  # While a batch before was delivered; what is left is fetched anew.
                await self._deliver(generation, tp, records)
            pause_s = PAUSE_MIN_S if taken else min(2 * pause_s, PAUSE_MAX_S)
            await asyncio.sleep(pause_s)

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
        """Stops, as Faust does, and ends the fetching."""
        await super().on_stop()
        await asyncio.to_thread(self._inputs.close)


class LaneTransport(driver.Transport):
    """Faust's aiokafka transport with the lane's consumer."""

    Consumer = LaneConsumer


class LaneApp(faust.App):
    """A Faust app on the lane; positions, inputs and on_stop_asked must be set before it starts."""

    positions: Positions
    inputs: Inputs
    on_stop_asked: Callable[[], None]

    async def stop(self) -> None:
        """Stops, as Faust does."""
        if not self.should_stop:
            self.on_stop_asked()
        await super().stop()

    def _new_transport(self) -> LaneTransport:
        return LaneTransport(self.conf.broker_consumer, self)
