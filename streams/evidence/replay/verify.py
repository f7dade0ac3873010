"""Verifies that the code makes a pipeline's outputs, byte for byte, from its inputs in the journal's order."""

from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field

from infra.kafka.topics import DLQ_PREFIX
from schemas.avro.codec import Codec
from schemas.errors import UndecodableRecord
from streams.core.core_config import CoreConfig
from streams.errors import NothingCompared
from streams.evidence.replay.explain_difference import explain_difference
from streams.evidence.replay.verify_scope import EVERYTHING, VerifyScope
from streams.pipeline.journal.dead_letters import source_place
from streams.pipeline.journal.kinds import KINDS
from streams.pipeline.journal.log import LogReader
from streams.pipeline.journal.processor import FORWARDED_FROM, ShardProcessor
from streams.pipeline.journal.raw_records import RawOutput, RawRecord
from streams.pipeline.journal.recovery import recover
from streams.pipeline.journal.transaction import Transaction

DIFFERENCES_MAX = 20
CLIENT_TOPICS = ("orders", "controls", "market.data")
"""Topics that clients write. Only forwarded records on them are outputs of a shard."""

Place = tuple[str, int, int]
"""Topic, partition and offset."""
Expected = dict[tuple[str, int], dict[str, deque[RawOutput]]]
"""Outputs that are not yet found on their topic: by topic and partition, then by shard, in order."""


@dataclass(slots=True)
class Verification:
    """The result of a verification.

    Attributes:
        transactions: number of transactions replayed.
        checked: number of records compared, by topic.
        differences: a sentence for each of the first DIFFERENCES_MAX differences.
    """

    transactions: int = 0
    checked: dict[str, int] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """True if every record is equal."""
        return not self.differences

    def differ(self, sentence: str) -> None:
        """Adds a difference."""
        if len(self.differences) < DIFFERENCES_MAX:
            self.differences.append(sentence)


def verify(
    config: CoreConfig,
    reader: LogReader,
    codec: Codec,
    on_progress: Callable[[str], None] = lambda _: None,
    scope: VerifyScope = EVERYTHING,
    from_snapshot: bool = False,
    left_out: Collection[str] = (),
) -> Verification:
    """Runs the core over every shard's journal and compares each output with the record on its topic.

    config: gives the numbers of partitions; the settings of the core come from the journal. scope: the records that are
    compared. from_snapshot: replay only what came after each shard's newest snapshot. left_out: topics that the reader
    does not hold.

    Raises NothingCompared if there is no record to compare, and RecoveryError if a journal can't be followed.
    """
    result = Verification()
    expected: Expected = defaultdict(lambda: defaultdict(deque))
    refused: set[Place] = set()

    def collect(processor: ShardProcessor, transaction: Transaction) -> None:
        result.transactions += 1
        for output in transaction.outputs:
            if output.topic not in left_out:
                expected[output.topic, output.partition][processor.name].append(output)
            if output.topic.startswith(DLQ_PREFIX):
                headers = dict(output.headers)
                refused.add((headers["topic"].decode(), *source_place(headers)))

    for kind in KINDS:
        for partition in range(kind.partitions(config)):
            on_progress(f"running {kind.shard_name(partition)}")
            recover(kind, partition, reader, codec, collect, from_snapshot=from_snapshot)
    for (topic, partition), shards in sorted(expected.items()):
        on_progress(f"comparing {topic}-{partition}")
        records = _written_by_shards(topic, partition, reader)
        if from_snapshot:
            records = iter(deque(records, sum(map(len, shards.values()))))
        _Comparison(topic, partition, config, codec, scope, reader, result, refused).run(records, shards)
    if result.passed and not result.checked:
        raise NothingCompared(_nothing(result, scope, from_snapshot))
    return result


def _nothing(result: Verification, scope: VerifyScope, from_snapshot: bool) -> str:
    where = " after the newest snapshots" if from_snapshot else ""
    if not result.transactions:
        return f"nothing was compared: the journals hold no transactions{where}"
    return (
        f"nothing was compared: {result.transactions} transactions{where} wrote no record{scope}; "
        "`paper session list` names the sessions and their times"
    )


def _written_by_shards(topic: str, partition: int, reader: LogReader) -> Iterator[RawRecord]:
    for record in reader.read(topic, partition, 0):
        if topic not in CLIENT_TOPICS or any(name == FORWARDED_FROM for name, _ in record.headers):
            yield record


@dataclass(frozen=True, slots=True)
class _Comparison:
    topic: str
    partition: int
    config: CoreConfig
    codec: Codec
    scope: VerifyScope
    reader: LogReader
    result: Verification
    refused: set[Place]

    def run(self, records: Iterator[RawRecord], shards: dict[str, deque[RawOutput]]) -> None:
        """Compares a partition. Several shards may write it, each in its own order."""
        checked = self.result.checked
        shards = {name: deque(filter(self._covers, waiting)) for name, waiting in shards.items()}
        for record in filter(self._covers, records):
            if _take_equal(record, shards):
                checked[self.topic] = checked.get(self.topic, 0) + 1
            elif not self._is_foreign(record):
                candidates = [waiting[0] for waiting in shards.values() if waiting]
                self.result.differ(explain_difference(record, candidates, self.codec, self.reader, self.config))
                return
        for shard, left in shards.items():
            if left:
                place = f"{self.topic}-{self.partition}"
                self.result.differ(f"{place}: {len(left)} records that the core makes in {shard} are not on the topic")

    def _is_foreign(self, record: RawRecord) -> bool:
        """Returns whether a record that no shard made is known as such: refused by a shard, or no record at all."""
        place = record.topic, record.partition, record.offset
        return place in self.refused or self.topic.startswith(DLQ_PREFIX) or not self._is_readable(record)

    def _is_readable(self, record: RawRecord) -> bool:
        try:
            return record.value is not None and self.codec.decode(self.topic, record.value) is not None
        except UndecodableRecord:
            return False

    def _covers(self, record: RawRecord | RawOutput) -> bool:
        if self.scope.is_everything:
            return True
        if self.topic.startswith(DLQ_PREFIX):
            return False
        try:
            return record.value is not None and self.scope.covers(self.codec.decode(self.topic, record.value))
        except UndecodableRecord:
            return False


def _take_equal(record: RawRecord, shards: dict[str, deque[RawOutput]]) -> bool:
    content = _content(record)
    for waiting in shards.values():
        if waiting and _content(waiting[0]) == content:
            waiting.popleft()
            return True
    return False


def _content(record: RawRecord | RawOutput) -> tuple[object, ...]:
    """Returns what must be equal. Dead letters of equal bytes are told apart by the places in their headers."""
    headers = record.headers if record.topic.startswith(DLQ_PREFIX) else ()
    return record.key, record.value, headers
