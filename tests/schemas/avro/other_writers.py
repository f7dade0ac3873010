"""Programs that write a topic with a schema of their own, without our codec."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from fastavro import parse_schema, schemaless_writer

from schemas.avro.schema_resolution import without_decimals
from schemas.memory_registry import MemoryRegistry

OTHER_ID = 4711
OTHER_HEADER = b"\x00" + OTHER_ID.to_bytes(4, "big")


class OtherWriter(MemoryRegistry):
    """Also knows one schema that is not ours."""

    def __init__(self, schema: Any) -> None:
        super().__init__()
        self.schema = schema

    def schema_by_id(self, schema_id: int) -> dict[str, Any]:
        known: dict[str, Any] = self.schema if schema_id == OTHER_ID else super().schema_by_id(schema_id)
        return known


def written(schema: dict[str, Any], record: dict[str, Any]) -> bytes:
    """The value of a Kafka record by such a program. Decimals as bytes."""
    buffer = BytesIO()
    schemaless_writer(buffer, parse_schema(without_decimals(schema)), record)
    return OTHER_HEADER + buffer.getvalue()
