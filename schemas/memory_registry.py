"""An in-memory schema registry for tests and simulations; ids number the topics by name."""

from collections.abc import Iterable
from typing import Any

from schemas.errors import UndecodableRecord
from schemas.topic_schemas import all_topics, load_schema


class MemoryRegistry:
    """A registry that holds the project's own schemas alone; see schemas.avro.codec.SchemaSource."""

    def __init__(self) -> None:
        self._ids = {topic: number for number, topic in enumerate(all_topics(), 1)}
        self._topics = {number: topic for topic, number in self._ids.items()}

    def writer_id(self, topic: str) -> int:
        """See schemas.avro.codec.SchemaSource."""
        return self._ids[topic]

    def written_as(self, topic: str) -> dict[str, Any]:
        """See schemas.avro.codec.SchemaSource."""
        return load_schema(topic)

    def schema_by_id(self, topic: str, schema_id: int) -> dict[str, Any]:
        """See schemas.avro.codec.SchemaSource."""
        if schema_id not in self._topics:
            raise UndecodableRecord("UNKNOWN_SCHEMA", f"schema id {schema_id} is not registered")
        return load_schema(self._topics[schema_id])

    def unknown(self, topic: str, schema_ids: Iterable[int]) -> set[int]:
        """See schemas.avro.codec.SchemaSource."""
        return set()

    def learn(self, topic: str, schema_ids: Iterable[int]) -> None:
        """See schemas.avro.codec.SchemaSource."""
