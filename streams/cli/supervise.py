"""`paper supervise`, `paper exporter`: keep workers and a sink running, and export health metrics."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Adds the commands to `paper`."""
    for command in (supervise, exporter):
        app.command()(command)


def supervise(workers: int = typer.Option(1, min=1, help="Number of workers.")) -> None:
    """Keeps workers and a sink running, in the foreground, and exports their health as Prometheus metrics.

    `paper up --workers N` runs this command in the background.
    """
    import signal

    from infra.log_lines import begin_logging
    from infra.settings import get_settings
    from streams.operations.supervisor.supervisor import Supervisor

    settings = get_settings()
    begin_logging(settings, "INFO")
    running = Supervisor(settings, workers)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: running.stop())
    running.run()


def exporter(
    host: str = typer.Option("127.0.0.1", help="Address to listen on; 0.0.0.0 is every address of this machine."),
    interval: float = typer.Option(5.0, min=0.5, help="Seconds between two measurements."),
) -> None:
    """Exports the pipeline's health as Prometheus metrics, in the foreground.

    The setting METRICS_PORT names the port.
    """
    import threading

    from infra.log_lines import begin_logging
    from infra.settings import get_settings
    from streams.operations.health.health_collector import HealthCollector
    from streams.operations.health.observer import Observer
    from streams.operations.health.pipeline_metrics import pipeline_metrics

    settings = get_settings()
    begin_logging(settings, "INFO")
    observer = Observer(HealthCollector(settings).collect)
    observer.observe()
    with pipeline_metrics(settings, observer, host):
        try:
            while not threading.Event().wait(interval):
                observer.observe()
        except KeyboardInterrupt:
            return
