"""A worker's or sink's own figures over HTTP, where no exporter shares its machine: in a container."""

from collections.abc import Iterator
from contextlib import contextmanager

from infra.settings import Settings
from streams import figures
from streams.operations.health.prometheus_metrics import MetricsServer, ProcessMetrics


@contextmanager
def process_metrics(settings: Settings) -> Iterator[None]:
    """Serves /metrics on PROCESS_METRICS_ADDRESS inside the block, if it is set."""
    if not settings.process_metrics_address:
        yield
        return
    host, _, port = settings.process_metrics_address.rpartition(":")
    with MetricsServer(int(port), [ProcessMetrics(lambda: list(figures.REGISTRY.collect()))], host.strip("[]")):
        yield
