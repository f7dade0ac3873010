"""A batch lane for Faust: agents get whole record batches of a partition, as bytes, read committed and in order.

Faust's own path builds several tasks for each message and decides from acknowledgements where a partition goes on.
Here a batch is one event, and the application's shards say where each partition starts: after an assignment they are
recovered, and the consumer is put to exactly the position that their journals stand at.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol, cast

import faust
from aiokafka.consumer.consumer import AIOKafkaConsumer
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import NoOffsetForPartitionError, OffsetOutOfRangeError
from faust.transport.conductor import Conductor
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from streams.errors import MissingInputs
from streams.journal.records import RawRecord

FETCH_TIMEOUT_S = 1.0
READ_COMMITTED = "read_committed"
NO_RESET = "none"
NANOS_PER_MS = 1_000_000


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

    def base_topic(self, topic: str) -> str:
        """Topic name without prefix."""
        ...


class LaneConsumerThread(driver.AIOKafkaConsumerThread):
    """Reads committed records only, and keeps equal partitions of equally partitioned topics together."""

    def _create_worker_consumer(self, transport: driver.Transport) -> AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        # Faust offers none of them as a setting outside of its own exactly-once mode.
        consumer._isolation_level = READ_COMMITTED
        consumer._partition_assignment_strategy = [RangePartitionAssignor]
        consumer._auto_offset_reset = NO_RESET
        return consumer

    async def on_thread_stop(self) -> None:
        """Leaves the group, so that others take over at once: a static member that ends would be waited for."""
        if self._consumer is not None and self._consumer._coordinator is not None:
            self._consumer._coordinator._group_instance_id = None
        await super().on_thread_stop()


class LaneConsumer(driver.Consumer):
    """Delivers batches, seeks to the shards' positions, commits the shards' positions."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._next_offsets: dict[TP, int] = {}
        self._seeking = asyncio.Lock()

    @property
    def _positions(self) -> Positions:
        return cast(LaneApp, self.app).positions

    def _new_consumer_thread(self) -> LaneConsumerThread:
        return LaneConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def perform_seek(self) -> None:
        """Takes the assigned shards over and puts each partition to where they stand.

        Faust calls this before it resumes the flow; streams.worker.trouble does while it flows.
        """
        async with self._seeking:
            assignment = set(self.assignment())
            if not assignment:
                return
            positions = await self._positions.assigned(assignment)
            await self.seek_wait(positions)
            self._next_offsets = dict(positions)
            self._positions.positioned()

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
        while not (self.should_stop or fetcher.should_stop):
            generation = self._positions.generation
            records = await self._fetched()
            for tp, fetched in records.items():
                if self.flow_active and generation == self._positions.generation:
                    await self._deliver(generation, TP(tp.topic, tp.partition), fetched)
                else:
                    await self._put_back(TP(tp.topic, tp.partition))
            await self.sleep(0)

    async def _fetched(self) -> Mapping[Any, list[Any]]:
        """Raises MissingInputs where a partition lacks what comes next: going on elsewhere would skip records."""
        try:
            records, _ = await self._wait_next_records(FETCH_TIMEOUT_S)
        except NoOffsetForPartitionError:
            return {}  # Assigned, but not positioned by its shard yet.
        except OffsetOutOfRangeError as error:
            places = ", ".join(f"offset {offset} of {tp.topic}-{tp.partition}" for tp, offset in error.args[0].items())
            raise MissingInputs(
                f"{places}: Kafka does not hold it any more; records were removed or the topic was made anew; "
                "a restart says which shard it concerns"
            ) from error
        return records or {}

    async def _put_back(self, tp: TP) -> None:
        """Fetches a partition again from what was delivered last: what is dropped here may be from after the seek."""
        offset = self._next_offsets.get(tp)
        if offset is not None and tp in self.assignment():
            await self.seek_wait({tp: offset})

    async def _deliver(self, generation: int, tp: TP, fetched: list[Any]) -> None:
        follows = self._next_offsets.get(tp, fetched[0].offset)
        self._next_offsets[tp] = fetched[-1].offset + 1
        topic = self._positions.base_topic(tp.topic)
        records = [
            RawRecord(
                topic,
                tp.partition,
                record.offset,
                record.key,
                record.value,
                record.timestamp * NANOS_PER_MS,
                tuple(record.headers),
            )
            for record in fetched
        ]
        message = self._to_message(tp, fetched[-1])
        event = self.app.create_event(None, RecordBatch(generation, tp, follows, records), {}, message)
        conductor = cast(Conductor, self.app.topics)
        for channel in conductor._topic_name_index[tp.topic]:
            await channel.put(event)


class LaneTransport(driver.Transport):
    """Faust's aiokafka transport with the lane's consumer."""

    Consumer = LaneConsumer


class LaneApp(faust.App):
    """A Faust app on the lane; positions and on_stop_asked must be set before it starts."""

    positions: Positions
    on_stop_asked: Callable[[], None]

    async def stop(self) -> None:
        """Stops, as Faust does."""
        if not self.should_stop:
            self.on_stop_asked()
        await super().stop()

    def _new_transport(self) -> LaneTransport:
        return LaneTransport(self.conf.broker_consumer, self)
