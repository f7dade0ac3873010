"""Shards that take every record, each beside a twin that never sees the bad ones: both must say and be the same."""

from __future__ import annotations

import traceback
from collections import defaultdict
from collections.abc import Callable, Generator, Mapping
from typing import Any, TypeVar

from infra.kafka.topics import BY_NAME
from schemas.avro.codec import Codec
from streams.core.core_config import CoreConfig
from streams.pipeline.journal.dead_letters import CUT, ORIGINAL
from streams.pipeline.journal.kinds import KINDS, OWN_TOPICS, ShardKind
from streams.pipeline.journal.log import LogWriter
from streams.pipeline.journal.memory_log import MemoryLog
from streams.pipeline.journal.owned_shard import OwnedShard, take_over
from streams.pipeline.journal.processor import ShardProcessor
from streams.pipeline.journal.provenance import PROOF, Proof, only_genuine
from streams.pipeline.journal.quarantine import INTERNAL_ERROR
from streams.pipeline.journal.raw_records import RawOutput, RawRecord
from streams.pipeline.journal.recovery import recover
from streams.pipeline.journal.snapshots import SnapshotPolicy
from tests.fuzz.encoded_fields import REGISTRY
from tests.fuzz.mutations import Bytes, Fate
from tests.pipeline.journal.pipeline import ProvingWriter

SNAPSHOTS = SnapshotPolicy(every_records=1_500, every_bytes=4_000_000, at_least_times=2)
DLQ = "dlq."
LARGE_BYTES = 500_000
CODEC = Codec(REGISTRY)
JOURNALS = frozenset(topic for kind in KINDS for topic in (kind.journal, kind.snapshots))
KEYED = frozenset(topic for kind in KINDS for topic, key in kind.inputs.items() if key is not None)

ShardKey = tuple[ShardKind, int]
Place = tuple[str, int]
Said = Mapping[Place, list[RawOutput]]
T = TypeVar("T")


class Fault(Exception):
    """A broken promise. rule: the promise; record: the record that broke it, if it is known; where: a line of code."""

    def __init__(self, rule: str, text: str, record: RawRecord | None = None, where: str = "") -> None:
        super().__init__(text)
        self.rule = rule
        self.text = text
        self.record = record
        self.where = where


class ProvenLog(MemoryLog):
    """Topics in memory on which anybody may write; readers tell the pipeline's own journals from foreign ones."""

    def __init__(self, proof: Proof) -> None:
        super().__init__()
        self._proof = proof

    def read(self, topic: str, partition: int, first_offset: int) -> Generator[RawRecord, None, None]:
        """See MemoryLog."""
        records = super().read(topic, partition, first_offset)
        return only_genuine(records, self._proof) if topic in JOURNALS else records


