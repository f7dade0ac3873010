"""Encoded records cut into their fields, and extreme encodings of each field, valid ones and malformed ones."""

from __future__ import annotations

from functools import cache

from schemas.avro.codec import HEADER, MAGIC
from schemas.avro.layout import (
    BOOLEAN,
    BYTES,
    DECIMAL,
    DOUBLE,
    ENUM,
    INT,
    LONGS,
    STRING,
    STRINGS,
    Field,
    layout,
)
from schemas.memory_registry import MemoryRegistry
from schemas.topic_schemas import load_schema
from tests.builders import SECOND, START

REGISTRY = MemoryRegistry()
NULL, PRESENT = b"\x00", b"\x02"
DAY = 86_400 * SECOND
INT64 = (-(2**63), 2**63 - 1)
TEXT_CHARS = 10_000
"""Longest text that clients may send (streams.pipeline.journal.processor)."""
EDGES = (
    0, 1, -1, 2, 127, 10**9, -(10**9), 2**31 - 1, -(2**31), 2**53 + 1, 10**18 - 1, 10**18, -(10**18) + 1, *INT64,
    INT64[0] + 1, INT64[1] - 1,
)  # fmt: skip
TIMES = (START - 10 * 365 * DAY, START - DAY, START - 1, START + DAY, START + 365 * DAY, 9_224_318_016 * SECOND)
"""Years, a day and a nanosecond before the market's start; a day and a year after it; the year 2262."""
TEXTS = (
    b"",
    b" ",
    b"A",
    b"ABC",
    b"-",
    b"\x00",
    b"a\nb",
    b"\x1b[2J",
    b"\x7f",
    "\u202e".encode(),
    "\U0001f4a3".encode(),
    b"9" * 40,
    b"0",
    b"-1",
    b"1e999",
    b"NaN",
    b"{}",
    b"[]",
    b"null",
    b'{"a":' * 200,
    b"' OR 1=1",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"x" * TEXT_CHARS,
    b"x" * (TEXT_CHARS + 1),
    "\u00e9".encode() * TEXT_CHARS,
)
LIMITS = (
    b'{"max_position": null}',
    b'{"leverage": "1e60"}',
    b'{"leverage": "0"}',
    b'{"leverage": "-1"}',
    b'{"order_rate": 0}',
    b'{"message_rate": 99999999999999999999}',
    b'{"max_order_quantity": "999999999999999999"}',
    b'{"long_only": true}',
    b'{"price_collar": {"percent": "1e-30"}}',
    b'{"breakers": {"x": {"kind": "drawdown", "percent": "0.000000001"}}}',
    b'{"breakers": {"x": {"kind": "loss", "amount": "99999999999999999999"}}}',
    b'{"breakers": null}',
    b'{"breakers": {}}',
    b'{"breakers": {"x": {"kind": "frequency", "limit": 1, "window_ms": 1}}}',
    b'{"order_types": []}',
    b'{"restricted": [""]}',
    b'{"breakers": {"x": {"kind": "loss", "percent": "1", "window_ms": 99999999999999999999999}}}',
    b'{"max_margin": "1e400"}',
    b'{"stale_mark": 0}',
    b'{"stale_mark": 99999999999999999999999}',
    b'{"cancel_ratio": {"limit": "0", "window_ms": 1}}',
    b'{"breakers": {"x": {"kind": "error_rate", "percent": "100", "window_ms": 9223372036854775807}}}',
    b'{"breakers": {"x": {"kind": "market_data_gap", "gap_ms": 9999999999999999999}}}',
    b'{"repeated_order": {"limit": 1}}',
)
DECISION = b'{"kind": "DECISION", "strategy_id": "s1", "decision_id": %s}'
AUTHORISATIONS = (
    DECISION % b'"d", "level": "FULL_LIVE", "expires_ts": 9223372036854775807',
    DECISION % b'"e", "level": "LIMITED_LIVE", "expires_ts": -1, "limits": {"x": "y"}',
    b'{"kind": "APPROVAL", "strategy_id": "s1", "decision_id": "d"}',
    b'{"kind": "REVOCATION", "strategy_id": "s1", "decision_id": "d"}',
    DECISION % b'"f", "expires_ts": 99999999999999999999999999',
)
KINDS = (b"", b"Q", b"T", b"B", b"H", b"R", b"S", b"QQ", b"TQ", b"SS", b"HRS", b"Z", b"Q" * 20, b"T" * 200)
KNOWN_TEXTS: dict[str, tuple[bytes, ...]] = {
    "limits": LIMITS,
    "authorisation": AUTHORISATIONS,
    "kinds": KINDS,
    "aggressors": (b"B", b"S", b"-", b"BS", b"X"),
    "symbol": (b"ABC", b"XYZ", b"EURUSD", b"DAX", b"UNKNOWN"),
    "account_id": (b"A", b"B", b"C", b"D", b"nobody"),
    "strategy_id": (b"s1", b"s2"),
    "breaker": (b"drawdown", b"loss", b"errors", b"frequency", b"desk-loss"),
    "currency": (b"USD", b"EUR", b"JPY", b"XXX"),
    "simulator": (b"top-of-book", b"mock"),
    "config": (b"{}", b'{"account_partitions": 1, "execution_partitions": 1}'),
}
"""Texts that a field's reader takes for something."""


