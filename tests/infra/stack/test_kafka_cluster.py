"""`paper up --brokers 3` plans a cluster once, and every later command of the PAPER_HOME knows its brokers."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.errors import ServerError, SettingsError, StackError
from infra.local_cluster import cluster_file, read_cluster
from infra.processes import is_port_taken
from infra.settings import Settings
from infra.stack.kafka_cluster import ClusterBroker, local_brokers, plan_brokers
from infra.stack.local_stack import servers_of
from tests import stacks


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return stacks.free_settings(tmp_path)


def test_without_a_plan_there_is_one_broker(settings: Settings) -> None:
    assert plan_brokers(settings, 1) == settings
    assert [server.name for server in servers_of(settings)] == ["kafka", "registry", "clickhouse"]
    assert settings.with_local_cluster() == settings


def test_each_broker_has_ports_of_its_own_that_all_commands_know(settings: Settings) -> None:
    planned = plan_brokers(settings, 3)
    ports = [number for item in read_cluster(settings.paper_home) for number in item]
    named = {settings.registry_host_port[1], settings.clickhouse_host_port[1], settings.metrics_port}
    assert len(set(ports)) == 6
    assert not named.intersection(ports)
    assert not any(is_port_taken("127.0.0.1", port) for port in ports)
    assert planned.kafka_addresses == [("127.0.0.1", port) for port in ports[::2]]
    assert settings.with_local_cluster() == planned
    assert [server.name for server in servers_of(settings)] == ["kafka", "kafka-2", "kafka-3", "registry", "clickhouse"]
    assert servers_of(planned)[1].address(planned) == ("127.0.0.1", ports[2])
    assert plan_brokers(planned, 3) == planned


def test_brokers_elsewhere_are_no_local_cluster(settings: Settings) -> None:
    plan_brokers(settings, 3)
    elsewhere = settings.model_copy(update={"kafka_bootstrap_servers": "kafka.example:9092"})
    assert elsewhere.with_local_cluster() == elsewhere
    assert [broker.name for broker in local_brokers(elsewhere)] == ["kafka"]


def test_each_record_of_a_cluster_has_three_copies_and_is_acknowledged_by_two(settings: Settings) -> None:
    planned = plan_brokers(settings, 3)
    second = local_brokers(planned)[1]
    assert isinstance(second, ClusterBroker)
    properties = second.properties(planned, settings.paper_home / "data", "")
    assert properties["node.id"] == "2"
    assert len(properties["controller.quorum.voters"].split(",")) == 3
    assert properties["listeners"].startswith("PLAINTEXT://127.0.0.1:")
    for name in ("default", "offsets.topic", "transaction.state.log"):
        assert properties[f"{name}.replication.factor"] == "3"
    assert properties["min.insync.replicas"] == properties["transaction.state.log.min.isr"] == "2"
    assert second.heap[-1] == "-Xmx300m"


def test_data_of_another_number_of_brokers_are_not_touched(settings: Settings) -> None:
    folder = settings.paper_home / "kafka" / "data"
    folder.mkdir(parents=True)
    (folder / "meta.properties").touch()
    with pytest.raises(StackError, match="holds the data of 1 broker, and Kafka can't change that"):
        plan_brokers(settings, 3)
    assert read_cluster(settings.paper_home) == []


def test_a_cluster_stays_one(settings: Settings) -> None:
    plan_brokers(settings, 3)
    with pytest.raises(StackError, match="holds the data of 3 brokers"):
        plan_brokers(settings, 1)


def test_two_brokers_are_refused(settings: Settings) -> None:
    with pytest.raises(StackError, match="needs 3 brokers; start 1 or 3"):
        plan_brokers(settings, 2)


def test_a_list_of_addresses_is_refused(settings: Settings) -> None:
    several = settings.model_copy(update={"kafka_bootstrap_servers": "127.0.0.1:9092,127.0.0.1:9094"})
    with pytest.raises(StackError, match="name the first broker of this machine only"):
        plan_brokers(several, 3)


def test_passwords_are_refused(settings: Settings) -> None:
    secured = plan_brokers(settings, 3).model_copy(update={"kafka_security": "scram"})
    with pytest.raises(ServerError, match="unset KAFKA_SECURITY"):
        local_brokers(secured)[0].properties(secured, settings.paper_home, "")


@pytest.mark.parametrize("text", ["", "[{}]", "{", '[{"broker": "x", "controller": 1}]', "3"])
def test_a_damaged_note_is_named(settings: Settings, text: str) -> None:
    plan_brokers(settings, 3)
    cluster_file(settings.paper_home).write_text(text)
    with pytest.raises(SettingsError, match=r"cluster\.json is damaged"):
        settings.with_local_cluster()
