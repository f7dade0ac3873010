"""A pipeline in memory: real processors and the real core, with lists as topics."""

from __future__ import annotations

from dataclasses import replace

from schemas.avro.codec import Codec
from schemas.memory_registry import MemoryRegistry
from schemas.records.output import Message
from streams.core.core_config import CoreConfig
from streams.pipeline.journal.kinds import KINDS, ShardKind
from streams.pipeline.journal.log import LogWriter
from streams.pipeline.journal.memory_log import MemoryLog
from streams.pipeline.journal.owned_shard import OwnedShard, take_over
from streams.pipeline.journal.partitions import partition_of
from streams.pipeline.journal.processor import ShardProcessor
from streams.pipeline.journal.provenance import Proof
from streams.pipeline.journal.raw_records import RawRecord
from streams.pipeline.journal.snapshots import SnapshotPolicy
from streams.pipeline.journal.transaction import Transaction
from tests import builders

PARTITIONS = 2
SNAPSHOT_EVERY = 7


class ProvingWriter:
    """A LogWriter in memory whose records carry proofs."""

    def __init__(self, log: MemoryLog, name: str, proof: Proof) -> None:
        self._log = log
        self._source = name.encode()
        self._proof = proof

    def commit(self, transaction: Transaction) -> int:
        records = self._proof.proven(self._source, transaction.sequence, transaction.records)
        outputs, journal = records[: len(transaction.outputs)], records[len(transaction.outputs)]
        snapshot = records[len(outputs) + 1 :]
        lost = [made._replace(output=self._proof.proven_at(self._source, *made)) for made in transaction.lost]
        return self._log.commit(replace(transaction, outputs=outputs, journal=journal, snapshot=snapshot, lost=lost))

    def close(self) -> None:
        """Does nothing: every commit is complete."""


class MemoryPipeline:
    """All shards of a configuration."""

    def __init__(
        self,
        core: CoreConfig | None = None,
        snapshot_every: int = SNAPSHOT_EVERY,
        kinds: tuple[ShardKind, ...] = KINDS,
        proof: Proof | None = None,
        codec: Codec | None = None,
    ) -> None:
        self._kinds = kinds
        self._proof = proof
        self.config = core or builders.config(account_partitions=PARTITIONS, execution_partitions=PARTITIONS)
        self.codec = codec or Codec(MemoryRegistry())
        self.log = MemoryLog()
        self._snapshots = SnapshotPolicy(snapshot_every, 1_000_000, 0)
        self.shards: dict[tuple[ShardKind, int], OwnedShard] = {}
        self.take_over(self.config)

    def take_over(self, config: CoreConfig, first: ShardKind | None = None) -> None:
        """Takes all shards over, with a configuration. first: the kind that comes before the others."""
        for kind in sorted(self._kinds, key=lambda kind: kind is not first):
            for partition in range(kind.partitions(config)):
                shard = take_over(
                    kind, partition, config, self.codec, self.log, self._open_writer, self._snapshots, proof=self._proof
                )
                self.shards[kind, partition] = shard

    def _open_writer(self, name: str) -> LogWriter:
        return self.log if self._proof is None else ProvingWriter(self.log, name, self._proof)

    @property
    def processors(self) -> dict[tuple[ShardKind, int], ShardProcessor]:
        """The processors of all shards."""
        return {key: shard.processor for key, shard in self.shards.items()}

    def send(self, topic: str, key: str | None, message: Message, partition: int | None = None) -> RawRecord:
        """Sends a client's record, by default to the partition of its key."""
        value = self.codec.encode(topic, message)
        return self.send_bytes(topic, None if key is None else key.encode(), value, partition)

    def send_bytes(self, topic: str, key: bytes | None, value: bytes | None, partition: int | None = None) -> RawRecord:
        """Sends arbitrary bytes."""
        if partition is None:
            partition = partition_of((key or b"").decode(), PARTITIONS)
        return self.log.append(topic, partition, key, value)

    def run(self) -> None:
        """Lets every shard process its waiting records, in a transaction each, until all are idle."""
        while any([self._step(*key) for key in self.shards]):
            pass

    def run_once(self, name: str) -> None:
        """Lets every shard of a kind process its waiting records once."""
        for kind, partition in self.shards:
            if kind.name == name:
                self._step(kind, partition)

    def _step(self, kind: ShardKind, partition: int) -> bool:
        shard = self.shards[kind, partition]
        before = dict(shard.committed)
        for topic in kind.inputs:
            start = before.get(topic, 0)
            records = self.log.partitions[topic, partition][start:]
            if records:
                shard.take(start, records)
        shard.commit()
        return shard.committed != before

    def messages(self, topic: str) -> list[Message]:
        """Returns the decoded records of a topic, partition by partition."""
        count = max([partition for name, partition in self.log.partitions if name == topic], default=-1) + 1
        return [
            self.codec.decode(topic, record.value)
            for partition in range(count)
            for record in self.log.partitions[topic, partition]
            if record.value is not None
        ]


def traded(orders: int = 20, proof: Proof | None = None, snapshot_every: int = SNAPSHOT_EVERY) -> MemoryPipeline:
    """Returns a pipeline after a session with two accounts, filled, resting and refused orders, and a moving market."""
    pipeline = MemoryPipeline(proof=proof, snapshot_every=snapshot_every)
    for account in ("A", "B"):
        pipeline.send("controls", account, builders.opening(account))
    pipeline.send("market.data", "ABC", builders.quote())
    pipeline.run()
    for number in range(orders):
        account = "AB"[number % 2]
        price = ("10.02", "9.90", "10.00", None)[number % 4]
        quantity = "2000000" if number % 7 == 6 else "10"
        order = builders.new(f"o-{number}", quantity=quantity, price=price, account=account)
        pipeline.send("orders", account, order, partition=number % PARTITIONS)
        at = builders.START + (number + 1) * builders.SECOND
        pipeline.send("market.data", "ABC", builders.quote(at=at, ask="10.02" if number % 3 else "9.90", bid="9.88"))
        pipeline.run()
    return pipeline
