"""Other programs that write a topic with their own schema, without this project's codec."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from fastavro import parse_schema, schemaless_writer

from schemas.avro.schema_resolution import without_decimals
from schemas.memory_registry import MemoryRegistry

OTHER_ID = 4711
OTHER_HEADER = b"\x00" + OTHER_ID.to_bytes(4, "big")


class OtherWriter(MemoryRegistry):
    """A registry that also holds one schema of another program."""

    def __init__(self, schema: Any) -> None:
        super().__init__()
        self.schema = schema

    def schema_by_id(self, topic: str, schema_id: int) -> dict[str, Any]:
        known: dict[str, Any] = self.schema if schema_id == OTHER_ID else super().schema_by_id(topic, schema_id)
        return known


def written(schema: dict[str, Any], record: dict[str, Any]) -> bytes:
    """Returns the value of a Kafka record of such a program; decimals are bytes."""
    buffer = BytesIO()
    schemaless_writer(buffer, parse_schema(without_decimals(schema)), record)
    return OTHER_HEADER + buffer.getvalue()
