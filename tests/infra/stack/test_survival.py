"""A killed server of the shared stack comes back with its data on `up`."""

from __future__ import annotations

import base64
import json
import os
import signal
import urllib.request
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING

import psutil
import pytest

from infra import processes
from infra.clickhouse.client import connect
from infra.kafka.topics import delete_topics
from infra.registry_access import user_info
from infra.settings import Settings
from infra.stack import local_stack
from infra.stack.local_stack import ServerState
from streams.pipeline.prepare import start_prepared_servers

if TYPE_CHECKING:
    from confluent_kafka.admin import AdminClient

TIMEOUT_S = 30
SCHEMA = {"type": "record", "name": "Survivor", "fields": [{"name": "x", "type": "int"}]}


@pytest.fixture
def settings(stack: Settings) -> Iterator[Settings]:
    """Returns settings of the shared stack, and restarts it after the test."""
    if os.environ.get("PAPER_TEST_STACK", "native") != "native":
        pytest.skip("kills processes of the native stack")
    yield stack
    start_prepared_servers(stack)


def admin_of(settings: Settings) -> AdminClient:
    from confluent_kafka.admin import AdminClient

    return AdminClient({"bootstrap.servers": settings.kafka_bootstrap_servers})


def make_topic(settings: Settings) -> str:
    from confluent_kafka.admin import NewTopic

    topic = f"survival-{uuid.uuid4()}"
    admin = admin_of(settings)
    (made,) = admin.create_topics([NewTopic(topic, 1, 1)]).values()
    made.result(TIMEOUT_S)
    return topic


def kill(settings: Settings, name: str) -> None:
    server = next(server for server in local_stack.whole_stack(settings) if server.name == name)
    identity = processes.read_pid_file(local_stack.pid_file(settings, server))
    assert identity is not None
    os.kill(identity.pid, signal.SIGKILL)
    psutil.Process(identity.pid).wait(TIMEOUT_S)
    states = {row.name: row.state for row in local_stack.status(settings)}
    assert states.pop(name) is ServerState.CRASHED
    assert {states[server.name] for server in local_stack.servers_of(settings) if server.name != name} == {
        ServerState.RUNNING
    }


def up_again(settings: Settings, name: str) -> None:
    said: list[str] = []
    start_prepared_servers(settings, on_progress=said.append)
    assert said[0].startswith(f"{name} was started (pid ")
    assert {row.state for row in local_stack.status(settings, local_stack.servers_of(settings))} == {
        ServerState.RUNNING
    }


def test_a_killed_broker_comes_back_with_its_records(settings: Settings) -> None:
    from confluent_kafka import Consumer, Producer, TopicPartition

    address = {"bootstrap.servers": settings.kafka_bootstrap_servers}
    topic = make_topic(settings)
    values = [b"%d" % i for i in range(1000)]
    producer = Producer(address)
    for value in values:
        producer.produce(topic, value)
    assert producer.flush(TIMEOUT_S) == 0

    kill(settings, "kafka")
    up_again(settings, "kafka")

    consumer = Consumer({**address, "group.id": topic, "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, 0, 0)])
    try:
        read = [record.value() for record in consumer.consume(len(values), timeout=TIMEOUT_S)]
    finally:
        consumer.close()
    assert read == values
    delete_topics(settings, [topic])


def test_a_killed_registry_comes_back_with_its_ids(settings: Settings) -> None:
    subject = f"survival-{uuid.uuid4()}-value"
    body = json.dumps({"schema": json.dumps(SCHEMA)}).encode()
    base = settings.schema_registry_url
    registered = post(settings, f"{base}/subjects/{subject}/versions", body)
    kill(settings, "registry")
    up_again(settings, "registry")
    assert post(settings, f"{base}/subjects/{subject}/versions", body) == registered
    with urllib.request.urlopen(f"{base}/schemas/ids/{registered}", timeout=TIMEOUT_S) as response:
        assert json.loads(json.load(response)["schema"]) == SCHEMA


def post(settings: Settings, url: str, body: bytes) -> int:
    login = base64.b64encode(user_info(settings).encode()).decode()
    headers = {"Content-Type": "application/vnd.schemaregistry.v1+json", "Authorization": f"Basic {login}"}
    request = urllib.request.Request(url, body, headers)
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:
        return int(json.load(response)["id"])


def test_a_killed_clickhouse_comes_back_with_its_rows(settings: Settings) -> None:
    table = f"default.survival_{uuid.uuid4().hex}"
    with connect(settings, database="default") as client:
        client.command(f"CREATE TABLE {table} (x Int64) ENGINE = MergeTree ORDER BY x")
        client.insert(table, [[i] for i in range(1000)], column_names=["x"])
    kill(settings, "clickhouse")
    up_again(settings, "clickhouse")
    with connect(settings, database="default") as client:
        assert client.query(f"SELECT count(), sum(x) FROM {table}").result_rows == [(1000, 499_500)]
        client.command(f"DROP TABLE {table}")


def test_a_stopped_stack_comes_back_with_its_records(settings: Settings) -> None:
    topic = make_topic(settings)
    local_stack.down(settings)
    assert {row.state for row in local_stack.status(settings)} == {ServerState.STOPPED}
    start_prepared_servers(settings)
    assert topic in admin_of(settings).list_topics(timeout=TIMEOUT_S).topics
    delete_topics(settings, [topic])
