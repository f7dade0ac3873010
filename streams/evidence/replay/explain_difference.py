"""Explains a difference that a verification found: the record, its fields, and the records of its order."""

from collections.abc import Iterator, Sequence
from typing import Any

from schemas.avro.codec import Codec
from schemas.records.output import Message
from streams.core.core_config import CoreConfig
from streams.evidence.decode_or_none import decode_or_none
from streams.pipeline.journal.kinds import ACCOUNTS, EXECUTION
from streams.pipeline.journal.log import LogReader
from streams.pipeline.journal.raw_records import RawOutput, RawRecord

ORDER_TOPICS = ("orders", "orders.approved", "executions", "order.results", "fills")


def explain_difference(
    record: RawRecord, candidates: Sequence[RawOutput], codec: Codec, reader: LogReader, config: CoreConfig
) -> str:
    """Returns a sentence, followed by a line for each record of the order.

    candidates: the outputs that the core makes next instead of the recorded one.
    """
    place = f"{record.topic}-{record.partition} offset {record.offset}"
    recorded = decode_or_none(codec, record.topic, record.value)
    outputs = (decode_or_none(codec, output.topic, output.value) for output in candidates)
    made = [message for message in outputs if message is not None]
    if recorded is None:
        return f"{place}: the core makes no such record next, and it can't be decoded"
    nearest = max(made, key=lambda message: _equal_fields(recorded, message), default=None)
    if nearest is None:
        return f"{place}: the core makes no record here; recorded is {_text(recorded)}"
    fields = _different(recorded, nearest)
    told = ", ".join(f"{name} is {old!r}, the core makes {new!r}" for name, old, new in fields)
    order_id, account_id = getattr(recorded, "order_id", None), getattr(recorded, "account_id", None)
    sentence = f"{place}{f', order {order_id}' if order_id else ''}: {told or 'other bytes for equal fields'}"
    if not order_id or not account_id:
        return sentence
    return "\n    ".join([sentence, *_order_records(order_id, account_id, codec, reader, config)])


def _equal_fields(one: Message, other: Message) -> int:
    """Returns the number of equal fields."""
    return sum(a == b for a, b in zip(one, other, strict=False))


def _different(recorded: Any, made: Any) -> list[tuple[str, Any, Any]]:
    return [(name, old, new) for name, old, new in zip(recorded._fields, recorded, made, strict=False) if old != new]


def _text(message: Any) -> str:
    return ", ".join(f"{name}={value}" for name, value in message._asdict().items() if value is not None)


def _order_records(
    order_id: str, account_id: str, codec: Codec, reader: LogReader, config: CoreConfig
) -> Iterator[str]:
    for topic in ORDER_TOPICS:
        kind = EXECUTION if topic == "orders.approved" else ACCOUNTS
        for partition in range(kind.partitions(config)):
            for record in reader.read(topic, partition, 0):
                message = decode_or_none(codec, record.topic, record.value)
                found = (getattr(message, "order_id", None), getattr(message, "account_id", None))
                if found == (order_id, account_id):
                    yield f"{topic}-{record.partition} offset {record.offset}: {_text(message)}"
