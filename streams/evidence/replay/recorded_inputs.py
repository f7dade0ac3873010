"""Reads the inputs that clients sent to a recorded pipeline, in the order of their arrival."""

from collections.abc import Collection, Iterator
from heapq import merge
from typing import Any, NamedTuple

from schemas.avro.codec import Codec
from schemas.errors import UndecodableRecord
from schemas.records.messages import Journal
from schemas.records.output import Message
from streams.core.core_config import CoreConfig
from streams.errors import InputError
from streams.pipeline.journal.kinds import ACCOUNTS, EXECUTION, ShardKind
from streams.pipeline.journal.log import LogReader
from streams.pipeline.journal.partitions import partition_of
from streams.pipeline.journal.processor import FORWARDED_FROM

CLIENT_INPUTS: dict[str, ShardKind] = {"controls": ACCOUNTS, "market.data": EXECUTION, "orders": ACCOUNTS}
"""Topics that clients write, with the kind of shard that takes them. At one instant they come in this order."""


class ReplayInput(NamedTuple):
    """An input of a replay.

    Attributes:
        time_ns: UTC time of its arrival by Kafka, or its market time.
        rank: order of inputs at one time.
        partition: partition of the shard that takes it.
    """

    time_ns: int
    rank: int
    partition: int
    offset: int
    topic: str
    message: Message


def recorded_config(reader: LogReader, codec: Codec) -> CoreConfig:
    """Returns the configuration that account shard 0 recorded last. Raises InputError if there is none."""
    text: str | None = None
    for record in reader.read(ACCOUNTS.journal, 0, 0):
        assert record.value is not None
        journal: Journal = codec.decode(ACCOUNTS.journal, record.value)
        text = journal.config or text
    if text is None:
        raise InputError(f"{ACCOUNTS.journal}-0 holds no configuration: has a `paper worker` ever run here?")
    return CoreConfig.model_validate_json(text)


def recorded_inputs(
    reader: LogReader, codec: Codec, config: CoreConfig, topics: Collection[str] = tuple(CLIENT_INPUTS)
) -> Iterator[ReplayInput]:
    """Yields orders, controls and market data in the order of arrival, each once. Unreadable records are left out."""
    streams = [
        _of_partition(reader, codec, config, topic, rank, partition)
        for rank, (topic, kind) in enumerate(CLIENT_INPUTS.items())
        if topic in topics
        for partition in range(kind.partitions(config))
    ]
    return merge(*streams, key=lambda item: item[:4])


def _of_partition(
    reader: LogReader, codec: Codec, config: CoreConfig, topic: str, rank: int, partition: int
) -> Iterator[ReplayInput]:
    """Yields the inputs of a partition in its order. Clients' clocks differ, so times that step back are raised."""
    time_ns = 0
    kind = CLIENT_INPUTS[topic]
    for record in reader.read(topic, partition, 0):
        time_ns = max(time_ns, record.timestamp_ns)
        if record.value is None or any(name == FORWARDED_FROM for name, _ in record.headers):
            continue
        try:
            message = codec.decode(topic, record.value)
        except UndecodableRecord:
            continue
        owner = _owner(kind, topic, message)
        right = partition_of(owner, kind.partitions(config)) if owner else partition
        yield ReplayInput(time_ns, rank, right, record.offset, topic, message)


def _owner(kind: ShardKind, topic: str, message: Any) -> str | None:
    field = kind.inputs[topic]
    owner: str | None = getattr(message, field) if field else None
    return owner or None
