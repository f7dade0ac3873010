"""Bad records for every topic, as bytes: what a careless or hostile writer may send to the sink."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import Any, NamedTuple

from fastavro import parse_schema, schemaless_writer

from infra.kafka.topics import BY_NAME, TOPICS
from schemas.avro.codec import HEADER, MAGIC, SchemaSource
from schemas.avro.schema_resolution import without_decimals
from schemas.topic_schemas import load_schema

UNKNOWN_ID = 999_999
HUGE = b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01"
"""2^63 - 1 as Avro writes it: a length, an index or a number."""
LOWEST = b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"
"""-2^63."""
OVERLONG = b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"


class Sent(NamedTuple):
    """A record for a topic. kind: short text for messages."""

    topic: str
    kind: str
    value: bytes | None
    key: bytes | None = b"A"
    headers: tuple[tuple[str, bytes | None], ...] = ()


def simplest(topic: str) -> dict[str, Any]:
    """Returns a record in which every field is null, zero, empty or the first symbol."""
    return {field["name"]: _simplest(field["type"]) for field in without_decimals(load_schema(topic))["fields"]}


def _simplest(avro: Any) -> Any:
    if isinstance(avro, list):
        return None
    kind = avro if isinstance(avro, str) else avro["type"]
    if kind == "enum":
        return avro["symbols"][0]
    plain: dict[str, Any] = {"string": "", "bytes": b"", "array": [], "boolean": False, "double": 0.0}
    return plain.get(kind, 0)


def encoded(source: SchemaSource, topic: str, fields: dict[str, Any]) -> bytes:
    """Encodes fields without the codec's checks; decimals are bytes."""
    body = BytesIO()
    schemaless_writer(body, parse_schema(without_decimals(load_schema(topic))), fields)
    return HEADER.pack(MAGIC, source.writer_id(topic)) + body.getvalue()


def nonsense_records(source: SchemaSource, topic: str) -> Iterator[Sent]:
    """Yields records that can be read, but that the pipeline never writes."""
    for kind, number, text in (
        ("zeros", 0, ""),
        ("ones", 1, "A"),
        ("lowest", -(2**63), "\x00'\"\\%{}\n"),
        ("highest", 2**63 - 1, "\U0001f4b8" * 1_000),
    ):
        fields = {
            field["name"]: _extreme(field["type"], number, text, place)
            for place, field in enumerate(load_schema(topic)["fields"])
        }
        yield Sent(topic, f"nonsense: {kind}", encoded(source, topic, fields))


def _extreme(avro: Any, number: int, text: str, place: int) -> Any:
    """Returns an extreme value of a type. Lists get lengths that differ from field to field."""
    if isinstance(avro, list):
        return _extreme(avro[1], number, text, place)
    kind = avro if isinstance(avro, str) else avro["type"]
    if kind == "enum":
        return avro["symbols"][-1 if number else 0]
    if kind == "array":
        return [_extreme(avro["items"], number, text, place)] * (place % 3)
    if kind == "int":
        return max(min(number, 2**31 - 1), -(2**31))
    if kind == "bytes" and isinstance(avro, dict) and "precision" in avro:
        most = 10 ** avro["precision"] - 1
        bounded = max(min(number, most), -most)
        return (most if number > 2**62 else bounded).to_bytes(17, "big", signed=True).lstrip(b"\x00") or b"\x00"
    values: dict[str, Any] = {"string": text, "bytes": text.encode(), "boolean": bool(number), "double": float(number)}
    return values.get(kind, number)


def unreadable_records(source: SchemaSource, topic: str) -> Iterator[Sent]:
    """Yields records of a topic with a schema that nothing can read."""
    header = HEADER.pack(MAGIC, source.writer_id(topic))
    body = encoded(source, topic, simplest(topic))[HEADER.size :]
    other = HEADER.pack(MAGIC, source.writer_id("marks" if topic != "marks" else "fills"))
    size = BY_NAME[topic].max_message_bytes - 2_000
    values: dict[str, bytes | None] = {
        "no bytes": b"",
        "one byte": b"\x00",
        "text": b"garbage",
        "a header alone": header,
        "half a header": header[:3],
        "unknown schema": HEADER.pack(MAGIC, UNKNOWN_ID) + body,
        "schema id 0": HEADER.pack(MAGIC, 0) + body,
        "highest schema id": b"\x00\xff\xff\xff\xff" + body,
        "schema of another topic": other + body,
        "cut": header + body[:-1],
        "trailing byte": header + body + b"\x00",
        "huge number first": header + HUGE + body,
        "lowest number first": header + LOWEST + body,
        "huge numbers": header + HUGE * 50,
        "lowest numbers": header + LOWEST * 50,
        "overlong number": header + OVERLONG * 10,
        "ones": header + b"\xff" * 300,
        "large": b"z" * size,
        "large behind a header": header + b"\x07" * size,
    }
    if not BY_NAME[topic].compacted:
        values["null"] = None
    for kind, value in values.items():
        yield Sent(topic, kind, value)
    if not BY_NAME[topic].compacted:
        yield Sent(topic, "without key", b"garbage", None)
    yield Sent(
        topic, "with headers", b"garbage", b"\xff\xfe", (("", b""), ("ü\n", None), ("a", b"\xff\x00"), ("a", b""))
    )
    yield Sent(
        topic, "headers of a letter", b"garbage", b"A", (("stage", b"sink"), ("offset", b"0"), ("partition", b"0"))
    )


def foreign_letters(topic: str) -> Iterator[Sent]:
    """Yields records of a dlq topic that are no letters of ours."""
    box = f"dlq.{topic}"
    yield Sent(box, "null", None)
    yield Sent(box, "nothing", b"", None)
    yield Sent(box, "bytes", b"\xff\xfe\x00" * 100, b"\xff" * 100)
    yield Sent(box, "large", b"z" * BY_NAME[topic].max_message_bytes)
    yield Sent(
        box, "headers", b"x", b"A", (("offset", b"-1"), ("partition", b"x"), ("topic", b"\xff"), ("stage", None))
    )
    yield Sent(box, "numbers", b"x", b"A", (("offset", b"9" * 19), ("partition", b"9" * 19), ("topic", topic.encode())))


def every_topic(source: SchemaSource) -> Iterator[Sent]:
    """Yields garbage for every topic that the sink reads."""
    for topic in TOPICS:
        yield from nonsense_records(source, topic.name)
        yield from unreadable_records(source, topic.name)
        yield from foreign_letters(topic.name)
