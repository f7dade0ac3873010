"""A difference told: which record, which fields, and the story of the order that it belongs to."""

from collections.abc import Iterator, Sequence
from typing import Any

from schemas.avro.codec import Codec
from schemas.errors import UndecodableRecord
from schemas.records.output import Message
from streams.core.core_config import CoreConfig
from streams.pipeline.journal.kinds import ACCOUNTS, EXECUTION
from streams.pipeline.journal.log import LogReader
from streams.pipeline.journal.raw_records import RawOutput, RawRecord

STORY_TOPICS = ("orders", "orders.approved", "executions", "order.results", "fills")


def explain_difference(
    record: RawRecord, candidates: Sequence[RawOutput], codec: Codec, reader: LogReader, config: CoreConfig
) -> str:
    """A sentence, and the order's records behind it, a line each. candidates: what the core makes next instead."""
    place = f"{record.topic}-{record.partition} offset {record.offset}"
    recorded = _decoded(codec, record)
    made = [message for output in candidates if (message := _decoded(codec, output)) is not None]
    if recorded is None:
        return f"{place}: the core makes no such record next, and it can't be decoded"
    likest = max(made, key=lambda message: _shared(recorded, message), default=None)
    if likest is None:
        return f"{place}: the core makes no record here; recorded is {_text(recorded)}"
    fields = _different(recorded, likest)
    told = ", ".join(f"{name} is {old!r}, the core makes {new!r}" for name, old, new in fields)
    order_id, account_id = getattr(recorded, "order_id", None), getattr(recorded, "account_id", None)
    sentence = f"{place}{f', order {order_id}' if order_id else ''}: {told or 'other bytes for equal fields'}"
    if not order_id or not account_id:
        return sentence
    return "\n    ".join([sentence, *_story(order_id, account_id, codec, reader, config)])


def _decoded(codec: Codec, record: RawRecord | RawOutput) -> Any:
    try:
        return None if record.value is None else codec.decode(record.topic, record.value)
    except (UndecodableRecord, KeyError):
        return None


def _shared(one: Message, other: Message) -> int:
    """Equal fields, from the first on: ids come first."""
    return sum(a == b for a, b in zip(one, other, strict=False))


def _different(recorded: Any, made: Any) -> list[tuple[str, Any, Any]]:
    return [(name, old, new) for name, old, new in zip(recorded._fields, recorded, made, strict=False) if old != new]


def _text(message: Any) -> str:
    return ", ".join(f"{name}={value}" for name, value in message._asdict().items() if value is not None)


def _story(order_id: str, account_id: str, codec: Codec, reader: LogReader, config: CoreConfig) -> Iterator[str]:
    for topic in STORY_TOPICS:
        kind = EXECUTION if topic == "orders.approved" else ACCOUNTS
        for partition in range(kind.partitions(config)):
            for record in reader.read(topic, partition, 0):
                message = _decoded(codec, record)
                found = (getattr(message, "order_id", None), getattr(message, "account_id", None))
                if found == (order_id, account_id):
                    yield f"{topic}-{record.partition} offset {record.offset}: {_text(message)}"
