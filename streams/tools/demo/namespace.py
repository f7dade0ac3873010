"""Namespaces: topics, schemas and rows of one run, apart from all others, and their removal."""

import time
from collections.abc import Callable
from contextlib import closing

from confluent_kafka.admin import AdminClient

from infra.clickhouse.client import connect
from infra.kafka.acls import remove_access
from infra.kafka.client_config import client_config
from infra.kafka.topics import delete_topics
from infra.principal import ADMIN
from infra.settings import Settings
from streams.pipeline.prepare import prepare_pipeline

NAME = "demo"
ADMIN_TIMEOUT_S = 30.0
TABLES_WITH_RUNS = """
SELECT table FROM system.columns WHERE database = currentDatabase() AND name = 'run_id' AND table NOT LIKE 'v\\_%'
"""


def fresh_namespace(settings: Settings, name: str, on_progress: Callable[[str], None]) -> Settings:
    """Removes the earlier runs of a name, prepares the topics of a new run and returns its settings.

    The topics are NAME-<seconds>.*, the rows have run_id NAME-<seconds>.
    """
    remove_runs(settings, name)
    run_id = f"{name}-{int(time.time())}"
    fresh = settings.model_copy(update={"topic_prefix": f"{run_id}.", "run_id": run_id})
    prepare_pipeline(fresh)
    on_progress(f"topics {fresh.topic_prefix}*, ClickHouse rows with run_id {fresh.run_id}")
    return fresh


def nested_namespace(settings: Settings, name: str) -> Settings:
    """Prepares further topics of a run, and returns their settings; remove_runs removes them together with the run."""
    run_id = f"{settings.run_id}-{name}"
    nested = settings.model_copy(update={"topic_prefix": f"{run_id}.", "run_id": run_id})
    prepare_pipeline(nested)
    return nested


def remove_runs(settings: Settings, name: str) -> None:
    """Deletes the topics, permissions and rows of all runs of a name."""
    admin = AdminClient(client_config(settings, ADMIN))
    topics = [topic for topic in admin.list_topics(timeout=ADMIN_TIMEOUT_S).topics if topic.startswith(f"{name}-")]
    delete_topics(settings, topics)
    remove_access(settings, f"{name}-")
    with closing(connect(settings)) as client:
        for (table,) in client.query(TABLES_WITH_RUNS).result_rows:
            client.command(
                f"DELETE FROM {table} WHERE startsWith(run_id, {{prefix:String}})", parameters={"prefix": f"{name}-"}
            )
