"""Verifies that the code makes a pipeline's outputs, byte for byte, from its inputs in the journal's order."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from contextlib import closing
from dataclasses import dataclass, field

from infra.kafka.topics import BY_NAME, DLQ_PREFIX
from schemas.avro.codec import Codec
from schemas.errors import UndecodableRecord
from streams.core.core_config import CoreConfig
from streams.errors import NothingCompared
from streams.evidence.replay.compacted_outputs import CompactedOutputs
from streams.evidence.replay.explain_difference import explain_difference
from streams.evidence.replay.proof_cut import CutReader, take_cut
from streams.evidence.replay.read_backwards import from_the_end
from streams.evidence.replay.verify_scope import EVERYTHING, VerifyScope
from streams.evidence.replay.waiting_outputs import WaitingOutputs
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
Expected = dict[tuple[str, int], dict[str, list[RawOutput]]]
"""The outputs of the transactions: by topic and partition, then by shard, in order."""


@dataclass(slots=True)
class Verification:
    """The result of a verification.

    Attributes:
        transactions: number of transactions replayed.
        proved_to: sequence of the last journal record that was replayed, by shard.
        checked: number of records compared, by topic.
        differences: a sentence for each of the first DIFFERENCES_MAX differences.
    """

    transactions: int = 0
    proved_to: dict[str, int] = field(default_factory=dict)
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

    The pipeline may go on meanwhile. The proof ends at a cut: the journals' ends are fixed first, and exactly what
    their transactions wrote is judged.

    config: gives the numbers of partitions; the settings of the core come from the journal. scope: the records that are
    compared. from_snapshot: replay only what came after each shard's newest snapshot. left_out: topics that the reader
    does not hold.

    Raises:
        NothingCompared: there is no record to compare.
        RecoveryError, LogUnavailable, RegistryUnavailable: the journals can't be followed.
    """
    result = Verification()
    expected: Expected = defaultdict(lambda: defaultdict(list))
    refused: set[Place] = set()
    earlier: dict[tuple[str, int], set[str]] = defaultdict(set)

    def collect(processor: ShardProcessor, transaction: Transaction) -> None:
        result.transactions += 1
        result.proved_to[processor.name] = transaction.sequence
        for output in transaction.outputs:
            if output.topic.startswith(DLQ_PREFIX):
                headers = dict(output.headers)
                refused.add((headers["topic"].decode(), *source_place(headers)))
            if output.topic not in left_out:
                expected[output.topic, output.partition][processor.name].append(output)

    on_progress("fixing the ends of the journals")
    ends = take_cut(reader, config, left_out)
    within = CutReader(reader, ends)
    for kind in KINDS:
        for partition in range(kind.partitions(config)):
            on_progress(f"running {kind.shard_name(partition)}")
            processor = recover(kind, partition, within, codec, collect, from_snapshot=from_snapshot)
            for place in processor.tails if processor is not None else ():
                earlier[place].add(kind.shard_name(partition))
    for (topic, partition), shards in sorted(expected.items()):
        on_progress(f"comparing {topic}-{partition}")
        comparison = _Comparison(
            topic, partition, ends[topic, partition], config, codec, scope, reader, result, refused
        )
        if from_snapshot:
            comparison.run_backwards(shards, earlier[topic, partition])
        else:
            comparison.run(shards)
    if result.passed and not result.checked:
        raise NothingCompared(_nothing(result, scope, from_snapshot))
    return result


def _nothing(result: Verification, scope: VerifyScope, from_snapshot: bool) -> str:
    where = " after the newest snapshots" if from_snapshot else ""
    if not result.transactions:
        remedy = "; prove the whole record, without --from-snapshot" if from_snapshot else ""
        return f"nothing was compared: the journals hold no transactions{where}{remedy}"
    return (
        f"nothing was compared: {result.transactions} transactions{where} wrote no record{scope}; "
        "`paper session list` names the sessions and their times"
    )


def _is_of_shard(record: RawRecord) -> bool:
    return record.topic not in CLIENT_TOPICS or any(name == FORWARDED_FROM for name, _ in record.headers)


@dataclass(frozen=True, slots=True)
class _Comparison:
    topic: str
    partition: int
    end: int
    """The end of the partition at the cut. Records behind it may be of later transactions."""
    config: CoreConfig
    codec: Codec
    scope: VerifyScope
    reader: LogReader
    result: Verification
    refused: set[Place]

    def run(self, shards: dict[str, list[RawOutput]]) -> None:
        """Compares a partition. Several shards may write it, each in its own order."""
        outputs = {name: list(filter(self._covers, made)) for name, made in shards.items()}
        with closing(self.reader.read(self.topic, self.partition, 0)) as records:
            self._find(records, self._waiting(outputs, backwards=False), ())

    def run_backwards(self, shards: dict[str, list[RawOutput]], earlier: Collection[str]) -> None:
        """Compares the end of a partition. earlier: the shards that also wrote it before their snapshots.

        The shards' snapshots stand at different places, so what the shards made since then is mixed with what others
        made before. From the end on, a shard's outputs come one after the other until there are no more.
        """
        outputs = {name: list(filter(self._covers, reversed(made))) for name, made in shards.items()}
        with closing(from_the_end(self.reader, self.topic, self.partition)) as records:
            self._find(records, self._waiting(outputs, backwards=True), earlier)

    def _waiting(self, outputs: dict[str, list[RawOutput]], backwards: bool) -> WaitingOutputs | CompactedOutputs:
        if BY_NAME[self.topic].compacted:
            with closing(self.reader.read(self.topic, self.partition, self.end)) as records:
                return CompactedOutputs(outputs, backwards, {record.key for record in records})
        return WaitingOutputs(outputs)

    def _find(
        self, records: Iterator[RawRecord], waiting: WaitingOutputs | CompactedOutputs, earlier: Collection[str]
    ) -> None:
        checked = self.result.checked
        for record in filter(self._covers, filter(_is_of_shard, records)):
            if waiting.take(record):
                checked[self.topic] = checked.get(self.topic, 0) + 1
            elif record.offset < self.end and not waiting.may_have_ended(earlier) and not self._is_foreign(record):
                told = explain_difference(record, waiting.next_ones, self.codec, self.reader, self.config)
                self.result.differ(told)
                return
            elif not waiting.left and (earlier or record.offset >= self.end):
                return
        for shard, left in waiting.left.items():
            place = f"{self.topic}-{self.partition}"
            self.result.differ(f"{place}: {left} records that the core makes in {shard} are not on the topic")

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
