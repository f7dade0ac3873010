"""The lane delivers the right batches when assignments change between its steps."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, cast

from faust.types import TP
from mode import Service

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

    def __init__(self, *batches: Mapping[TP, list[RawRecord]]) -> None:
        self._left = list(batches)
        self.assignments: list[Mapping[TP, int]] = []

    def assign(self, positions: Mapping[TP, int]) -> None:
        self.assignments.append(positions)

    def take(self) -> Mapping[TP, list[RawRecord]]:
        return self._left.pop(0) if self._left else {}

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