class PairedShards:
    """All shards of a configuration with their twins.

    proof: for topics on which anybody may write. on_good: called with each record that was not refused. on_fault:
    called with each broken promise after which the shards can go on. tainted: foreign records were taken on the
    pipeline's own topics, so that the shards no longer agree with each other, and may refuse each other's records.
    """

    def __init__(
        self,
        core: CoreConfig,
        proof: Proof | None,
        on_good: Callable[[RawRecord], None],
        on_fault: Callable[[Fault], None],
    ) -> None:
        self.log = MemoryLog() if proof is None else ProvenLog(proof)
        self.records = self.refused = 0
        self.tainted = False
        self.keys: list[ShardKey] = [(kind, place) for kind in KINDS for place in range(kind.partitions(core))]
        self.shards: dict[ShardKey, OwnedShard] = {}
        self._core = core
        self._proof = proof
        self._on_good = on_good
        self._on_fault = on_fault
        self._fates: dict[tuple[str, int, int], Fate] = {}
        self._twins: dict[ShardKey, ShardProcessor] = {}
        for key in self.keys:
            twin = self._twins[key] = ShardProcessor(*key, core, CODEC)
            twin.configure(core)
            twin.finish()
            self.shards[key] = self._take_over(key)

    def _take_over(self, key: ShardKey) -> OwnedShard:
        return take_over(*key, self._core, CODEC, self.log, self._open_writer, SNAPSHOTS, proof=self._proof)

    def _open_writer(self, name: str) -> LogWriter:
        return self.log if self._proof is None else ProvingWriter(self.log, name, self._proof)

    def add(self, sent: Bytes) -> None:
        """Appends a record of a client."""
        record = self.log.append(sent.topic, sent.partition, sent.key, sent.value, sent.timestamp_ns, sent.headers)
        own = sent.topic in OWN_TOPICS
        self._fates[sent.topic, sent.partition, record.offset] = Fate.REFUSED if own and self._proof else sent.fate

    def run(self, now_ns: int) -> None:
        """Lets all shards work until they have taken all records. Raises Fault."""
        while any([self._step(key, topic, now_ns) for key in self.keys for topic in key[0].inputs]):
            pass
        self._fates.clear()

    def _step(self, key: ShardKey, topic: str, now_ns: int) -> bool:
        shard, log = self.shards[key], self.log.partitions
        follows = shard.committed.get(topic, 0)
        records = log[topic, key[1]][follows:]
        if not records:
            return False
        # 1. The shard takes all and commits.
        ends = {place: len(written) for place, written in log.items()}
        _guarded("NO CRASH", records[0], lambda: shard.take(follows, records))
        _guarded("NO CRASH", records[0], shard.commit)
        said = self._said(shard.name, ends, now_ns)
        letters = self._letters(topic, records, said.pop((DLQ + topic, 0), []))
        # 2. Its twin takes what it did not refuse, and must say the same.
        twin = self._twins[key]
        good = [record for record in records if record.offset not in letters]
        for record in good:
            _guarded("NO CRASH WITHOUT THE BAD ONES", record, lambda record=record: twin.take(record))  # type: ignore[misc]
        made = twin.finish(even_if_empty=True)
        assert made is not None
        expected: dict[Place, list[RawOutput]] = defaultdict(list)
        for output in made.outputs:
            expected[output.topic, output.partition].append(output)
        if (DLQ + topic, 0) in expected:
            raise Fault("ONE DEAD LETTER", "a bad record has no dead letter", records[0])
        if said != expected:
            raise Fault("SAME OUTPUTS", _difference(said, expected), records[0])
        # 3. What is good was taken, what is bad was not.
        self._judge(records, letters)
        self.records += len(records)
        self.refused += len(letters)
        for record in good:
            self._on_good(record)
        return True

    def _said(self, shard: str, ends: Mapping[Place, int], now_ns: int) -> dict[Place, list[RawOutput]]:
        """Returns what a shard wrote, without alarms and proofs, and gives it the broker's time."""
        found: dict[Place, list[RawOutput]] = {}
        for place, written in self.log.partitions.items():
            start = ends.get(place, 0)
            if len(written) == start or place[0] in JOURNALS:
                continue
            outputs = []
            for number in range(start, len(written)):
                record = written[number]
                written[number] = record._replace(timestamp_ns=now_ns)
                if place[0] in KEYED:
                    self._fates[record.topic, record.partition, number] = Fate.EITHER
                if place[0] != "risk.events" or record.key != shard.encode():
                    outputs.append(_bare(record))
            if outputs:
                found[place] = outputs
        return found

    def _letters(self, topic: str, records: list[RawRecord], letters: list[RawOutput]) -> Mapping[int, RawOutput]:
        """Returns the dead letters by offset. Raises Fault unless they are exact copies, one for each record."""
        places = {record.offset: record for record in records}
        found: dict[int, RawOutput] = {}
        for letter in letters:
            headers = dict(letter.headers)
            record = places.get(int(headers["offset"]))
            if record is None or headers["topic"] != topic.encode() or int(headers["partition"]) != record.partition:
                raise Fault("ONE DEAD LETTER", f"a letter names a record that was not taken: {letter}", records[0])
            if record.offset in found:
                raise Fault("ONE DEAD LETTER", "it has two dead letters", record)
            if headers["error_class"] == INTERNAL_ERROR.encode():
                message = headers["message"].decode()
                where = message.rpartition("; in ")[2].partition(",")[0]
                self._on_fault(Fault("NO INTERNAL ERROR", message, record, f"{where} {message.partition(':')[0]}"))
            originals = [header for header in letter.headers if header[0].startswith(ORIGINAL)]
            whole = (record.key, record.value, [(ORIGINAL + name, data) for name, data in record.headers])
            if CUT not in headers and (letter.key, letter.value, originals) != whole:
                raise Fault("ONE DEAD LETTER", "its dead letter has other bytes than it", record)
            found[record.offset] = letter
        return found

    def _judge(self, records: list[RawRecord], letters: Mapping[int, RawOutput]) -> None:
        """Raises Fault if a good record was refused, or a bad one taken."""
        for record in records:
            own = record.topic in OWN_TOPICS
            fate = self._fates.get((record.topic, record.partition, record.offset), Fate.TAKEN)
            letter = letters.get(record.offset)
            if letter is None and fate is Fate.REFUSED:
                raise Fault("ONE DEAD LETTER", "it is bad, and was taken", record)
            if letter is not None and fate is Fate.TAKEN and not (own and self.tainted):
                headers = dict(letter.headers)
                error_class, message = headers["error_class"].decode(), headers["message"].decode()
                if error_class != INTERNAL_ERROR:
                    raise Fault("GOOD RECORDS ARE TAKEN", f"refused: {error_class}: {message}", record, error_class)
            if own and letter is None and fate is Fate.EITHER:
                self.tainted = True

    def check_states(self) -> None:
        """Raises Fault if a shard's state differs from its twin's."""
        for key in self.keys:
            _equal("SAME STATE", key, self.shards[key].processor, self._twins[key])

    def restart(self, key: ShardKey) -> None:
        """Lets a shard's owner die and another take over. Raises Fault if that fails or gives another state."""
        shard = self.shards[key] = _guarded("RECOVERY", None, lambda: self._take_over(key))
        _equal("RECOVERY", key, shard.processor, self._twins[key])

    def replay(self, key: ShardKey) -> None:
        """Recovers a shard from the journal's start. Raises Fault if that fails or gives another state."""
        found = _guarded("REPLAY", None, lambda: recover(*key, self.log, CODEC, from_snapshot=False))
        assert found is not None
        _equal("REPLAY", key, found, self._twins[key])


