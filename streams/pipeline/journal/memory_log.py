"""Topics in memory: the counterpart of kafka_log for tests and simulations."""

from collections import defaultdict
from collections.abc import Generator, Iterable, Mapping

from streams.pipeline.journal.raw_records import Headers, RawRecord
from streams.pipeline.journal.tails import Partition, Tail
from streams.pipeline.journal.transaction import Transaction


class MemoryLog:
    """A LogReader and LogWriter on lists, whose commits always succeed.

    made_anew: number of times that each topic was recreated.
    """

    def __init__(self) -> None:
        self.partitions: dict[tuple[str, int], list[RawRecord]] = defaultdict(list)
        self.made_anew: dict[str, int] = defaultdict(int)

    def append(
        self,
        topic: str,
        partition: int,
        key: bytes | None,
        value: bytes | None,
        timestamp_ns: int = 0,
        headers: Headers = (),
    ) -> RawRecord:
        """Appends a record and returns it with its offset."""
        log = self.partitions[topic, partition]
        record = RawRecord(topic, partition, len(log), key, value, timestamp_ns, headers)
        log.append(record)
        return record

    def read(self, topic: str, partition: int, first_offset: int) -> Generator[RawRecord, None, None]:
        """Yields the records of a partition from an offset on."""
        yield from list(self.partitions[topic, partition][first_offset:])

    def bounds(self, topics: Iterable[str], partition: int) -> dict[str, tuple[int, int]]:
        """Returns the first offset and the end of a partition, by topic."""
        return {topic: (0, len(self.partitions[topic, partition])) for topic in topics}

    def topic_ids(self, topics: Iterable[str]) -> dict[str, str]:
        """Returns an id for each topic, which changes when the topic is recreated."""
        return {topic: f"{topic}~{self.made_anew[topic]}" for topic in topics}

    def tails(self, offsets: Mapping[Partition, int]) -> Mapping[Partition, Tail]:
        """Returns the last records of each partition."""
        return {
            place: Tail(self.partitions[place][-count:], count >= len(self.partitions[place]))
            for place, count in offsets.items()
        }

    def commit(self, transaction: Transaction) -> int:
        """Appends the records of a transaction and returns the offset of the journal record."""
        journal_offset = 0
        for item in [*(made.output for made in transaction.lost), *transaction.records]:
            record = self.append(item.topic, item.partition, item.key, item.value, 0, item.headers)
            if item is transaction.journal:
                journal_offset = record.offset
        return journal_offset

    def close(self) -> None:
        """Does nothing: every commit is complete."""
