"""A life: a fresh pipeline in memory that gets good and bad records, all of it chosen by a seed."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import NamedTuple

from schemas.errors import UndecodableRecord
from streams.core.venue.execution_shard import ExecutionShard
from streams.pipeline.journal.kinds import EXECUTION, KINDS
from streams.pipeline.journal.partitions import partition_of
from streams.pipeline.journal.provenance import Proof
from streams.pipeline.journal.raw_records import RawRecord
from tests.builders import MS
from tests.fuzz.cores import CORES, PARTITIONS, SYMBOLS
from tests.fuzz.encoded_fields import DAY
from tests.fuzz.mutations import Bytes, Fate, Mutator, Pool
from tests.fuzz.paired_shards import CODEC, Fault, PairedShards
from tests.fuzz.traffic import Sent, Traffic

SHARD_TOPICS = tuple(topic for kind in KINDS for topic in kind.inputs)
RECOVERY_TOPICS = tuple(topic for kind in KINDS for topic in (kind.journal, kind.snapshots))
TOPICS = (*SHARD_TOPICS, *RECOVERY_TOPICS)
WEIGHTS = (5, 3, 2, 3, 1, 3, 5, 0.05, 0.05, 0.05, 0.05)
"""Shares of the topics in mutants, in the order of TOPICS."""
BURSTS = (1, 5, 25, 125, 625)
"""Numbers of records that arrive before the shards work."""
GOOD_SHARE = 0.35
KEPT_SHARE = 0.04
"""Share of good records that mutants are made of."""
RESTARTS = 6
FINDINGS_MAX = 10
"""Number of findings that ends a life: each costs a recovery."""
FAR_NS = 30 * DAY


class Finding(NamedTuple):
    """A broken promise, with all that is needed to see it again."""

    rule: str
    topic: str
    change: str
    where: str
    text: str
    record: str
    seed: int
    life: int
    number: int

    @property
    def kind(self) -> tuple[str, str, str]:
        """The findings of a kind have the same cause, or nearly so."""
        return self.rule, self.topic, self.where

    def __str__(self) -> str:
        place = f"seed {self.seed}, life {self.life}, record {self.number}"
        head = f"{self.rule}: {self.topic} ({self.change}) at {self.where or 'an unknown place'} [{place}]"
        return "\n".join([head, self.text, self.record])


class LifeResult(NamedTuple):
    """The numbers of a life, and its findings. records: those made; taken: those that shards took."""

    records: int
    taken: int
    refused: int
    findings: list[Finding]


class Life:
    """A pipeline in memory, from its first record to its last.

    In every other life anybody may write on all topics. In the others only one writer may write on the pipeline's own
    topics, and writes nonsense; nobody writes on its journals and snapshots.
    """

    def __init__(self, seed: int, number: int, topics: tuple[str, ...]) -> None:
        self._seed, self._number = seed, number
        self._draw = draw = Random(f"{seed}/{number}")
        self._pool = Pool(draw)
        self._findings: list[Finding] = []
        proof = Proof(b"fuzz") if number % 2 else None
        self._pair = PairedShards(CORES[number % len(CORES)], proof, self._on_good, self._on_fault)
        self._traffic = Traffic(draw, self._reached)
        self._mutator = Mutator(draw, self._pool, self._traffic)
        self._topics = [topic for topic in topics if proof is not None or topic not in RECOVERY_TOPICS]
        self._weights = [WEIGHTS[TOPICS.index(topic)] for topic in self._topics]
        self._made = 0
        self._burst: list[Bytes] = []

    def run(self, records: int) -> LifeResult:
        """Makes records and lets the shards take them, up to a broken promise after which they can't go on."""
        try:
            self._send([self._good(sent) for sent in self._traffic.opening()])
            restarts = sorted(self._draw.randrange(records) for _ in range(RESTARTS))
            while self._made < records and len(self._findings) < FINDINGS_MAX:
                self._send(self._burst_of(min(self._draw.choice(BURSTS), records - self._made)))
                while restarts and self._made >= restarts[0]:
                    restarts.pop(0)
                    self._pair.check_states()
                    self._pair.restart(self._draw.choice(self._pair.keys))
            self._pair.check_states()
            for key in self._pair.keys:
                self._pair.restart(key)
                self._pair.replay(key)
        except Fault as fault:
            self._on_fault(fault)
        return LifeResult(self._made, self._pair.records, self._pair.refused, self._findings)

    def _reached(self, symbol: str) -> int:
        """Returns the time of a symbol's market, or of the slowest that a heartbeat without symbol moves."""
        times = [self._market_time(name) for name in ([symbol] if symbol else SYMBOLS)]
        return max(time for time in (0, *times) if time < self._traffic.now_ns + FAR_NS)

    def _market_time(self, symbol: str) -> int:
        shard = self._pair.shards[EXECUTION, partition_of(symbol, PARTITIONS)].processor.shard
        assert isinstance(shard, ExecutionShard)
        venue = shard.venues.get(symbol)
        return max(venue.time_ns, venue._data_ns) if venue is not None else 0

    def _send(self, burst: list[Bytes]) -> None:
        self._burst = burst
        for sent in burst:
            self._pair.add(sent)
        self._made += len(burst)
        self._pair.run(self._traffic.now_ns + MS)

    def _burst_of(self, count: int) -> list[Bytes]:
        draw, burst = self._draw, []
        market_may_jump = False
        for _ in range(count):
            sent = None
            if draw.random() >= GOOD_SHARE:
                sent = self._mutator.mutant(draw.choices(self._topics, self._weights)[0], self._traffic.now_ns + MS)
            if sent is None:
                sent = self._good(self._traffic.next())
            if sent.topic == "market.data":
                if sent.fate is Fate.EITHER:
                    market_may_jump = True
                elif market_may_jump and sent.fate is Fate.TAKEN:
                    sent = sent._replace(fate=Fate.EITHER)
            burst.append(sent)
        return burst

    def _good(self, sent: Sent) -> Bytes:
        value = CODEC.encode(sent.topic, sent.message)
        partition, fate, change = partition_of(sent.key, PARTITIONS), Fate.TAKEN, ""
        if sent.topic == "market.data":
            jumped = max(map(self._market_time, SYMBOLS)) > self._traffic.now_ns + FAR_NS
            fate = Fate.EITHER if jumped else fate
        key = sent.key.encode()
        return Bytes(sent.topic, partition, key, value, (), self._traffic.now_ns + MS, fate, change)

    def _on_good(self, record: RawRecord) -> None:
        if self._draw.random() < KEPT_SHARE and not (record.value and len(record.value) > 5_000):
            self._pool.add(record)

    def _on_fault(self, fault: Fault) -> None:
        self._findings.append(self._finding(fault))

    def _finding(self, fault: Fault) -> Finding:
        record = fault.record
        if record is None:
            changes = Counter(sent.topic for sent in self._burst)
            return Finding(
                fault.rule, "-", "", fault.where, fault.text, str(dict(changes)), self._seed, self._number, self._made
            )
        sent = [item for item in self._burst if (item.topic, item.value) == (record.topic, record.value)]
        change = sent[0].change or "valid" if sent else "written by the pipeline"
        shown = _shown(record)
        return Finding(
            fault.rule, record.topic, change, fault.where, fault.text, shown, self._seed, self._number, self._made
        )


def _shown(record: RawRecord) -> str:
    try:
        message = str(CODEC.decode(record.topic, record.value or b""))
    except UndecodableRecord as error:
        message = f"{error}; {(record.value or b'')[:200].hex()}"
    headers = str(record.headers)[:200]
    return (
        f"{record.topic}-{record.partition}@{record.offset} key {record.key!r:.60} headers {headers}\n{message[:1500]}"
    )