def _bare(record: RawRecord) -> RawOutput:
    """Returns a record as its shard made it, before it got its proof. Raises Fault if Kafka would refuse it."""
    topic, partition, _, key, value, _, headers = record
    if topic in OWN_TOPICS and headers and headers[-1][0] == PROOF:
        headers = headers[:-1]
    size = len(key or b"") + len(value or b"")
    if headers:
        size += sum(len(name) + len(content or b"") for name, content in headers)
    if size > LARGE_BYTES and size > BY_NAME[topic].max_message_bytes:
        raise Fault("OUTPUTS FIT KAFKA", f"an output of {size} bytes on {topic}", record, topic)
    return RawOutput(topic, partition, key, value, headers)


def _guarded(rule: str, record: RawRecord | None, call: Callable[[], T]) -> T:
    try:
        return call()
    except Exception as error:
        cause: BaseException = error
        while cause.__cause__ is not None:
            cause = cause.__cause__
        lines = traceback.extract_tb(cause.__traceback__)
        ours = [line for line in lines if "streams/" in line.filename or "schemas/" in line.filename]
        last = (ours or lines)[-1]
        where = f"{last.filename.rpartition('/')[2]}:{last.lineno} {type(cause).__name__}"
        trace = "".join(traceback.format_list(lines[-6:]))
        raise Fault(rule, f"{type(error).__name__}: {error}\n{trace}", record, where) from error


def _equal(rule: str, key: ShardKey, found: ShardProcessor, twin: ShardProcessor) -> None:
    ours, theirs = found.shard.to_state(), twin.shard.to_state()
    if ours != theirs:
        path, text = _first_difference(ours, theirs, "state")
        raise Fault(rule, f"{key[0].shard_name(key[1])}: {path} {text}", where=path)


def _first_difference(ours: Any, theirs: Any, path: str) -> tuple[str, str]:
    if isinstance(ours, dict) and isinstance(theirs, dict) and ours.keys() == theirs.keys():
        name = next(name for name in ours if ours[name] != theirs[name])
        return _first_difference(ours[name], theirs[name], f"{path}.{name}")
    if isinstance(ours, list | tuple) and isinstance(theirs, list | tuple) and len(ours) == len(theirs):
        number = next(number for number in range(len(ours)) if ours[number] != theirs[number])
        return _first_difference(ours[number], theirs[number], f"{path}[{number}]")
    return path, f"is {str(ours)[:300]} with the bad records, {str(theirs)[:300]} without them"


def _difference(said: Said, expected: Said) -> str:
    for place in sorted({*said, *expected}):
        pairs = zip([*said.get(place, ()), None], [*expected.get(place, ()), None], strict=False)
        for ours, theirs in pairs:
            if ours != theirs:
                return f"{place} has {_decoded(ours)} with the bad records, {_decoded(theirs)} without them"
    return ""


def _decoded(output: RawOutput | None) -> str:
    return "nothing" if output is None or output.value is None else str(CODEC.decode(output.topic, output.value))
