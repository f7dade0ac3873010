"""docker-compose.yml is valid as far as it can be checked without images, and agrees with the local stack."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from infra.chdb.callers import MIB, callers
from infra.clickhouse.users import READER, USERS
from infra.registry_access import USER
from infra.settings import REPOSITORY, Settings
from infra.stack.artifacts import kafka_jars, read_lock, registry_archive
from infra.stack.kafka_server import CLUSTER_ID

USERS_FILE = "infra/clickhouse/users.d/paper.xml"
FILE = REPOSITORY / "docker-compose.yml"
WHOLE_VERSION = re.compile(r"v?\d+\.\d+\.\d+(\.\d+)?")
PROCESSES = ("prepare", "worker", "sink", "exporter", "serve", "paper")


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    services = yaml.safe_load(FILE.read_text())["services"]
    assert isinstance(services, dict)
    return services


@pytest.fixture
def defaults() -> Settings:
    fields = Settings.model_fields.items()
    return Settings.model_construct(**{name: field.default for name, field in fields})


def has_compose() -> bool:
    if shutil.which("docker") is None:
        return False
    return subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not has_compose(), reason="docker compose is not installed here")
def test_docker_compose_accepts_the_file() -> None:
    command = ["docker", "compose", "-f", str(FILE), "config", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_services_use_only_words_of_the_compose_specification(services: dict[str, Any]) -> None:
    known = {"image", "build", "command", "user", "environment", "env_file", "volumes", "ports", "ulimits"}
    known |= {"depends_on", "restart", "profiles", "healthcheck"}
    for name, service in services.items():
        assert set(service) <= known, name
        assert set(service.get("depends_on", [])) <= set(services), name


def test_every_server_and_process_says_whether_it_is_well(services: dict[str, Any]) -> None:
    for name in ("kafka", "registry", "clickhouse", "worker", "sink", "exporter"):
        check = services[name]["healthcheck"]
        assert set(check) == {"test", "interval", "timeout", "retries"}, name
    needed = services["prepare"]["depends_on"]
    assert needed == {name: {"condition": "service_healthy"} for name in ("kafka", "registry", "clickhouse")}


def test_named_volumes_are_declared(services: dict[str, Any]) -> None:
    mounts = [volume for service in services.values() for volume in service.get("volumes", [])]
    named = {mount.split(":")[0] for mount in mounts if not mount.startswith("./")}
    assert named == set(yaml.safe_load(FILE.read_text())["volumes"])


def test_all_services_are_there(services: dict[str, Any]) -> None:
    assert set(services) == {"kafka", "registry", "clickhouse", "grafana", "prometheus", "kafbat", *PROCESSES}


def test_ports_are_published_on_loopback_only(services: dict[str, Any]) -> None:
    published = [port for service in services.values() for port in service.get("ports", [])]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_the_default_settings_reach_the_containers(services: dict[str, Any], defaults: Settings) -> None:
    assert services["serve"]["ports"] == [f"127.0.0.1:{defaults.serve_port}:8800"]
    addresses = {
        "kafka": defaults.kafka_host_port,
        "registry": defaults.registry_host_port,
        "clickhouse": defaults.clickhouse_host_port,
    }
    for name, (host, port) in addresses.items():
        assert services[name]["ports"][0].startswith(f"{host}:{port}:"), name
    advertised = services["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
    assert f"//{defaults.kafka_bootstrap_servers}," in advertised


def version(service: dict[str, Any]) -> str:
    """Returns a service's image with its tag, without its digest."""
    return str(service["image"].partition("@")[0])


def test_images_have_the_versions_of_the_local_stack(services: dict[str, Any]) -> None:
    broker = next(jar for jar in kafka_jars(read_lock()) if ":kafka_2.13:" in jar.coordinate)
    assert version(services["kafka"]) == f"apache/kafka:{broker.coordinate.split(':')[-1]}"
    registry = registry_archive(read_lock()).coordinate.split(":")[-1]
    assert version(services["registry"]) == f"apicurio/apicurio-registry:{registry}"
    engine = next(
        line.split("==")[1].split()[0]
        for line in (REPOSITORY / "requirements.lock").read_text().splitlines()
        if line.startswith("chdb-core==")
    )
    server = version(services["clickhouse"]).removeprefix("clickhouse/clickhouse-server:")
    assert server.split(".")[:2] == engine.split(".")[:2]


def test_every_image_and_plugin_is_pinned_to_a_whole_version(services: dict[str, Any]) -> None:
    for name, service in services.items():
        if "build" not in service:
            assert WHOLE_VERSION.fullmatch(version(service).rpartition(":")[2]), name
    dockerfile = Path(REPOSITORY / services["worker"]["build"]["dockerfile"]).read_text()
    base = dockerfile.partition("FROM python:")[2].partition("-")[0]
    assert WHOLE_VERSION.fullmatch(base)
    for plugin in services["grafana"]["environment"]["GF_INSTALL_PLUGINS"].split(","):
        assert WHOLE_VERSION.fullmatch(plugin.split()[1])


