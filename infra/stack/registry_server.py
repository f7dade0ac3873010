"""The local schema registry: Apicurio with a database file, so that schema ids survive a restart."""

from __future__ import annotations

import os
from pathlib import Path

from infra.registry_access import registry_password, without_user
from infra.settings import Settings
from infra.stack.artifacts import ensure_artifacts, read_lock, registry_archive, unpack
from infra.stack.server_process import JAVA_OPTIONS, Launch, Pem, Progress, data_folder, http_answers, java

SHARED_PROPERTIES = Path(__file__).with_name("registry.properties")
HEAP_MAX = "-Xmx256m"


class RegistryServer:
    """Apicurio Registry, used through its Confluent-compatible API."""

    name = "registry"

    def address(self, settings: Settings) -> tuple[str, int]:
        return settings.registry_host_port

    def ports(self, settings: Settings) -> dict[int, str]:
        return {settings.registry_host_port[1]: "SCHEMA_REGISTRY_URL"}

    def prepare(self, settings: Settings, progress: Progress) -> Launch:
        archive = registry_archive(read_lock())
        ensure_artifacts([archive], settings.paper_cache, progress)
        program = unpack(archive, settings.paper_cache) / "quarkus-run.jar"
        database = data_folder(settings, self.name) / "registry"
        host, port = self.address(settings)
        return Launch(
            [java(), *JAVA_OPTIONS, HEAP_MAX, "-jar", os.fspath(program)],
            {
                "QUARKUS_CONFIG_LOCATIONS": os.fspath(SHARED_PROPERTIES),
                "REGISTRY_PASSWORD": registry_password(settings),
                "QUARKUS_HTTP_HOST": host,
                "QUARKUS_HTTP_PORT": str(port),
                # The health pages, which by default listen on every address.
                "QUARKUS_MANAGEMENT_HOST": host,
                "QUARKUS_MANAGEMENT_PORT": "0",
                # WRITE_DELAY=0: a registration is in the file before it is answered, so that kill -9 can't lose it.
                "APICURIO_DATASOURCE_URL": f"jdbc:h2:file:{database};WRITE_DELAY=0",
                "APICURIO_STORAGE_SNAPSHOT_LOCATION": os.fspath(database.parent),
            },
        )

    def is_ready(self, settings: Settings) -> bool:
        pem = Pem(settings.registry_ca_file, settings.registry_certificate_file, settings.registry_key_file)
        return http_answers(without_user(settings.schema_registry_url).rstrip("/") + "/subjects", pem)
