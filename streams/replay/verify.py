"""Proof that a pipeline's outputs are what its code makes of its inputs in the journal's order, byte for byte."""

from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from schemas.codec import Codec
from streams.domain.config import CoreConfig
from streams.journal.kinds import KINDS
from streams.journal.log import LogReader
from streams.journal.processor import FORWARDED_FROM, ShardProcessor, Transaction
from streams.journal.records import RawOutput, RawRecord
from streams.journal.recovery import recover

DIFFERENCES_MAX = 20
USER_TOPICS = ("orders", "controls", "market.data")
"""Topics on which only forwarded records are outputs of a shard."""

Expected = dict[tuple[str, int], dict[str, deque[RawOutput]]]
"""Outputs still to be found: by topic and partition, then by shard, in order."""


@dataclass(slots=True)
class Verification:
    """checked: records compared by topic. differences: sentences, the first DIFFERENCES_MAX of them."""

    transactions: int = 0
    checked: dict[str, int] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether every record was equal."""
        return not self.differences

    def differ(self, sentence: str) -> None:
        """Notes a difference."""
        if len(self.differences) < DIFFERENCES_MAX:
            self.differences.append(sentence)


def verify(
    config: CoreConfig, reader: LogReader, codec: Codec, on_progress: Callable[[str], None] = lambda _: None
) -> Verification:
    """Runs the core over every shard's journal and compares each output with the record on its topic.

    config says how many partitions there are; what the core does comes from the journal.
    """
    result = Verification()
    expected: Expected = defaultdict(lambda: defaultdict(deque))

    def collect(processor: ShardProcessor, transaction: Transaction) -> None:
        result.transactions += 1
        for output in transaction.outputs:
            expected[output.topic, output.partition][processor.name].append(output)

    for kind in KINDS:
        for partition in range(kind.partitions(config)):
            on_progress(f"running {kind.shard_name(partition)}")
            recover(kind, partition, reader, codec, collect, from_snapshot=False)
    for (topic, partition), shards in sorted(expected.items()):
        on_progress(f"comparing {topic}-{partition}")
        _compare(topic, partition, shards, reader, result)
    return result


def _compare(
    topic: str, partition: int, shards: dict[str, deque[RawOutput]], reader: LogReader, result: Verification
) -> None:
    for record in reader.read(topic, partition, 0):
        if topic in USER_TOPICS and all(name != FORWARDED_FROM for name, _ in record.headers):
            continue
        result.checked[topic] = result.checked.get(topic, 0) + 1
        if not _take_equal(record, shards):
            result.differ(f"{topic}-{partition} offset {record.offset}: the core makes no such record next")
            return
    for shard, left in shards.items():
        if left:
            result.differ(
                f"{topic}-{partition}: {len(left)} records that the core makes in {shard} are not on the topic"
            )


def _take_equal(record: RawRecord, shards: dict[str, deque[RawOutput]]) -> bool:
    for waiting in shards.values():
        if waiting and (waiting[0].key, waiting[0].value) == (record.key, record.value):
            waiting.popleft()
            return True
    return False
