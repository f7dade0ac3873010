"""The local Kafka broker: one KRaft node on this machine."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from infra.artifacts import ensure_artifacts, kafka_jars, read_lock
from infra.parts import JAVA_OPTIONS, PROBE_TIMEOUT_S, Launch, Progress, data_folder, java
from infra.settings import Settings
from streams.errors import PartError

HERE = Path(__file__).parent
CLUSTER_ID = "PaperTradingStreams00A"  # 16 bytes in base64; docker-compose.yml has the same.
FORMAT_TIMEOUT_S = 120
HEAP = ("-Xms256m", "-Xmx512m")


class KafkaPart:
    """Apache Kafka, broker and controller in one process."""

    name = "kafka"

    def address(self, settings: Settings) -> tuple[str, int]:
        return settings.kafka_host_port

    def ports(self, settings: Settings) -> dict[int, str]:
        return {
            settings.kafka_host_port[1]: "KAFKA_BOOTSTRAP_SERVERS",
            settings.kafka_controller_port: "KAFKA_CONTROLLER_PORT",
        }

    def prepare(self, settings: Settings, progress: Progress) -> Launch:
        jars = kafka_jars(read_lock())
        ensure_artifacts(jars, settings.paper_cache, progress)
        class_path = os.pathsep.join(os.fspath(jar.path(settings.paper_cache)) for jar in jars)
        virtual_machine = [
            java(),
            *JAVA_OPTIONS,
            f"-Dlog4j2.configurationFile={HERE / 'log4j2.properties'}",
            "-cp",
            class_path,
        ]
        folder = data_folder(settings, self.name)
        properties = folder / "server.properties"
        properties.write_text(_properties(settings, folder / "data"))
        if not (folder / "data" / "meta.properties").exists():
            _format(virtual_machine, properties)
        return Launch([virtual_machine[0], *HEAP, *virtual_machine[1:], "kafka.Kafka", os.fspath(properties)])

    def is_ready(self, settings: Settings) -> bool:
        from confluent_kafka import KafkaException
        from confluent_kafka.admin import AdminClient

        host, port = settings.kafka_host_port
        # Refused connections are normal while the broker starts: no log lines for them.
        admin = AdminClient({"bootstrap.servers": f"{host}:{port}", "log_level": 0})
        try:
            return bool(admin.list_topics(timeout=PROBE_TIMEOUT_S).brokers)
        except KafkaException:
            return False


def _properties(settings: Settings, logs: Path) -> str:
    host, port = settings.kafka_host_port
    node = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@{host}:{settings.kafka_controller_port}",
        "listeners": f"PLAINTEXT://{host}:{port},CONTROLLER://{host}:{settings.kafka_controller_port}",
        "advertised.listeners": f"PLAINTEXT://{host}:{port}",
        "controller.listener.names": "CONTROLLER",
        "log.dirs": os.fspath(logs),
    }
    shared = (HERE / "broker.properties").read_text()
    return shared + "".join(f"{key}={value}\n" for key, value in node.items())


def _format(virtual_machine: list[str], properties: Path) -> None:
    arguments = ["kafka.tools.StorageTool", "format", "--ignore-formatted"]
    arguments += ["--cluster-id", CLUSTER_ID, "--config", os.fspath(properties)]
    done = subprocess.run(
        virtual_machine + arguments, capture_output=True, text=True, timeout=FORMAT_TIMEOUT_S, check=False
    )
    if done.returncode != 0:
        raise PartError(
            f"kafka: formatting the storage named in {properties} failed (exit code {done.returncode}):\n"
            f"{done.stdout}{done.stderr}"
        )