def test_shared_settings_are_mounted_from_their_one_place(services: dict[str, Any]) -> None:
    sources = {
        volume.split(":")[0]
        for service in services.values()
        for volume in service.get("volumes", [])
        if volume.startswith("./")
    }
    assert {"./infra/stack/broker.properties", "./infra/stack/registry.properties"} <= sources
    for source in sources:
        assert (REPOSITORY / source).exists(), source
    assert services["kafka"]["environment"]["CLUSTER_ID"] == CLUSTER_ID


def test_no_shared_broker_setting_is_repeated(services: dict[str, Any]) -> None:
    lines = (REPOSITORY / "infra/stack/broker.properties").read_text().splitlines()
    shared = {line.split("=")[0] for line in lines if not line.startswith("#")}
    variables = services["kafka"]["environment"]
    assert not {"KAFKA_" + name.upper().replace(".", "_") for name in shared} & set(variables)


@pytest.mark.parametrize("name", PROCESSES)
def test_processes_set_only_addresses(services: dict[str, Any], name: str) -> None:
    """All other settings come from the defaults or from `.env`, as on the local stack."""
    addresses = {"KAFKA_BOOTSTRAP_SERVERS", "SCHEMA_REGISTRY_URL", "CLICKHOUSE_URL", "PROCESS_METRICS_ADDRESS"}
    assert set(services[name]["environment"]) == addresses
    assert services[name]["env_file"] == [{"path": ".env", "required": False}]


def test_what_the_image_copies_exists(services: dict[str, Any]) -> None:
    dockerfile = Path(REPOSITORY / services["worker"]["build"]["dockerfile"])
    copied = [line.split()[1] for line in dockerfile.read_text().splitlines() if line.startswith("COPY ")]
    assert copied == ["requirements.lock", "schemas", "infra", "streams"]
    assert all((REPOSITORY / source).exists() for source in copied)


def test_grafanas_data_source_is_the_pipelines_database(services: dict[str, Any], defaults: Settings) -> None:
    file = REPOSITORY / "infra/grafana/provisioning/datasources/clickhouse.yml"
    (source,) = yaml.safe_load(file.read_text())["datasources"]
    assert source["type"] == services["grafana"]["environment"]["GF_INSTALL_PLUGINS"].split()[0]
    assert source["jsonData"]["defaultDatabase"] == defaults.clickhouse_database
    address = f"{source['jsonData']['protocol']}://{source['jsonData']['host']}:{source['jsonData']['port']}"
    assert address == services["worker"]["environment"]["CLICKHOUSE_URL"].replace(f"paper:{password_of('PAPER')}@", "")
    assert source["jsonData"]["username"] == READER
    assert source["secureJsonData"] == {"password": "$CLICKHOUSE_READER_PASSWORD"}
    assert services["grafana"]["environment"]["CLICKHOUSE_READER_PASSWORD"] == password_of("READER")


def password_of(user: str) -> str:
    return f"${{CLICKHOUSE_{user}_PASSWORD:?run ./paper passwords >> .env}}"


def test_only_the_pipeline_may_register_schemas(services: dict[str, Any]) -> None:
    password = "${REGISTRY_PASSWORD:?run ./paper passwords >> .env}"
    assert services["registry"]["environment"]["REGISTRY_PASSWORD"] == password
    url = services["prepare"]["environment"]["SCHEMA_REGISTRY_URL"]
    assert url.startswith(f"http://{USER}:{password}@registry:")
    properties = (REPOSITORY / "infra/stack/registry.properties").read_text()
    assert f"users.embedded.users.{USER}=${{REGISTRY_PASSWORD}}" in properties


def test_clickhouse_has_the_users_and_limits_of_the_local_server_and_no_default_user(services: dict[str, Any]) -> None:
    service = services["clickhouse"]
    assert service["environment"] == {f"CLICKHOUSE_{user}_PASSWORD": password_of(user) for user in ("PAPER", "READER")}
    mounts = [mount for mount in service["volumes"] if "users.d" in mount]
    assert mounts == [f"./{USERS_FILE}:/etc/clickhouse-server/{USERS_FILE.partition('clickhouse/')[2]}:ro"]
    tree = ElementTree.parse(REPOSITORY / USERS_FILE).getroot()
    users = {user.tag: user for user in tree.findall("users/*")}
    assert users["default"].attrib == {"remove": "remove"}
    assert set(users) == {"default", *USERS}
    for caller in callers(1024 * MIB, 256 * MIB, 768 * MIB):
        password = users[caller.name].find("password")
        assert password is not None
        assert password.attrib == {"from_env": f"CLICKHOUSE_{caller.name.upper()}_PASSWORD"}
        profile = {item.tag: item.text for item in tree.findall(f"profiles/{caller.name}/*")}
        assert profile["max_execution_time"] == str(caller.seconds_max)
        assert profile["max_memory_usage"] == str(caller.memory_bytes_max)
        assert profile["max_concurrent_queries_for_user"] == str(caller.queries_at_once)
        assert profile.get("max_result_rows", "0") == str(caller.rows_max)
        assert profile.get("readonly", "0") == str(2 * caller.reads_only)
        grants = " ".join(query.text or "" for query in users[caller.name].findall("grants/query"))
        assert not {"ALL", "SOURCES", "FILE", "URL", "SYSTEM", "READ", "WRITE"} & set(grants.replace(",", " ").split())
