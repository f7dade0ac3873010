"""Bad and odd records made of good ones: extreme fields, broken bytes, wrong keys and partitions, huge headers."""

from __future__ import annotations

from collections import deque
from enum import Enum
from random import Random
from typing import NamedTuple

from streams.pipeline.journal.partitions import partition_of
from streams.pipeline.journal.processor import FORWARDED_FROM
from streams.pipeline.journal.raw_records import Headers, RawRecord
from tests.fuzz.cores import PARTITIONS
from tests.fuzz.encoded_fields import INT64, cut, extremes, fields, header, longs, place, sized, zigzag
from tests.fuzz.traffic import Traffic

POOL = 48
"""Number of newest records of a topic from which mutants are made."""
KEYED = {"orders": "account_id", "controls": "account_id", "market.data": "symbol"}
"""Topics whose key must be a field of the record."""
IDS = {"orders": ("order_id",), "controls": ("control_id",), "orders.approved": ("order_id", "approval_id"),
       "executions": ("exec_id",)}  # fmt: skip
MIB = 1024 * 1024
MS_TIMES = (0, 1, -1_000_000, INT64[0], INT64[1], -(2**62), 4_102_444_800 * 10**9, 9_224_318_016 * 10**9)
"""Odd times of Kafka, UTC nanoseconds."""


class Fate(Enum):
    """The treatment that a record deserves."""

    TAKEN = "taken"
    REFUSED = "refused"
    EITHER = "either"


