"""Stacks for tests: free ports, local servers, and pipelines that are removed again."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra import processes
from infra.clickhouse.client import connect
from infra.kafka.topics import BY_NAME, delete_topics, topic_name
from infra.settings import Settings
from infra.stack import local_stack
from streams.pipeline.prepare import prepare_pipeline, start_prepared_servers

# Below the range of ports that systems use for outgoing connections.
FIRST_PORT, LAST_PORT = 20_000, 32_000
STRUCTURE = """
SELECT name, create_table_query FROM system.tables WHERE database = {database:String} ORDER BY name
"""
FILLED = """
SELECT name FROM system.tables WHERE database = {database:String} AND total_rows > 0 AND name != 'schema_migrations'
"""
_ports = itertools.count(FIRST_PORT + os.getpid() * 16 % (LAST_PORT - FIRST_PORT))


def free_port() -> int:
    """Returns a port that is free on this machine, each time another one."""
    return next(
        port
        for port in (FIRST_PORT + (p - FIRST_PORT) % (LAST_PORT - FIRST_PORT) for p in _ports)
        if not processes.is_port_taken("127.0.0.1", port)
    )


def free_settings(home: Path) -> Settings:
    """Returns settings of a stack with a data folder and free ports of its own. Ignores the user's `.env`."""
    return Settings(
        _env_file=None,
        paper_home=home,
        kafka_bootstrap_servers=f"127.0.0.1:{free_port()}",
        kafka_controller_port=free_port(),
        schema_registry_url=f"http://127.0.0.1:{free_port()}/apis/ccompat/v7",
        clickhouse_url=f"http://127.0.0.1:{free_port()}",
        clickhouse_database="paper",
        topic_prefix="",
    )


@contextmanager
def native(settings: Settings) -> Iterator[None]:
    """Runs the local servers inside the block, and deletes all their data afterwards."""
    try:
        start_prepared_servers(settings)
        yield
    finally:
        local_stack.down(settings, purge=True)


def prepare(settings: Settings) -> None:
    """Creates topics, schemas and tables."""
    prepare_pipeline(settings)


@contextmanager
def clean_database(settings: Settings) -> Iterator[None]:
    """Leaves a database as it was before the block: empty, or absent if its structure has changed.

    Tables are made once, because a database with all of them takes ClickHouse two seconds of processor time.
    """
    here = {"database": settings.clickhouse_database}
    with connect(settings) as client:
        before = client.query(STRUCTURE, here).result_rows
    yield
    with connect(settings, database="default") as client:
        if client.query(STRUCTURE, here).result_rows != before:
            client.command(f"DROP DATABASE IF EXISTS {settings.clickhouse_database}")
            return
        for (table,) in client.query(FILLED, here).result_rows:
            client.command(f"TRUNCATE TABLE {settings.clickhouse_database}.{table}")


def remove_pipeline(settings: Settings) -> None:
    """Deletes the topics and the database of a pipeline."""
    remove_topics(settings)
    with connect(settings, database="default") as client:
        client.command(f"DROP DATABASE IF EXISTS {settings.clickhouse_database}")


def remove_topics(settings: Settings) -> None:
    """Deletes the topics of a pipeline. Its subjects stay in the registry: they hold no records."""
    from confluent_kafka.admin import AdminClient

    admin = AdminClient({"bootstrap.servers": settings.kafka_bootstrap_servers})
    present = admin.list_topics(timeout=30).topics
    delete_topics(settings, [name for name in (topic_name(settings, base) for base in BY_NAME) if name in present])
