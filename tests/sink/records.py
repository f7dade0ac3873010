"""Records for the sink's tests."""

from __future__ import annotations

from schemas.codec import Codec, SchemaSource
from streams.domain.enums import Action, OrderType, Side, TimeInForce
from streams.domain.messages import OrderRequest
from streams.journal.records import RawRecord


def order(number: int) -> OrderRequest:
    """A valid order with a number of its own."""
    return OrderRequest(
        Action.NEW, f"o-{number}", None, "acc-1", None, "AIG.US", Side.BUY, OrderType.LIMIT, TimeInForce.DAY,
        (number + 1) * 10**9, 49_120_000_000, 1_381_320_000_123_456_789 + number,
    )  # fmt: skip


def order_value(source: SchemaSource, number: int) -> bytes:
    """The same on the wire."""
    return Codec(source).encode("orders", order(number))


def record(value: bytes | None, offset: int, partition: int = 0, topic: str = "orders") -> RawRecord:
    """A record as the sink reads it."""
    return RawRecord(topic, partition, offset, b"acc-1", value, 1_700_000_000_000_000_000, (("origin", b"test"),))