class Bytes(NamedTuple):
    """A record as it is sent. change: the change that was made to it, in words."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp_ns: int
    fate: Fate
    change: str


class Pool:
    """The newest records of each topic, cut into fields."""

    def __init__(self, draw: Random) -> None:
        self._draw = draw
        self._records: dict[str, deque[tuple[RawRecord, list[bytes]]]] = {}

    def add(self, record: RawRecord) -> None:
        """Keeps a good record."""
        if record.value is not None:
            kept = self._records.setdefault(record.topic, deque(maxlen=POOL))
            kept.append((record, cut(record.topic, record.value)))

    def pick(self, topic: str) -> tuple[RawRecord, list[bytes]] | None:
        """Returns a record and its fields."""
        kept = self._records.get(topic)
        return self._draw.choice(kept) if kept else None


class Mutator:
    """A maker of mutants of the records of a pool."""

    def __init__(self, draw: Random, pool: Pool, traffic: Traffic) -> None:
        self._draw = draw
        self._pool = pool
        self._traffic = traffic

    def mutant(self, topic: str, timestamp_ns: int) -> Bytes | None:
        """Returns a mutant of a record of a topic; None if there was none yet."""
        picked = self._pool.pick(topic)
        if picked is None:
            return None
        record, parts = picked
        make = self._with_odd_fields if self._draw.random() < 0.6 else self._broken
        return make(record._replace(timestamp_ns=timestamp_ns), parts)

    def _with_odd_fields(self, record: RawRecord, parts: list[bytes]) -> Bytes:
        draw, topic, parts = self._draw, record.topic, list(parts)
        self._make_new(topic, parts)
        names = []
        for _ in range(draw.choice((1, 1, 1, 1, 1, 2, 2, 3))):
            index = draw.randrange(len(parts))
            parts[index] = draw.choice(extremes(topic, index))
            names.append(f"{fields(topic)[index].name}={_shown(parts[index])}")
        key, partition = record.key, record.partition
        if topic in KEYED and draw.random() < 0.9:
            key, partition = self._key_of(parts[place(topic, KEYED[topic])], key, partition)
        value = header(topic) + b"".join(parts)
        headers = record.headers
        return Bytes(topic, partition, key, value, headers, record.timestamp_ns, Fate.EITHER, " ".join(names))

    def _make_new(self, topic: str, parts: list[bytes]) -> None:
        """Gives the copy ids and times of its own, without which most copies would be repeats."""
        if self._draw.random() < 0.1:
            return
        for name in IDS.get(topic, ()):
            parts[place(topic, name)] = sized(self._traffic.fresh_id("m").encode())
        if topic == "market.data":
            kinds, symbol = parts[place(topic, "kinds")], parts[place(topic, "symbol")]
            count, at = len(kinds) - 1 - (len(kinds) > 64), self._traffic.market_time(symbol[1:].decode())
            parts[place(topic, "times")] = longs((at,) * count)
            parts[place(topic, "ts")] = zigzag(at)

    def _key_of(self, part: bytes, key: bytes | None, partition: int) -> tuple[bytes | None, int]:
        """Returns the key and the partition that the encoded owner of a record asks for."""
        text = part[1:] if part[:1] == b"\x02" and len(part) > 1 and part[1] >> 1 == len(part) - 2 else part
        if len(text) < 2 or text[0] >> 1 != len(text) - 1:
            return key, partition
        try:
            return text[1:], partition_of(text[1:].decode(), PARTITIONS)
        except UnicodeDecodeError:
            return text[1:], partition

    def _broken(self, record: RawRecord, parts: list[bytes]) -> Bytes:
        draw, value = self._draw, record.value
        assert value is not None
        plan = draw.choice(PLANS)
        key, partition, headers, timestamp_ns = record.key, record.partition, record.headers, record.timestamp_ns
        fate, made = Fate.REFUSED, value
        if plan == "truncated":
            made = value[: draw.randrange(len(value))]
        elif plan == "bits flipped":
            flipped = bytearray(value)
            for _ in range(draw.choice((1, 1, 2, 8))):
                bit = draw.randrange(8 * len(value))
                flipped[bit >> 3] ^= 1 << (bit & 7)
            fate, made = Fate.EITHER, bytes(flipped)
        elif plan == "extended":
            made = value + draw.randbytes(draw.randint(1, 9))
        elif plan == "spliced":
            at = draw.randrange(5, len(value))
            fate, made = (
                Fate.EITHER,
                value[:at] + draw.randbytes(draw.randint(1, 12)) + value[at + draw.randrange(12) :],
            )
        elif plan == "a wrong magic byte":
            made = bytes([draw.randint(1, 255)]) + value[1:]
        elif plan == "an unknown schema":
            made = b"\x00" + draw.randint(1_000, 2**32 - 1).to_bytes(4, "big") + value[5:]
        elif plan == "another topic's schema":
            other = draw.choice(
                [topic for topic in OTHERS if topic.partition(".")[0] != record.topic.partition(".")[0]]
            )
            made = header(other) + value[5:]
        elif plan == "no value":
            return Bytes(record.topic, partition, key, draw.choice((None, b"")), headers, timestamp_ns, fate, plan)
        elif plan == "random bytes":
            made = draw.choice((b"", header(record.topic))) + draw.randbytes(draw.choice((0, 1, 7, 60, 3_000)))
            fate = Fate.EITHER
        else:
            return self._in_an_odd_envelope(record, parts, plan)
        return Bytes(record.topic, partition, key, made, headers, timestamp_ns, fate, plan)

    def _in_an_odd_envelope(self, record: RawRecord, parts: list[bytes], plan: str) -> Bytes:
        draw, topic, parts = self._draw, record.topic, list(parts)
        self._make_new(topic, parts)
        key, partition, headers, timestamp_ns = record.key, record.partition, record.headers, record.timestamp_ns
        if plan == "another key":
            key = draw.choice((None, b"", b"\xff\xfe", b"nobody", b"k" * 10_000, b"a\x00"))
        elif plan == "another partition":
            partition = 1 - partition
        elif plan == "a forwarding header":
            partition = draw.choice((partition, 1 - partition))
            headers = (*headers, (FORWARDED_FROM, draw.choice((b"0:0", b"", b"\xff", b"1:99999999999999999999"))))
        elif plan == "many headers":
            headers = tuple(
                (draw.choice(("", "h", "original.topic", "\ufffd")), b"v") for _ in range(draw.choice((1, 20, 500)))
            )
            partition = draw.choice((partition, 1 - partition))
        elif plan == "a huge header":
            headers = (("h", b"\x00" * (MIB - len(record.value or b"") - 200)),) if draw.random() < 0.05 else headers
            partition = draw.choice((partition, 1 - partition))
        else:
            timestamp_ns = draw.choice(MS_TIMES)
        value = header(topic) + b"".join(parts)
        return Bytes(topic, partition, key, value, headers, timestamp_ns, Fate.EITHER, plan)


PLANS = (
    "truncated", "bits flipped", "bits flipped", "bits flipped", "extended", "spliced", "spliced", "a wrong magic byte",
    "an unknown schema", "another topic's schema", "no value", "random bytes", "another key", "another partition",
    "a forwarding header", "many headers", "a huge header", "an odd time",
)  # fmt: skip
OTHERS = ("orders", "marks", "executions", "fills", "controls", "desk", "test.results", "market.data")


def _shown(part: bytes) -> str:
    return part.hex() if len(part) <= 24 else f"{part[:12].hex()}...({len(part)} bytes)"
