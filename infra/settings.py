"""All settings, in one place, read from the environment and from `.env`."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from infra.errors import SettingsError
from infra.principal import PRINCIPAL_NAME

REPOSITORY = Path(__file__).resolve().parent.parent


def _from_repository(path: Path) -> Path:
    """A relative path means the same from every working folder: it starts at the repository."""
    return REPOSITORY / path.expanduser()


RepositoryPath = Annotated[Path, AfterValidator(_from_repository)]


class Settings(BaseSettings):
    """Settings of the pipeline and its stack. The environment wins over `.env`, `.env` over the defaults.

    The containers of docker-compose.yml read the same class, so a default stands here and nowhere else.
    """

    model_config = SettingsConfigDict(env_file=REPOSITORY / ".env", extra="ignore", frozen=True)

    kafka_bootstrap_servers: str = Field("127.0.0.1:9092", description="Host and port of the Kafka broker.")
    kafka_controller_port: int = Field(9093, description="Port of the local broker's KRaft controller.")
    kafka_security: Literal["plaintext", "scram"] = Field(
        "plaintext", description="scram: the broker asks for passwords and keeps to infra/kafka/access.py."
    )
    kafka_principal: str = Field(
        "", pattern=PRINCIPAL_NAME, description="Who connects under KAFKA_SECURITY=scram; empty: each command's own."
    )
    schema_registry_url: str = Field(
        "http://127.0.0.1:8081/apis/ccompat/v7", description="Confluent-compatible API of the registry."
    )
    clickhouse_url: str = Field("http://127.0.0.1:8123", description="HTTP interface of ClickHouse.")
    clickhouse_database: str = Field("paper", pattern=r"^\w+$", description="Database of all tables.")

    paper_home: RepositoryPath = Field(
        Path(".paper"), description="Folder of the local stack's data, logs and process ids."
    )
    paper_cache: RepositoryPath = Field(
        Path("~/.cache/paper-trading-streams"), description="Folder of downloaded Java archives."
    )

    topic_prefix: str = Field(
        "", pattern=r"^[a-zA-Z0-9._-]*$", description="Put before each topic name: pipelines share a cluster."
    )
    account_partitions: int = Field(4, ge=1, le=1024, description="Partitions of topics keyed by account.")
    execution_partitions: int = Field(4, ge=1, le=1024, description="Partitions of topics keyed by symbol.")

    mock_trading: bool = Field(
        True, description="true: MockExecutor draws outcomes from the run's seed. false: ExecutionSimulator."
    )
    simulator: str = Field("", description="Simulator by its name in the reference data; empty: MOCK_TRADING decides.")
    run_id: str = Field("live", pattern=r"^[\w.-]+$", description="Name of this run in every ClickHouse row.")
    run_seed: int = Field(1, description="Seed of everything random in the run.")
    time_source: Literal["event", "record"] = Field(
        "event", description="event: the ts fields (recorded feeds). record: Kafka timestamps (live)."
    )
    worker_id: str = Field(
        "",
        pattern=r"^[a-zA-Z0-9._-]*$",
        description="A worker's name in its group; empty: <host>-worker-<free number>.",
    )
    worker_session_timeout_s: float = Field(
        10.0, ge=6, description="Seconds of silence after which a worker's or sink's partitions go to others."
    )
    worker_batch_records: int = Field(
        4_000, ge=1, description="Records that a shard takes into one transaction, and that a worker fetches at once."
    )
    worker_queued_batches: int = Field(8, ge=1, description="Batches that wait for a shard; then fetching waits.")
    producer_queue_bytes: int = Field(
        64_000_000, ge=1_000_000, description="Bytes that a producer holds for the broker; then sending waits."
    )
    snapshot_every_records: int = Field(
        30_000, ge=1, description="Inputs between two snapshots of a shard: bounds what recovery re-reads."
    )
    snapshot_every_bytes: int = Field(
        8_000_000, ge=1, description="Bytes of inputs between two snapshots of a shard, likewise."
    )
    sink_block_rows: int = Field(
        100_000, ge=1, le=100_000, description="Rows of a topic that the sink inserts at once."
    )
    sink_block_age_s: float = Field(1.0, gt=0, description="Seconds after which the sink inserts what it has.")
    sink_buffer_bytes: int = Field(
        128_000_000, ge=1_000_000, description="Bytes that wait in the sink; with more it inserts, then reads on."
    )
    sink_queue_bytes: int = Field(
        64_000_000, ge=4_000_000, description="Bytes that the sink's Kafka client reads ahead."
    )
    metrics_port: int = Field(9464, description="Port of the Prometheus endpoint of `paper up --workers N`.")
    watchdog_s: float = Field(
        60.0, gt=0, description="Seconds without progress, while records wait, after which a worker is restarted."
    )
    reference_data: RepositoryPath = Field(
        Path("infra/reference/instruments.toml"), description="Instruments file: ticks, lots, fees."
    )
    limits_file: RepositoryPath = Field(
        Path("infra/reference/limits.toml"), description="Limits file: the controls of accounts, and their numbers."
    )

    def as_environment(self) -> dict[str, str]:
        """Variables that give another process these same settings."""
        return {name.upper(): str(getattr(self, name)) for name in type(self).model_fields}

    @property
    def kafka_host_port(self) -> tuple[str, int]:
        """First bootstrap server."""
        return _host_port(f"kafka://{self.kafka_bootstrap_servers.split(',')[0]}", 9092)

    @property
    def registry_host_port(self) -> tuple[str, int]:
        return _host_port(self.schema_registry_url, 80)

    @property
    def clickhouse_host_port(self) -> tuple[str, int]:
        return _host_port(self.clickhouse_url, 8123)


def _host_port(url: str, default_port: int) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "127.0.0.1", parts.port or default_port


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The process's settings, read once.

    Raises:
        SettingsError: a variable's value breaks its rule.
    """
    try:
        return Settings()
    except ValidationError as error:
        problems = [f"{str(e['loc'][0]).upper()}={e['input']}: {e['msg']}" for e in error.errors()]
        raise SettingsError("; ".join(problems) + "; correct the environment or .env") from error
