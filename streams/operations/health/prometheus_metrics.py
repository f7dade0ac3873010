"""A pipeline's health as Prometheus metrics over HTTP."""

from collections.abc import Callable, Iterator, Sequence
from types import TracebackType

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from streams.operations.health.health import FeedReport, Health
from streams.operations.health.observer import Observer
from streams.operations.health.table_figures import TableFigures

LOOPBACK = "127.0.0.1"
MS_PER_S = 1_000
PARTITION_LABELS = ["group", "topic", "partition"]


class HealthMetrics(Collector):
    """Metrics of the newest health; without one, or with an old one, only those of the observations themselves."""

    def __init__(self, observer: Observer[Health]) -> None:
        self._observer = observer

    def collect(self) -> Iterator[Metric]:
        """See prometheus_client.registry.Collector."""
        health, observed = self._observer.newest, self._observer.observed
        kafka_up = health is not None and not health.kafka
        yield _gauge("paper_kafka_up", "1 if Kafka answered the last request.", [], [([], float(kafka_up))])
        yield _gauge(
            "paper_observation_age_seconds", "Seconds since the health was last read.", [], [([], observed.age_s)]
        )
        yield CounterMetricFamily("paper_observer_errors", "Attempts to read the health that failed.", observed.errors)
        if health is not None:
            yield _gauge(
                "paper_complaints",
                "Records and observations that `paper status` complains about.",
                [],
                [([], len(health.complaints))],
            )
            yield from _partition_metrics(health)
            yield from _snapshot_metrics(health)
            yield from _shard_metrics(health)
            yield from _process_metrics(health)
            yield from _feed_metrics(health)


class TableMetrics(Collector):
    """Metrics of a run's tables; only paper_clickhouse_up while they can't be read."""

    def __init__(self, observer: Observer[TableFigures]) -> None:
        self._observer = observer

    def collect(self) -> Iterator[Metric]:
        """See prometheus_client.registry.Collector."""
        found = self._observer.newest
        up = found is not None and not found.problem
        yield _gauge("paper_clickhouse_up", "1 if ClickHouse answered the last request.", [], [([], float(up))])
        if found is None or found.problem:
            return
        results = CounterMetricFamily(
            "paper_order_results", "Order results of the run by kind of report.", labels=["result"]
        )
        for result, count in found.results.items():
            results.add_metric([result], count)
        yield results
        letters = CounterMetricFamily(
            "paper_dead_letters",
            "Dead letters of the run by topic of the record and class of the error.",
            labels=["topic", "reason"],
        )
        for (topic, reason), count in found.letters.items():
            letters.add_metric([topic, reason], count)
        yield letters
        yield _gauge(
            "paper_breakers_open",
            "Accounts whose breaker is open.",
            ["breaker"],
            [([breaker], count) for breaker, count in found.open_breakers.items()],
        )
        yield _gauge(
            "paper_market_age_seconds",
            "Age of the newest market record of a source.",
            ["source"],
            [([source], age) for source, age in found.source_ages.items()],
        )


class ProcessMetrics(Collector):
    """Metrics that the workers and sinks of this machine count of themselves. read: returns them as of now."""

    def __init__(self, read: Callable[[], list[Metric]]) -> None:
        self._read = read

    def collect(self) -> Iterator[Metric]:
        """See prometheus_client.registry.Collector."""
        yield from self._read()


def _partition_metrics(health: Health) -> Iterator[Metric]:
    lag = [([item.group, item.topic, str(item.partition)], item) for item in health.lag]
    yield _gauge(
        "paper_lag_records",
        "Offsets of a partition that a group has not processed.",
        PARTITION_LABELS,
        [(labels, item.records) for labels, item in lag],
    )
    yield _gauge(
        "paper_lag_seconds",
        "Age of the oldest record that a group has not processed.",
        PARTITION_LABELS,
        [(labels, item.seconds) for labels, item in lag if item.seconds is not None],
    )
    yield _gauge(
        "paper_partition_owner",
        "1 for the member that reads a partition.",
        [*PARTITION_LABELS, "member"],
        [([item.group, item.topic, str(item.partition), item.member], 1) for item in health.owners],
    )


