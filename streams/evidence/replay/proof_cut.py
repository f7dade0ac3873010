"""The cut of a proof: the point up to which it judges a pipeline that may go on writing."""

from collections.abc import Collection, Generator, Iterable

from infra.kafka.topics import BY_NAME
from streams.core.core_config import CoreConfig
from streams.evidence.replay.read_below import below
from streams.pipeline.journal.kinds import JOURNALS, OWN_LOGS
from streams.pipeline.journal.log import LogReader
from streams.pipeline.journal.partition_ends import Ends, partition_ends
from streams.pipeline.journal.raw_records import RawRecord


def take_cut(reader: LogReader, config: CoreConfig, left_out: Collection[str] = ()) -> Ends:
    """Returns the ends of all partitions. left_out: topics that the reader does not hold.

    The journals' ends come last, and behind all open transactions. So a record below an end was committed together with
    a journal record below its journal's end. Raises LogUnavailable.
    """

    def partitions(topic: str) -> int:
        return BY_NAME[topic].partitions.count(config)

    held = [topic for topic in BY_NAME if topic not in left_out]
    ends = partition_ends(reader, held, partitions)
    for (topic, partition), end in partition_ends(reader, JOURNALS, partitions).items():
        ends[topic, partition] = _settled_end(reader, topic, partition, end)
    return ends


def _settled_end(reader: LogReader, topic: str, partition: int, end: int) -> int:
    """Returns the end behind the transactions that are open now. Reading waits until they end."""
    for record in reader.read(topic, partition, end):
        end = record.offset + 1
    return end


class CutReader:
    """A LogReader whose journals and snapshots end at a cut. Inputs do not: the journals name those that count."""

    def __init__(self, reader: LogReader, ends: Ends) -> None:
        self._reader = reader
        self._ends = ends

    def read(self, topic: str, partition: int, first_offset: int) -> Generator[RawRecord, None, None]:
        """See streams.pipeline.journal.log.LogReader."""
        records = self._reader.read(topic, partition, first_offset)
        return below(self._ends[topic, partition], records) if topic in OWN_LOGS else records

    def bounds(self, topics: Iterable[str], partition: int) -> dict[str, tuple[int, int]]:
        """See streams.pipeline.journal.log.LogReader."""
        return self._reader.bounds(topics, partition)

    def topic_ids(self, topics: Iterable[str]) -> dict[str, str]:
        """See streams.pipeline.journal.log.LogReader."""
        return self._reader.topic_ids(topics)
