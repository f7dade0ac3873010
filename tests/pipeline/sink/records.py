"""Records for the sink's tests."""

from __future__ import annotations

from schemas.avro.codec import Codec, SchemaSource
from schemas.records.enums import Action, Liquidity, OrderType, Side, TimeInForce
from schemas.records.messages import Fill, OrderRequest
from streams.pipeline.journal.raw_records import RawRecord


def order(number: int) -> OrderRequest:
    """Returns a valid order with a number."""
    return OrderRequest(
        Action.NEW, f"o-{number}", None, "acc-1", None, "AIG.US", Side.BUY, OrderType.LIMIT, TimeInForce.DAY,
        (number + 1) * 10**9, 49_120_000_000, 1_381_320_000_123_456_789 + number,
    )  # fmt: skip


def order_value(source: SchemaSource, number: int) -> bytes:
    """Returns the order in wire format."""
    return Codec(source).encode("orders", order(number))


def fill(number: int) -> Fill:
    """Returns a fill with a number. No shard reads fills, so the sink writes their dead letters."""
    return Fill(
        f"x-{number}", f"o-{number}", "acc-1", None, None, "AIG.US", Side.BUY, 10**9, 10**9, 10**18, 0, "USD",
        Liquidity.REMOVED, 0, 10**9, 10**9, -(10**18), None, None, None, None, None, None, 1_381_320_000_123_456_789,
    )  # fmt: skip


def fill_value(source: SchemaSource, number: int) -> bytes:
    """Returns the fill in wire format."""
    return Codec(source).encode("fills", fill(number))


def record(value: bytes | None, offset: int, partition: int = 0, topic: str = "orders") -> RawRecord:
    """Returns a record as the sink reads it."""
    return RawRecord(topic, partition, offset, b"acc-1", value, 1_700_000_000_000_000_000, (("origin", b"test"),))
