"""The lane delivers the right batches when assignments change between its steps."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, cast

from faust.types import TP
from mode import Service

from streams.errors import MissingInputs, PipelineError
from streams.pipeline.journal.raw_records import RawRecord
from streams.pipeline.worker.lane import LaneApp, LaneConsumer, RecordBatch

ORDERS, MARKS = TP("orders", 0), TP("marks", 0)


class Shards:
    """Shards at given positions."""

    generation = 1

    def __init__(self, positions: Mapping[TP, int]) -> None:
        self._at = positions

    async def assigned(self, tps: set[TP]) -> Mapping[TP, int]:
        return self._at

    def positioned(self) -> None:
        self.generation += 1

    def committed(self) -> Mapping[TP, int]:
        return {}


class Fetched:
    """Inputs that return given batches one after the other."""

    def __init__(self, *batches: Mapping[TP, list[RawRecord]] | PipelineError) -> None:
        self._left = list(batches)
        self.assignments: list[Mapping[TP, int]] = []

    def assign(self, positions: Mapping[TP, int]) -> None:
        self.assignments.append(positions)

    def add(self, positions: Mapping[TP, int]) -> None:
        self.assignments.append(positions)

    def remove(self, tps: set[TP]) -> None:
        self.assignments.append(dict.fromkeys(tps, -1))

    def take(self) -> Mapping[TP, list[RawRecord]]:
        taken = self._left.pop(0) if self._left else {}
        if isinstance(taken, PipelineError):
            raise taken
        return taken

    def close(self) -> None:
        self._left = []


class Channel:
    """The channel of an agent. Keeps the events, and makes a call after the first."""

    def __init__(self, after_first: Callable[[], Any]) -> None:
        self.batches: list[RecordBatch] = []
        self._after_first = after_first

    async def put(self, event: Any) -> None:
        self.batches.append(event.value)
        if len(self.batches) == 1:
            await self._after_first()


class Running:
    """A fetcher that stops once enough events have arrived."""

    def __init__(self, enough: Callable[[], bool]) -> None:
        self._enough = enough

    @property
    def should_stop(self) -> bool:
        return self._enough()


class Idle(Service):
    """A stand-in for the thread of the group member."""

    def note_poll(self) -> None:
        """Does nothing."""


class Member(LaneConsumer):
    """A consumer with both partitions, without a group."""

    def _new_consumer_thread(self) -> Any:
        return Idle()

    def assignment(self) -> set[TP]:
        return {ORDERS, MARKS}


def records(tp: TP, first: int, count: int) -> list[RawRecord]:
    return [RawRecord(tp.topic, tp.partition, first + number, b"", b"", 0) for number in range(count)]


def consumer_of(inputs: Fetched) -> tuple[Member, LaneApp]:
    app = LaneApp("test", broker="kafka://nowhere", store="memory://")
    app.positions = Shards({ORDERS: 3, MARKS: 10})
    app.inputs = inputs
    ignore = cast(Any, lambda *args: None)
    consumer = Member(app.transport, ignore, on_partitions_revoked=ignore, on_partitions_assigned=ignore)
    consumer.resume_flow()
    return consumer, app


async def delivered(consumer: Member, app: LaneApp, channel: Channel, count: int) -> list[tuple[TP, int, int]]:
    """Returns partition, `follows` and first offset of a number of batches."""
    index = cast(Any, app.topics)._topic_name_index
    index[ORDERS.topic] = index[MARKS.topic] = {channel}
    await consumer._drain_messages(Running(lambda: len(channel.batches) >= count))
    return [(item.tp, item.follows, item.records[0].offset) for item in channel.batches]


def test_what_was_taken_before_a_shard_came_back_is_not_delivered_behind_its_new_position() -> None:
    async def story() -> list[tuple[TP, int, int]]:
        inputs = Fetched(
            {MARKS: records(MARKS, 10, 2), ORDERS: records(ORDERS, 90, 5)}, {ORDERS: records(ORDERS, 3, 2)}
        )
        consumer, app = consumer_of(inputs)

        async def come_back() -> None:
            consumer.fetch_no_more({ORDERS})
            consumer.fetch_also({ORDERS: 3})

        return await delivered(consumer, app, Channel(after_first=come_back), 2)

    assert asyncio.run(story()) == [(MARKS, 10, 10), (ORDERS, 3, 3)]


def test_a_partition_that_cant_be_read_ends_the_reading_until_all_is_assigned_again() -> None:
    async def story() -> tuple[list[PipelineError], Fetched, list[tuple[TP, int, int]]]:
        inputs = Fetched(MissingInputs("gone"), {ORDERS: records(ORDERS, 3, 2)})
        consumer, app = consumer_of(inputs)
        errors: list[PipelineError] = []
        app.on_read_error = errors.append

        async def nothing() -> None: ...

        return errors, inputs, await delivered(consumer, app, Channel(after_first=nothing), 1)

    errors, inputs, batches = asyncio.run(story())
    assert [str(error) for error in errors] == ["gone"]
    assert inputs.assignments == [{}]
    assert batches == [(ORDERS, 3, 3)]


def test_what_was_taken_before_an_assignment_moves_no_position() -> None:
    async def deliver() -> tuple[list[RecordBatch], Fetched]:
        app = LaneApp("test", broker="kafka://nowhere", store="memory://")
        app.positions = Shards({ORDERS: 3, MARKS: 10})
        inputs = Fetched(
            {ORDERS: records(ORDERS, 0, 5), MARKS: records(MARKS, 90, 2)},
            {MARKS: records(MARKS, 10, 2), ORDERS: records(ORDERS, 3, 2)},
        )
        app.inputs = inputs
        ignore = cast(Any, lambda *args: None)
        consumer = Member(app.transport, ignore, on_partitions_revoked=ignore, on_partitions_assigned=ignore)
        consumer.resume_flow()
        channel = Channel(after_first=consumer.perform_seek)
        index = cast(Any, app.topics)._topic_name_index
        index[ORDERS.topic] = index[MARKS.topic] = {channel}
        await consumer._drain_messages(Running(lambda: len(channel.batches) >= 3))
        return channel.batches, inputs

    batches, inputs = asyncio.run(deliver())
    assert inputs.assignments == [{ORDERS: 3, MARKS: 10}]
    assert [(item.generation, item.tp, item.follows, item.records[0].offset) for item in batches] == [
        (1, ORDERS, 0, 0),
        (2, MARKS, 10, 10),
        (2, ORDERS, 3, 3),
    ]
