"""Records that must become dead letters, as a careless or hostile writer may send them."""

from __future__ import annotations

from io import BytesIO
from typing import Any, NamedTuple

from fastavro import parse_schema, schemaless_writer

from schemas.avro.codec import HEADER, MAGIC, Codec, SchemaSource
from schemas.avro.schema_resolution import without_decimals
from schemas.records.output import Message
from schemas.topic_schemas import load_schema
from streams.pipeline.journal.raw_records import Headers
from tests import builders

UNKNOWN_ID = 999_999
TOO_LARGE = b"z" * 9_000_000
"""Small enough when it is compressed."""
HEADERS: Headers = (("trace", b"\xff\x00"), ("topic", b"not ours"))
TEST_RESULT = {"suite": "s", "case": "c", "status": "PASSED", "duration_s": None, "commit": None, "text": None, "ts": 0}


class Garbage(NamedTuple):
    """A bad record and the error class of its letter."""

    key: bytes | None
    value: bytes | None
    error_class: str


def garbage(source: SchemaSource, topic: str) -> list[Garbage]:
    """Returns a bad record of each kind that a topic may get."""
    good = good_value(source, topic)
    marks = HEADER.pack(MAGIC, source.writer_id("marks"))
    records = [
        Garbage(b"A", b"garbage", "WRONG_MAGIC"),
        Garbage(b"A", b"\x00\x00", "WRONG_MAGIC"),
        Garbage(b"A", HEADER.pack(MAGIC, UNKNOWN_ID) + good[HEADER.size :], "UNKNOWN_SCHEMA"),
        Garbage(b"A", marks + good[HEADER.size :], "WRONG_SCHEMA"),
        Garbage(b"\xff", good[:-3], "NOT_READABLE"),
        Garbage(b"A", b"", "EMPTY_VALUE"),
        Garbage(None, b"", "EMPTY_VALUE"),
        Garbage(b"A", None, "NULL_VALUE"),
        Garbage(b"A", bytes(range(1, 256)) * 3_900, "WRONG_MAGIC"),
        Garbage(b"k" * 200_000, good[: HEADER.size] + b"\x07" * 700_000, "NOT_READABLE"),
    ]
    if topic == "orders":
        records += [
            Garbage(b"A", TOO_LARGE, "WRONG_MAGIC"),
            Garbage(None, good, "NULL_KEY"),
            Garbage(b"k" * 500_000, good, "WRONG_KEY"),
            Garbage(b"A", order_with(source, quantity=b"\x7f" * 30), "NUMBER_OUT_OF_RANGE"),
            Garbage(b"A", order_with(source, order_id="o" * 600_000), "TEXT_TOO_LONG"),
        ]
    if topic == "market.data":
        records.append(Garbage(b"A", market_data(source, "s" * 3_000_000), "TEXT_TOO_LONG"))
    return records


def good_value(source: SchemaSource, topic: str) -> bytes:
    """Returns a valid record."""
    messages: dict[str, Message] = {
        "orders": builders.new("good"),
        "controls": builders.opening("A"),
        "market.data": builders.quote(symbol="A"),
    }
    if topic in messages:
        return Codec(source).encode(topic, messages[topic])
    return encoded(source, topic, TEST_RESULT)


def order_with(source: SchemaSource, **fields: Any) -> bytes:
    """Encodes an order with arbitrary fields; decimals are bytes."""
    order = builders.new("absurd")._asdict() | {"quantity": b"\x01", "price": None} | fields
    return encoded(source, "orders", order)


def market_data(source: SchemaSource, symbol: str) -> bytes:
    """Returns a quote of a symbol."""
    return Codec(source).encode("market.data", builders.quote(symbol=symbol))


def encoded(source: SchemaSource, topic: str, fields: dict[str, Any]) -> bytes:
    """Encodes fields by fastavro, without the codec's checks."""
    body = BytesIO()
    schemaless_writer(body, parse_schema(without_decimals(load_schema(topic))), fields)
    return HEADER.pack(MAGIC, source.writer_id(topic)) + body.getvalue()