def _snapshot_metrics(health: Health) -> Iterator[Metric]:
    yield _gauge(
        "paper_snapshot_age_seconds",
        "Age of a shard's newest snapshot.",
        ["shard"],
        [([item.shard], item.seconds) for item in health.snapshots],
    )
    yield _gauge(
        "paper_snapshot_sequence",
        "Journal sequence of a shard's newest snapshot.",
        ["shard"],
        [([item.shard], item.sequence) for item in health.snapshots if item.sequence is not None],
    )


def _shard_metrics(health: Health) -> Iterator[Metric]:
    yield _gauge(
        "paper_quarantined_records",
        "Records of a shard that were quarantined, or refused as forged, since a person last acknowledged them.",
        ["shard"],
        [([item.shard], item.alarms) for item in health.journals],
    )
    yield _gauge(
        "paper_parked_shards",
        "Shards that can't work and are tried again, of the workers of this machine.",
        [],
        [([], len(health.parked))],
    )


def _process_metrics(health: Health) -> Iterator[Metric]:
    yield _gauge(
        "paper_process_up",
        "1 for a supervised process that runs.",
        ["process"],
        [([item.name], float(item.pid is not None)) for item in health.processes],
    )
    yield _gauge(
        "paper_process_restarts",
        "Restarts of a process since its supervisor started.",
        ["process"],
        [([item.name], item.restarts) for item in health.processes],
    )
    yield _gauge(
        "paper_process_complaint",
        "1 for a process that restarts do not help.",
        ["process"],
        [([item.name], float(bool(item.complaint))) for item in health.processes],
    )
    error = health.last_error
    yield _gauge(
        "paper_last_error_timestamp_seconds",
        "Time at which an error last stopped a process.",
        ["process", "error_class"],
        [([error.process, error.error_class], error.at)] if error else [],
    )


def _feed_metrics(health: Health) -> Iterator[Metric]:
    feeds = [([feed.health.source, " ".join(feed.health.symbols)], feed) for feed in health.feeds]

    def gauge(name: str, text: str, value: Callable[[FeedReport], float | None]) -> Metric:
        samples = [(labels, value(feed)) for labels, feed in feeds]
        known = [(labels, number) for labels, number in samples if number is not None]
        return _gauge(f"paper_feed_{name}", text, ["source", "symbols"], known)

    yield gauge(
        "connected", "1 for a live feed that runs and is connected.", lambda feed: feed.runs and feed.health.connected
    )
    yield gauge(
        "updates_per_second",
        "Updates of a live feed in its last second.",
        lambda feed: feed.runs * feed.health.updates_per_s,
    )
    yield gauge(
        "age_seconds", "Seconds since the last update of a live feed.", lambda feed: feed.health.age_s + feed.age_s
    )
    yield gauge("gaps", "Halts of symbols by a live feed since its start.", lambda feed: feed.health.gaps)
    yield gauge("reconnects", "Connections that a live feed has made again.", lambda feed: feed.health.reconnects)
    yield gauge(
        "skew_seconds",
        "Least difference of receipt and exchange time: this computer's clock against the exchange's.",
        lambda feed: None if feed.health.skew_ms is None else feed.health.skew_ms / MS_PER_S,
    )


def _gauge(name: str, text: str, labels: list[str], samples: list[tuple[list[str], float]]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=labels)
    for values, value in samples:
        family.add_metric(values, value)
    return family


class MetricsServer:
    """An HTTP server of /metrics that runs inside the block."""

    def __init__(self, port: int, collectors: Sequence[Collector], host: str = LOOPBACK) -> None:
        self._port = port
        self._host = host
        self._registry = CollectorRegistry()
        for collector in collectors:
            self._registry.register(collector)

    def __enter__(self) -> None:
        self._server, self._thread = start_http_server(self._port, self._host, self._registry)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
