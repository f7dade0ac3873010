"""An account shard and an execution shard behind their processors, which take each other's outputs as bytes."""

from __future__ import annotations

import json
from collections import deque

from schemas.avro.codec import Codec
from schemas.memory_registry import MemoryRegistry
from schemas.records import messages
from schemas.records.output import Message
from streams.core.core_config import CoreConfig
from streams.pipeline.journal.kinds import ACCOUNTS, EXECUTION, ShardKind
from streams.pipeline.journal.processor import ShardProcessor
from streams.pipeline.journal.raw_records import RawOutput, RawRecord

TOPICS: dict[type[Message], str] = {
    messages.OrderRequest: "orders",
    messages.Control: "controls",
    messages.MarketData: "market.data",
    messages.ApprovedOrder: "orders.approved",
    messages.ExecutionReport: "executions",
    messages.Mark: "marks",
    messages.DeskReport: "desk",
}
"""The input topic of each record class."""


class ShardPair:
    """Both shards of a pipeline with one partition. Every record goes through the codec and a processor.

    letters: topic and error class of each dead letter so far. outputs: all records that the shards have written.
    """

    def __init__(self, config: CoreConfig) -> None:
        self.codec = Codec(MemoryRegistry())
        self.processors = {kind: ShardProcessor(kind, 0, config, self.codec) for kind in (ACCOUNTS, EXECUTION)}
        self.letters: list[tuple[str, str]] = []
        self.outputs: list[RawOutput] = []
        self._config = config
        self._offset = 0

    def send(self, *inputs: Message, written_ns: int = 0) -> None:
        """Delivers records in order, each with all that follows from it. written_ns: the broker's time of each."""
        for message in inputs:
            topic = TOPICS[type(message)]
            self.send_bytes(topic, key_of(topic, message), self.codec.encode(topic, message), written_ns)

    def send_bytes(self, topic: str, key: bytes | None, value: bytes, written_ns: int = 0) -> None:
        """Delivers the bytes of a record, with all that follows from it."""
        waiting = deque([RawOutput(topic, 0, key, value)])
        while waiting:
            item = waiting.popleft()
            self._offset += 1
            kind = ACCOUNTS if item.topic in ACCOUNTS.inputs else EXECUTION
            record = RawRecord(item.topic, 0, self._offset, item.key, item.value, written_ns, item.headers)
            self.processors[kind].take(record)
            transaction = self.processors[kind].finish()
            assert transaction is not None
            self.outputs += transaction.outputs
            for output in transaction.outputs:
                if output.topic.startswith("dlq."):
                    self.letters.append((item.topic, dict(output.headers)["error_class"].decode()))
                elif output.topic in ACCOUNTS.inputs or output.topic in EXECUTION.inputs:
                    waiting.append(output)

    def messages(self, topic: str) -> list[Message]:
        """Returns the records of a topic that the shards have written."""
        return [self.codec.decode(topic, item.value or b"") for item in self.outputs if item.topic == topic]

    def state(self) -> str:
        """Returns the state of both shards as JSON text, which a snapshot would hold."""
        return json.dumps([self.processors[kind].shard.to_state() for kind in (ACCOUNTS, EXECUTION)])

    def load(self, state: str) -> None:
        """Goes back to a state, without letters and outputs."""
        kinds: tuple[ShardKind, ...] = (ACCOUNTS, EXECUTION)
        for kind, item in zip(kinds, json.loads(state), strict=True):
            self.processors[kind].shard = kind.shard.from_state(self._config, 0, item)
        self.letters, self.outputs = [], []


def key_of(topic: str, message: Message) -> bytes | None:
    """Returns the key that a client gives a record."""
    field = {**ACCOUNTS.inputs, **EXECUTION.inputs}[topic]
    owner = getattr(message, field) if field else None
    return owner.encode() if owner else None