def zigzag(number: int) -> bytes:
    """Returns an Avro long; a number beyond 64 bits gives one that is too long."""
    rest = number << 1 if number >= 0 else (-number << 1) - 1
    encoded = bytearray()
    while rest > 0x7F:
        encoded.append(rest & 0x7F | 0x80)
        rest >>= 7
    return bytes([*encoded, rest])


def sized(data: bytes) -> bytes:
    """Returns Avro bytes or an Avro string."""
    return zigzag(len(data)) + data


def decimal(number: int) -> bytes:
    """Returns an Avro decimal of any size."""
    size = (number + (number < 0)).bit_length() // 8 + 1
    return sized(number.to_bytes(size, "big", signed=True))


def longs(numbers: tuple[int, ...]) -> bytes:
    """Returns an Avro array of longs in one block."""
    items = b"".join(map(zigzag, numbers))
    return zigzag(len(numbers)) + items + b"\x00" if numbers else b"\x00"


@cache
def header(topic: str) -> bytes:
    """Returns the bytes before the body of a topic's record."""
    return HEADER.pack(MAGIC, REGISTRY.writer_id(topic))


@cache
def fields(topic: str) -> list[Field]:
    """Returns the layout of a topic."""
    return layout(load_schema(topic))


@cache
def place(topic: str, name: str) -> int:
    """Returns the index of a field."""
    return [field.name for field in fields(topic)].index(name)


def cut(topic: str, value: bytes) -> list[bytes]:
    """Returns the encoded fields of a well-formed record; header(topic) and they, joined, are the record."""
    parts: list[bytes] = []
    at = HEADER.size
    for field in fields(topic):
        start = at
        if field.optional:
            at += 1
            if value[start] == 0:
                parts.append(NULL)
                continue
        at = _end(value, at, field.kind)
        parts.append(value[start:at])
    return parts


def _end(value: bytes, at: int, kind: int) -> int:
    if kind in (STRING, DECIMAL, BYTES):
        length, at = _long(value, at)
        return at + length
    if kind == BOOLEAN:
        return at + 1
    if kind == DOUBLE:
        return at + 8
    if kind not in (LONGS, STRINGS):
        return _long(value, at)[1]
    while True:
        count, at = _long(value, at)
        if count == 0:
            return at
        for _ in range(count):
            length, at = _long(value, at)
            at += length if kind == STRINGS else 0


def _long(value: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = value[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return (number >> 1) ^ -(number & 1), at
        shift += 7


@cache
def extremes(topic: str, index: int) -> list[bytes]:
    """Returns extreme encodings of a field of a topic."""
    field = fields(topic)[index]
    found = _extremes(field)
    if not field.optional:
        return found
    return [NULL, NULL, *(PRESENT + item for item in found), b"\x01", b"\x04", b"\x82\x00"]


def _extremes(field: Field) -> list[bytes]:
    kind = field.kind
    if kind == STRING:
        return [sized(text) for text in (*KNOWN_TEXTS.get(field.name, ()) * 3, *TEXTS)] + [zigzag(-1), zigzag(2**40)]
    if kind == BYTES:
        return [sized(data) for data in (b"", b"\x00", b"x\x9c\x03\x00\x00\x00\x00\x01", b"garbage")] + [zigzag(-1)]
    if kind == DECIMAL:
        top = field.limit
        return [decimal(number) for number in (*EDGES, top - 1, 1 - top, top, -top, top // 2, 10**60)] + [
            b"\x00",
            sized(b"\x00" * 21),
        ]
    if kind == ENUM:
        return [zigzag(number) for number in (*range(len(field.members)), len(field.members), -1, 2**40)]
    if kind == BOOLEAN:
        return [b"\x00", b"\x01", b"\x02"]
    if kind == LONGS:
        return _arrays()
    if kind == STRINGS:
        return [b"\x00", b"\x02\x00\x00", b"\x04\x02A\x02B\x00", b"\x02\x0corders\x00", zigzag(2**50)]
    if kind == DOUBLE:
        return [b"\x00" * 8, b"\xff" * 8, b"\x00" * 6 + b"\xf0\x7f"]
    beyond = [zigzag(2**31), zigzag(-(2**31) - 1)] if kind == INT else []
    return [zigzag(number) for number in (*EDGES, *TIMES, 2**63, -(2**64))] + beyond + [b"\x80\x00", b"\xff" * 11]


def _arrays() -> list[bytes]:
    rows: list[tuple[int, ...]] = [(), (0,), (1,), (-1,), (1, 1), (2, 1), (10**9,) * 3, (10**9,) * 20, (0,) * 200]
    rows += [(number,) for number in EDGES]
    rows += [(1, 2**63 - 1), (-(2**63), 2**63 - 1), (1_000_000,), (7,), (3,)]
    blocks = [b"\x01\x02\x04\x00", b"\x02\x04\x02\x04\x00", zigzag(2**50), zigzag(-(2**63)), b"\x02\x04"]
    return [longs(row) for row in rows] + blocks
