"""The stack in containers, by testcontainers, for machines with Docker."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import yaml

from infra.clickhouse.users import USERS, credentials_folder, make_passwords, read_password
from infra.settings import REPOSITORY, Settings
from infra.stack import local_stack
from infra.stack.kafka_server import CLUSTER_ID
from streams.pipeline.prepare import prepare_pipeline

if TYPE_CHECKING:
    from testcontainers.core.container import DockerContainer

READY_TIMEOUT_S = 180.0


@contextmanager
def containers(settings: Settings) -> Iterator[None]:
    """Runs the images of docker-compose.yml inside the block, on the ports of the settings."""
    from testcontainers.core.container import DockerContainer

    images = {
        name: service["image"]
        for name, service in yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())["services"].items()
        if "image" in service
    }
    kafka_port = settings.kafka_host_port[1]
    kafka = (
        DockerContainer(images["kafka"])
        .with_volume_mapping(str(REPOSITORY / "infra/stack/broker.properties"), "/mnt/shared/config/server.properties")
        .with_env("CLUSTER_ID", CLUSTER_ID)
        .with_env("KAFKA_NODE_ID", "1")
        .with_env("KAFKA_PROCESS_ROLES", "broker,controller")
        .with_env("KAFKA_CONTROLLER_QUORUM_VOTERS", "1@localhost:29093")
        .with_env("KAFKA_CONTROLLER_LISTENER_NAMES", "CONTROLLER")
        .with_env("KAFKA_LISTENERS", f"PLAINTEXT://:{kafka_port},CONTROLLER://:29093")
        .with_env("KAFKA_ADVERTISED_LISTENERS", f"PLAINTEXT://127.0.0.1:{kafka_port}")
    )
    registry = DockerContainer(images["registry"])
    users = "infra/clickhouse/users.d/paper.xml"
    clickhouse = DockerContainer(images["clickhouse"]).with_volume_mapping(
        str(REPOSITORY / users), "/etc/clickhouse-server/users.d/paper.xml"
    )
    credentials = credentials_folder(settings)
    make_passwords(credentials)
    for user in USERS:
        clickhouse = clickhouse.with_env(f"CLICKHOUSE_{user.upper()}_PASSWORD", read_password(credentials, user))
    _publish(kafka, kafka_port, kafka_port)
    _publish(registry, 8080, settings.registry_host_port[1])
    _publish(clickhouse, 8123, settings.clickhouse_host_port[1])
    with ExitStack() as running:
        for container in (kafka, registry, clickhouse):
            running.enter_context(container)
        local_stack.wait_for_servers(settings, timeout_s=READY_TIMEOUT_S)
        prepare_pipeline(settings)
        yield


def _publish(container: DockerContainer, inner: int, outer: int) -> None:
    """Publishes a container's port on loopback only."""
    # Docker accepts a pair of address and port, which testcontainers' annotation lacks.
    container.with_bind_ports(inner, ("127.0.0.1", outer))  # type: ignore[arg-type]
