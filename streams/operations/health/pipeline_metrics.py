"""All metrics of a pipeline behind one address, as `paper exporter` and the supervisor serve them."""

from collections.abc import Iterator
from contextlib import contextmanager

from infra.settings import Settings
from streams.operations.health.figures_file import read_figures
from streams.operations.health.health import Health
from streams.operations.health.observer import Observer
from streams.operations.health.prometheus_metrics import (
    LOOPBACK,
    HealthMetrics,
    MetricsServer,
    ProcessMetrics,
    TableMetrics,
)
from streams.operations.health.table_figures import TableObserver


@contextmanager
def pipeline_metrics(settings: Settings, observer: Observer[Health], host: str = LOOPBACK) -> Iterator[None]:
    """Serves /metrics on METRICS_PORT inside the block."""
    with TableObserver(settings) as tables:
        collectors = [HealthMetrics(observer), TableMetrics(tables), ProcessMetrics(lambda: read_figures(settings))]
        with MetricsServer(settings.metrics_port, collectors, host):
            yield
