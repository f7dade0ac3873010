"""All settings, read from the environment and from `.env`."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from infra.errors import SettingsError
from infra.local_cluster import read_cluster
from infra.principal import PRINCIPAL_NAME
from infra.rule_words import plain_rule

REPOSITORY = Path(__file__).resolve().parent.parent
"""Folder of the packages: the checkout, or where the wheel was installed."""
IS_CHECKOUT = (REPOSITORY / "pyproject.toml").is_file()
BASE_FOLDER = REPOSITORY if IS_CHECKOUT else Path.cwd()
"""Folder of `.env`, at which relative paths start: the checkout; without one the working folder."""


def _from_base(path: Path) -> Path:
    """Resolves a relative path. An installed package also finds the files that it ships, such as the reference data."""
    found = BASE_FOLDER / path.expanduser()
    shipped = REPOSITORY / path.expanduser()
    return shipped if shipped.is_file() and not found.exists() else found


BasePath = Annotated[Path, AfterValidator(_from_base)]


def _existing_file(text: str) -> str:
    if not text:
        return text
    path = _from_base(Path(text))
    if not path.is_file():
        raise ValueError(f"there is no file {path}")
    return str(path)


OptionalFile = Annotated[str, AfterValidator(_existing_file)]
"""The path of a file; empty: none."""


class Settings(BaseSettings):
    """The settings of the pipeline and its stack. The environment overrides `.env`, which overrides the defaults.

    Defaults stand only here: the containers of docker-compose.yml read the same class. Relative paths start at the
    checkout, whatever the working folder; without a checkout (after `pip install`) they start at the working folder.
    """

    model_config = SettingsConfigDict(env_file=BASE_FOLDER / ".env", extra="ignore", frozen=True)

    kafka_bootstrap_servers: str = Field("127.0.0.1:9092", description="Host and port of the Kafka broker.")
    kafka_controller_port: int = Field(9093, description="Port of the local broker's KRaft controller.")
    kafka_security: Literal["plaintext", "scram", "sasl"] = Field(
        "plaintext",
        description="plaintext: no login. scram: the broker asks for passwords and enforces infra/kafka/access.py. "
        "sasl: all processes log in as KAFKA_USERNAME, or with a token; the cluster's owner gives the rights.",
    )
    kafka_principal: str = Field(
        "",
        pattern=PRINCIPAL_NAME,
        description="Principal that connects under KAFKA_SECURITY=scram; empty: each command's default.",
    )
    kafka_tls: bool = Field(False, description="true: connections to Kafka use TLS.")
    kafka_tls_check_host: bool = Field(True, description="false: accepts a broker's certificate for another host.")
    kafka_ca_file: OptionalFile = Field("", description="CA certificates (PEM) of the brokers; empty: the system's.")
    kafka_certificate_file: OptionalFile = Field("", description="Client certificate (PEM) for the brokers.")
    kafka_key_file: OptionalFile = Field("", description="Private key (PEM) of KAFKA_CERTIFICATE_FILE.")
    kafka_key_password: str = Field("", repr=False, description="Password of KAFKA_KEY_FILE; empty: none.")
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"] = Field(
        "SCRAM-SHA-512", description="Mechanism of the login under KAFKA_SECURITY=sasl."
    )
    kafka_username: str = Field("", description="User, or API key, under KAFKA_SECURITY=sasl.")
    kafka_password: str = Field("", repr=False, description="Password, or API secret, of KAFKA_USERNAME.")
    kafka_token_provider: str = Field(
        "",
        pattern=r"^([A-Za-z_][\w.]*:[A-Za-z_]\w*)?$",
        description="module:function that returns a token and its end (ms since the epoch), for OAUTHBEARER.",
    )
    kafka_token_argument: str = Field(
        "", description="Argument of KAFKA_TOKEN_PROVIDER, such as a region; empty: none."
    )
    replication_factor: int = Field(
        0, ge=0, le=32, description="Copies of each partition; 0: 3 on a cluster, 1 on a single broker."
    )
    min_insync_replicas: int = Field(
        0, ge=0, le=32, description="Copies that must have a record before it counts; 0: 2 on a cluster, else 1."
    )
    pipeline_key: str = Field(
        "",
        repr=False,
        description="Secret with which shards prove their records without KAFKA_SECURITY; empty: a file of PAPER_HOME. "
        "Processes on several machines need the same one.",
    )
    schema_registry_url: str = Field(
        "http://127.0.0.1:8081/apis/ccompat/v7", description="Confluent-compatible API of the registry."
    )
    registry_ca_file: OptionalFile = Field("", description="CA certificates (PEM) of the registry.")
    registry_certificate_file: OptionalFile = Field("", description="Client certificate (PEM) for the registry.")
    registry_key_file: OptionalFile = Field("", description="Private key (PEM) of REGISTRY_CERTIFICATE_FILE.")
    clickhouse_url: str = Field(
        "http://127.0.0.1:8123", description="HTTP interface of ClickHouse; may hold user and password."
    )
    clickhouse_ca_file: OptionalFile = Field("", description="CA certificates (PEM) of ClickHouse.")
    clickhouse_certificate_file: OptionalFile = Field("", description="Client certificate (PEM) for ClickHouse.")
    clickhouse_key_file: OptionalFile = Field("", description="Private key (PEM) of CLICKHOUSE_CERTIFICATE_FILE.")
    clickhouse_database: str = Field("paper", pattern=r"^\w+$", description="Database of all tables.")

    paper_home: BasePath = Field(
        Path(".paper" if IS_CHECKOUT else "~/.paper"),
        description="Folder of the local stack's data, logs and process ids; after `pip install`: ~/.paper.",
    )
    paper_cache: BasePath = Field(
        Path("~/.cache/paper-trading-streams"),
        description="Folder of downloaded Java archives and of the compiled core; checkouts share it.",
    )

    topic_prefix: str = Field(
        "",
        pattern=r"^[a-zA-Z0-9._-]*$",
        description="Prefix of all topic names: pipelines can share a cluster.",
    )
    account_partitions: int = Field(4, ge=1, le=1024, description="Partitions of topics keyed by account.")
    execution_partitions: int = Field(4, ge=1, le=1024, description="Partitions of topics keyed by symbol.")

    mock_trading: bool = Field(
        True, description="true: MockExecutor draws results from the run's seed. false: ExecutionSimulator."
    )
    simulator: str = Field("", description="Name of a simulator in the reference data; empty: MOCK_TRADING decides.")
    run_id: str = Field("live", pattern=r"^[\w.-]+$", description="Name of this run in every ClickHouse row.")
    run_seed: int = Field(1, description="Seed of all random numbers of the run.")
    time_source: Literal["event", "record"] = Field(
        "event", description="event: time of the ts fields (recorded feeds). record: Kafka's append time (live)."
    )
    worker_id: str = Field(
        "",
        pattern=r"^[a-zA-Z0-9._-]*$",
        description="Name of a worker in its consumer group; empty: <host>-worker-<free number>.",
    )
    worker_session_timeout_s: float = Field(
        10.0, ge=6, description="Seconds without a heartbeat after which a worker or sink loses its partitions."
    )
    worker_batch_records: int = Field(
        4_000, ge=1, description="Maximum of records in one transaction of a shard and in one fetch of a worker."
    )
    worker_queued_batches: int = Field(
        8, ge=1, description="Batches that may wait for a shard; fetching pauses while the queue is full."
    )
    producer_queue_bytes: int = Field(
        64_000_000, ge=1_000_000, description="Bytes in a producer's queue; sending waits while it is full."
    )
    snapshot_every_records: int = Field(
        30_000, ge=1, description="Inputs between two snapshots of a shard, which bounds what recovery re-reads."
    )
    snapshot_every_bytes: int = Field(
        8_000_000, ge=1, description="Bytes of inputs between two snapshots of a shard, for the same purpose."
    )
    sink_block_rows: int = Field(
        100_000, ge=1, le=100_000, description="Maximum of rows that the sink inserts in one block."
    )
    sink_block_age_s: float = Field(1.0, gt=0, description="Seconds that a record waits in the sink at most.")
    sink_buffer_bytes: int = Field(
        128_000_000,
        ge=1_000_000,
        description="Bytes that may wait in the sink; beyond them it inserts the largest topic.",
    )
    sink_queue_bytes: int = Field(
        64_000_000, ge=4_000_000, description="Bytes that the sink's Kafka client may read ahead."
    )
    metrics_port: int = Field(9464, description="Port of the Prometheus endpoint of `paper up --workers N`.")
    process_metrics_address: str = Field(
        "",
        pattern=r"^(\S+:\d{1,5})?$",
        description="Host and port at which a worker or a sink serves its own figures to Prometheus, as in containers; "
        "empty: only through the exporter of its machine.",
    )
    serve_port: int = Field(8800, ge=1, le=65_535, description="Port of the HTTP service and its console.")
    log_format: Literal["text", "json"] = Field(
        "text", description="text: lines for people. json: one JSON object in a line, with Kafka's own lines."
    )
    watchdog_s: float = Field(
        60.0, gt=0, description="Seconds without progress after which a worker with waiting records is restarted."
    )
    reference_data: BasePath = Field(
        Path("infra/reference/instruments.toml"), description="Instruments file: tick sizes, lot sizes, fees."
    )
    limits_file: BasePath = Field(
        Path("infra/reference/limits.toml"), description="Limits file: the risk limits of accounts and of the desk."
    )

    gate_keys_file: str = Field(
        "", description="File of the gate's and the approvers' public keys; empty: gate-keys/public.toml in PAPER_HOME."
    )

    def as_environment(self) -> dict[str, str]:
        """Returns environment variables that give another process the same settings."""
        return {name.upper(): str(getattr(self, name)) for name in type(self).model_fields}

    def with_local_cluster(self) -> Settings:
        """Returns settings that name all brokers of the cluster that `paper up --brokers 3` has made, if this is it.

        Raises:
            SettingsError: the note of the cluster is damaged.
        """
        (host, port), brokers = self.kafka_host_port, read_cluster(self.paper_home)
        if len(self.kafka_addresses) > 1 or not brokers or brokers[0].broker != port:
            return self
        addresses = ",".join(f"{host}:{broker.broker}" for broker in brokers)
        return self.model_copy(update={"kafka_bootstrap_servers": addresses})

    @property
    def gate_keys(self) -> Path:
        """Path of the file of public keys, which need not exist."""
        return (
            _from_base(Path(self.gate_keys_file)) if self.gate_keys_file else self.paper_home / "gate-keys/public.toml"
        )

    @property
    def kafka_addresses(self) -> list[tuple[str, int]]:
        """Host and port of each bootstrap server."""
        return [_host_port(f"kafka://{server.strip()}", 9092) for server in self.kafka_bootstrap_servers.split(",")]

    @property
    def kafka_host_port(self) -> tuple[str, int]:
        """Host and port of the first bootstrap server."""
        return self.kafka_addresses[0]

    @property
    def registry_host_port(self) -> tuple[str, int]:
        """Host and port of the schema registry."""
        return _host_port(self.schema_registry_url, 443 if self.schema_registry_url.startswith("https:") else 80)

    @property
    def clickhouse_host_port(self) -> tuple[str, int]:
        """Host and port of ClickHouse's HTTP interface."""
        return _host_port(self.clickhouse_url, 8443 if self.clickhouse_url.startswith("https:") else 8123)


def _host_port(url: str, default_port: int) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "127.0.0.1", parts.port or default_port


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """Returns the settings of this process, which it reads once.

    Raises:
        SettingsError: the value of a variable breaks its rule.
    """
    try:
        return Settings().with_local_cluster()
    except ValidationError as error:
        problems = [f"{str(e['loc'][0]).upper()}={e['input']}: {plain_rule(e['msg'])}" for e in error.errors()]
        raise SettingsError("; ".join(problems) + "; correct the environment or .env") from error
