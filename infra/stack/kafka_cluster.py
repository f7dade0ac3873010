"""A cluster of Kafka brokers on this machine, for drills: each is broker and controller, with data of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from infra import processes
from infra.errors import ServerError, StackError
from infra.kafka.client_config import client_config
from infra.kafka.replication import IN_SYNC, IN_SYNC_MIN, REPLICAS_MIN
from infra.local_cluster import BrokerPorts, read_cluster, write_cluster
from infra.principal import ADMIN
from infra.settings import Settings
from infra.stack.kafka_server import KafkaServer
from infra.stack.server_process import PROBE_TIMEOUT_S

PORT_MAX = 65_535


class ClusterBroker(KafkaServer):
    """One broker of a local cluster. node: its number from 1. ports: of all brokers, by number."""

    heap = ("-Xms128m", "-Xmx300m")

    def __init__(self, node: int, ports: list[BrokerPorts]) -> None:
        self.node = node
        self._all = ports
        self._own = ports[node - 1]
        self.name = KafkaServer.name if node == 1 else f"{KafkaServer.name}-{node}"

    def address(self, settings: Settings) -> tuple[str, int]:
        return settings.kafka_host_port[0], self._own.broker

    def ports(self, settings: Settings) -> dict[int, str]:
        return {self._own.broker: "KAFKA_BOOTSTRAP_SERVERS", self._own.controller: "KAFKA_CONTROLLER_PORT"}

    def properties(self, settings: Settings, logs: Path, password: str) -> dict[str, str]:
        if settings.kafka_security != "plaintext":
            raise ServerError(
                "kafka: a local cluster of several brokers has no passwords; unset KAFKA_SECURITY, or start a single "
                "broker in another PAPER_HOME"
            )
        host, copies, in_sync = settings.kafka_host_port[0], str(REPLICAS_MIN), str(IN_SYNC_MIN)
        voters = ",".join(f"{node}@{host}:{ports.controller}" for node, ports in enumerate(self._all, 1))
        return super().properties(settings, logs, password) | {
            "node.id": str(self.node),
            "controller.quorum.voters": voters,
            "listeners": f"PLAINTEXT://{host}:{self._own.broker},CONTROLLER://{host}:{self._own.controller}",
            "advertised.listeners": f"PLAINTEXT://{host}:{self._own.broker}",
            # By default a dead broker is noticed after 9 s, and its partitions have no leader meanwhile.
            "broker.session.timeout.ms": "3000",
            "broker.heartbeat.interval.ms": "1000",
            "default.replication.factor": copies,
            "offsets.topic.replication.factor": copies,
            "transaction.state.log.replication.factor": copies,
            "transaction.state.log.min.isr": in_sync,
            "share.coordinator.state.topic.replication.factor": copies,
            "share.coordinator.state.topic.min.isr": in_sync,
            IN_SYNC: in_sync,
        }

    def is_ready(self, settings: Settings) -> bool:
        return self.node in _seen_from(settings, self.address(settings))

    def sees_all(self, settings: Settings) -> bool:
        """Returns whether this broker knows all others, so that topics can be created with all copies."""
        return len(_seen_from(settings, self.address(settings))) == len(self._all)


def _seen_from(settings: Settings, address: tuple[str, int]) -> set[int]:
    """Returns the numbers of the brokers that the one at an address knows; none if it does not answer."""
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    try:
        # log_level 0: refused connections are normal while the broker starts.
        own = {"bootstrap.servers": "{}:{}".format(*address), "log_level": 0}
        return set(AdminClient(client_config(settings, ADMIN) | own).list_topics(timeout=PROBE_TIMEOUT_S).brokers)
    except KafkaException:
        return set()


def local_brokers(settings: Settings) -> list[KafkaServer]:
    """Returns the brokers that `paper up` starts: those of the note in PAPER_HOME, else a single one."""
    ports = read_cluster(settings.paper_home)
    if not ports or ports[0].broker != settings.kafka_host_port[1]:
        return [KafkaServer()]
    return [ClusterBroker(node, ports) for node in range(1, len(ports) + 1)]


def plan_brokers(settings: Settings, brokers: int) -> Settings:
    """Notes how many brokers `paper up` starts, and returns the settings with the addresses of all.

    Raises:
        StackError: PAPER_HOME holds the data of another number of brokers, or too few brokers are wanted.
    """
    ports = read_cluster(settings.paper_home)
    present = len(ports) or int((settings.paper_home / KafkaServer.name / "data" / "meta.properties").exists())
    if present not in (0, brokers):
        raise StackError(
            f"--brokers {brokers}: {settings.paper_home} holds the data of {present} broker{'s' * (present > 1)}, and "
            "Kafka can't change that; set PAPER_HOME to a new folder, and bring what you need with `paper archive`"
        )
    if brokers == 1 or present:
        return settings
    if brokers < REPLICAS_MIN:
        raise StackError(
            f"--brokers {brokers}: a cluster that may lose one needs {REPLICAS_MIN} brokers; start 1 or {REPLICAS_MIN}"
        )
    if len(settings.kafka_addresses) > 1:
        raise StackError(
            f"KAFKA_BOOTSTRAP_SERVERS={settings.kafka_bootstrap_servers}: name the first broker of this machine only; "
            "`paper up` chooses the ports of the others"
        )
    free = _free_ports(settings)
    first = BrokerPorts(settings.kafka_host_port[1], settings.kafka_controller_port)
    ports = [first, *(BrokerPorts(next(free), next(free)) for _ in range(1, brokers))]
    write_cluster(settings.paper_home, ports)
    return settings.with_local_cluster()


def _free_ports(settings: Settings) -> Iterator[int]:
    """Yields the free ports above the controller's that no setting names."""
    host, broker = settings.kafka_host_port
    named = {broker, settings.registry_host_port[1], settings.clickhouse_host_port[1], settings.metrics_port}
    for port in range(settings.kafka_controller_port + 1, PORT_MAX):
        if port not in named and not processes.is_port_taken(host, port):
            yield port
    raise StackError(f"no port above {settings.kafka_controller_port} is free; choose a lower KAFKA_CONTROLLER_PORT")
