"""The topics that a run's rows come from: noted at the sink's first start, compared at each later one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from infra.settings import Settings
from streams.errors import SinkError

TABLE = "run_topics"


class RunTable(Protocol):
    """Queries and rows of a run; implemented by streams.pipeline.sink.tables.Tables."""

    def query(self, query: str, parameters: dict[str, Any]) -> list[Any]:
        """Returns the rows of a query, which may use the parameter run_id."""
        ...

    def append(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Adds rows of this run to a table."""
        ...


class TopicOrigin(NamedTuple):
    """The identity of a topic: TOPIC_PREFIX, and the ids that Kafka gave the cluster and the topic."""

    topic_prefix: str
    cluster_id: str
    topic_id: str


def require_same_topics(tables: RunTable, settings: Settings, cluster_id: str, topic_ids: Mapping[str, str]) -> None:
    """Notes the topics that the run does not have yet, and compares the others. topic_ids: by base name.

    Raises:
        SinkError: the run has rows of other topics.
    """
    present = {base: TopicOrigin(settings.topic_prefix, cluster_id, topic_id) for base, topic_id in topic_ids.items()}
    noted = _noted(tables)
    if new := [{"topic": base} | origin._asdict() for base, origin in present.items() if base not in noted]:
        tables.append(TABLE, new)
        # Another sink may have noted other topics meanwhile. All sinks see the same first entry.
        noted = _noted(tables)
    for base, origin in present.items():
        known = noted[base]
        if (known.cluster_id, known.topic_id) != (origin.cluster_id, origin.topic_id):
            raise SinkError(_refusal(settings, base, known, origin))


def _noted(tables: RunTable) -> dict[str, TopicOrigin]:
    query = (
        "SELECT topic, argMin((topic_prefix, cluster_id, topic_id), (noted, cluster_id, topic_id)) "
        f"FROM {TABLE} WHERE run_id = {{run_id:String}} GROUP BY topic"
    )
    return {topic: TopicOrigin(*origin) for topic, origin in tables.query(query, {})}


def _refusal(settings: Settings, base: str, known: TopicOrigin, origin: TopicOrigin) -> str:
    remedy = "set a new RUN_ID (environment or .env) for every process of this pipeline"
    if known.topic_prefix != origin.topic_prefix:
        remedy += f", or TOPIC_PREFIX={known.topic_prefix} to go on with the old pipeline"
    return (
        f"RUN_ID={settings.run_id} is the name of another pipeline: its rows in {settings.clickhouse_database} come "
        f"from {known.topic_prefix}{base} (topic id {known.topic_id}, cluster {known.cluster_id}), but this sink would "
        f"read {origin.topic_prefix}{base} (topic id {origin.topic_id}, cluster {origin.cluster_id}); {remedy}"
    )
