"""The local Kafka broker: one KRaft node on this machine."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from infra.errors import ServerError, SettingsError
from infra.kafka.client_config import MECHANISM, PROTOCOL, client_config
from infra.kafka.credentials import make_password, password_file, read_password
from infra.principal import ADMIN
from infra.private_files import write_private
from infra.settings import Settings
from infra.stack.artifacts import ensure_artifacts, kafka_jars, read_lock
from infra.stack.server_process import JAVA_OPTIONS, PROBE_TIMEOUT_S, Launch, Progress, data_folder, java

HERE = Path(__file__).parent
CLUSTER_ID = "PaperTradingStreams00A"  # 16 bytes in base64, the same as in docker-compose.yml.
FORMAT_TIMEOUT_S = 120


class KafkaServer:
    """Apache Kafka, broker and controller in one process."""

    name = "kafka"
    heap = ("-Xms256m", "-Xmx512m")

    def address(self, settings: Settings) -> tuple[str, int]:
        return settings.kafka_host_port

    def ports(self, settings: Settings) -> dict[int, str]:
        return {
            settings.kafka_host_port[1]: "KAFKA_BOOTSTRAP_SERVERS",
            settings.kafka_controller_port: "KAFKA_CONTROLLER_PORT",
        }

    def prepare(self, settings: Settings, progress: Progress) -> Launch:
        if settings.kafka_tls or settings.kafka_security == "sasl":
            raise ServerError(
                "kafka: the local broker has no TLS and only its own principals; unset KAFKA_TLS and set "
                "KAFKA_SECURITY to plaintext or scram, or use the cluster that they are for and do not run `paper up`"
            )
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
        formatted = (folder / "data" / "meta.properties").exists()
        password = _known_password(settings) if formatted else make_password(settings, ADMIN)
        own = self.properties(settings, folder / "data", password)
        shared = (HERE / "broker.properties").read_text()
        write_private(properties, shared + "".join(f"{key}={value}\n" for key, value in own.items()))
        if not formatted:
            _format(virtual_machine, properties, password)
        return Launch([virtual_machine[0], *self.heap, *virtual_machine[1:], "kafka.Kafka", os.fspath(properties)])

    def properties(self, settings: Settings, logs: Path, password: str) -> dict[str, str]:
        """Returns what the broker's file has besides broker.properties. password: the admin's; empty without one."""
        host, port = settings.kafka_host_port
        listener = "PLAINTEXT" if settings.kafka_security == "plaintext" else PROTOCOL
        node = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@{host}:{settings.kafka_controller_port}",
            "listeners": f"{listener}://{host}:{port},CONTROLLER://{host}:{settings.kafka_controller_port}",
            "advertised.listeners": f"{listener}://{host}:{port}",
            "controller.listener.names": "CONTROLLER",
            "log.dirs": os.fspath(logs),
        }
        return node | (_security(password) if settings.kafka_security == "scram" else {})

    def is_ready(self, settings: Settings) -> bool:
        from confluent_kafka import KafkaException
        from confluent_kafka.admin import AdminClient

        try:
            # log_level 0: refused connections are normal while the broker starts.
            admin = AdminClient(client_config(settings, ADMIN) | {"log_level": 0})
            return bool(admin.list_topics(timeout=PROBE_TIMEOUT_S).brokers)
        except (KafkaException, SettingsError):
            return False


def _known_password(settings: Settings) -> str:
    """Returns the admin's password for storage that was formatted before; empty without KAFKA_SECURITY."""
    if settings.kafka_security == "plaintext":
        return ""
    try:
        return read_password(settings, ADMIN)
    except SettingsError as error:
        raise ServerError(
            f"kafka: {password_file(settings, ADMIN)} is missing: the first `paper up` wrote it with the storage; put "
            "it back, set KAFKA_SECURITY=plaintext, or set another PAPER_HOME, in which `paper up` starts afresh"
        ) from error


def _security(password: str) -> dict[str, str]:
    """Returns properties with which both listeners authenticate clients, and only ACLs allow anything.

    The broker connects to itself as the admin.
    """
    own = f'required username="{ADMIN}" password="{password}"'
    scram = f"listener.name.{PROTOCOL.lower()}.{MECHANISM.lower()}.sasl.jaas.config"
    return {
        "listener.security.protocol.map": f"{PROTOCOL}:{PROTOCOL},CONTROLLER:{PROTOCOL}",
        "security.inter.broker.protocol": PROTOCOL,
        "sasl.enabled.mechanisms": MECHANISM,
        "sasl.mechanism.inter.broker.protocol": MECHANISM,
        scram: f"org.apache.kafka.common.security.scram.ScramLoginModule {own};",
        # PLAIN, because the controller stores the SCRAM credentials and can't read them before it runs.
        "sasl.mechanism.controller.protocol": "PLAIN",
        "listener.name.controller.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.controller.plain.sasl.jaas.config": (
            f'org.apache.kafka.common.security.plain.PlainLoginModule {own} user_{ADMIN}="{password}";'
        ),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "allow.everyone.if.no.acl.found": "false",
        "super.users": f"User:{ADMIN}",
    }


def _format(virtual_machine: list[str], properties: Path, password: str) -> None:
    """Formats the storage with the admin's password, so that KAFKA_SECURITY can be switched on at any later start."""
    scram = f"{MECHANISM}=[name={ADMIN},password={password}]"
    arguments = ["kafka.tools.StorageTool", "format", "--ignore-formatted", "--add-scram", scram]
    arguments += ["--cluster-id", CLUSTER_ID, "--config", os.fspath(properties)]
    # The arguments go through a file, because every user of this machine can read a command line.
    file = properties.with_name("format.arguments")
    write_private(file, "".join(f"{_quoted(argument)}\n" for argument in arguments))
    try:
        done = subprocess.run(
            [*virtual_machine, f"@{file}"],
            capture_output=True,
            text=True,
            timeout=FORMAT_TIMEOUT_S,
            check=False,
        )
    finally:
        file.unlink()
    if done.returncode != 0:
        raise ServerError(
            f"kafka: formatting the storage named in {properties} failed (exit code {done.returncode}):\n"
            f"{done.stdout}{done.stderr}"
        )


def _quoted(argument: str) -> str:
    """Quotes an argument for an argument file of the `java` command."""
    return '"' + argument.replace("\\", "\\\\") + '"'
