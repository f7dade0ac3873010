"""A broker in memory with the features that the protocol needs: transactions, fencing, read committed, compaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass

from streams.errors import Fenced
from streams.pipeline.journal.raw_records import Headers, RawOutput, RawRecord
from streams.pipeline.journal.tails import Partition, Tail
from streams.pipeline.journal.transaction import Transaction

PENDING, COMMITTED, ABORTED = "pending", "committed", "aborted"
CLIENT = "client"
MOMENTS = ("before the records", "before the commit", "after the commit")
"""When a fault may strike a transaction."""


@dataclass
class Slot:
    """An offset: a record with the state of its transaction, or a transaction marker without a record."""

    record: RawRecord | None
    writer: str
    state: str


class Broker:
    """A LogReader on slots. strike: called at each of MOMENTS with the writer's name; may raise."""

    def __init__(self, strike: Callable[[str, str], None]) -> None:
        self.slots: dict[tuple[str, int], list[Slot | None]] = defaultdict(list)
        self.epochs: dict[str, int] = defaultdict(int)
        self.strike = strike

    def append(
        self, topic: str, partition: int, key: bytes | None, value: bytes | None, headers: Headers = ()
    ) -> RawRecord:
        """Appends a client's record, committed at once."""
        return self._add(RawOutput(topic, partition, key, b"", headers), value, CLIENT, COMMITTED)

    def _add(self, output: RawOutput, value: bytes | None, writer: str, state: str) -> RawRecord:
        log = self.slots[output.topic, output.partition]
        record = RawRecord(output.topic, output.partition, len(log), output.key, value, 0, output.headers)
        log.append(Slot(record, writer, state))
        return record

    def open_writer(self, name: str) -> Writer:
        """Makes a writer the owner of a name: aborts the open transaction of the owner before, and fences it."""
        self.epochs[name] += 1
        self._finish(name, ABORTED)
        return Writer(self, name, self.epochs[name])

    def _finish(self, name: str, state: str) -> None:
        for log in list(self.slots.values()):
            ended = [slot for slot in log if slot is not None and slot.writer == name and slot.state == PENDING]
            for slot in ended:
                slot.state = state
            if ended:
                log.append(Slot(None, name, state))

    def write(self, name: str, epoch: int, records: Sequence[RawOutput]) -> list[RawRecord]:
        """Writes a transaction."""
        self._demand_owner(name, epoch)
        self.strike(name, MOMENTS[0])
        written = [self._add(record, record.value, name, PENDING) for record in records]
        self.strike(name, MOMENTS[1])
        self._demand_owner(name, epoch)
        self._finish(name, COMMITTED)
        self.strike(name, MOMENTS[2])
        return written

    def abort(self, name: str, epoch: int) -> None:
        """Aborts the open transaction."""
        if self.epochs[name] == epoch:
            self._finish(name, ABORTED)

    def _demand_owner(self, name: str, epoch: int) -> None:
        if self.epochs[name] != epoch:
            raise Fenced(f"{name}: epoch {epoch} is not {self.epochs[name]}")

    def read(self, topic: str, partition: int, first_offset: int) -> Generator[RawRecord, None, None]:
        """Yields committed records from an offset on."""
        for slot in list(self.slots[topic, partition][first_offset:]):
            if slot is None:
                continue
            if slot.state == PENDING:
                return
            if slot.state == COMMITTED and slot.record is not None:
                yield slot.record

    def bounds(self, topics: Iterable[str], partition: int) -> dict[str, tuple[int, int]]:
        """Returns the first offset and the end of a partition, by topic."""
        return {topic: (0, len(self.slots[topic, partition])) for topic in topics}

    def tails(self, offsets: Mapping[Partition, int]) -> Mapping[Partition, Tail]:
        """Returns the last committed records of each partition, as a reader gets them once open transactions end."""
        return {place: self._tail(self.slots[place], count) for place, count in offsets.items()}

    @staticmethod
    def _tail(log: list[Slot | None], count: int) -> Tail:
        found = [slot.record for slot in log[-count:] if slot and slot.record and slot.state == COMMITTED]
        return Tail(found, count >= len(log))

    def topic_ids(self, topics: Iterable[str]) -> dict[str, str]:
        """Returns an id for each topic."""
        return {topic: topic for topic in topics}

    def compact(self, topic: str, partition: int) -> None:
        """Keeps only the newest committed record of each key."""
        log = self.slots[topic, partition]
        newest = {
            slot.record.key: offset
            for offset, slot in enumerate(log)
            if slot is not None and slot.record is not None and slot.state == COMMITTED
        }
        for offset, slot in enumerate(log):
            if slot is not None and slot.record is not None and newest.get(slot.record.key, offset) != offset:
                log[offset] = None

    def committed(self, topic: str, partition: int) -> list[Slot]:
        """Returns the committed records of a partition with their writers."""
        return [
            slot
            for slot in self.slots[topic, partition]
            if slot is not None and slot.state == COMMITTED and slot.record is not None
        ]


class Writer:
    """The LogWriter and DeadLetterTransactions of an owner."""

    def __init__(self, broker: Broker, name: str, epoch: int) -> None:
        self._broker = broker
        self._name = name
        self._epoch = epoch

    def commit(self, transaction: Transaction) -> int:
        """Writes a transaction and returns the offset of its journal record."""
        records = [*(made.output for made in transaction.lost), *transaction.records]
        written = self._broker.write(self._name, self._epoch, records)
        return written[records.index(transaction.journal)].offset

    def write(self, records: Sequence[RawOutput]) -> object:
        """Writes a transaction."""
        return self._broker.write(self._name, self._epoch, records)

    def close(self) -> None:
        """Aborts the open transaction."""
        self._broker.abort(self._name, self._epoch)
