"""`paper worker`: runs the account and execution shards of a worker's partitions."""

from __future__ import annotations

import typer

from streams.cli.options import LOG_LEVEL


def register(app: typer.Typer) -> None:
    """Adds the command to `paper`."""
    app.command()(worker)


def worker(log_level: str = LOG_LEVEL) -> None:
    """Runs one worker, which checks and executes orders, in the foreground.

    Several workers share the partitions. SIGTERM or Ctrl-C stops a worker cleanly. Exit code 4 if another worker, on
    this machine or another one, has the name of this one.
    """
    import logging

    from faust import Worker

    from infra.gc_tuning import collect_rarely
    from infra.kafka.partition_check import await_checked_partitions
    from infra.log_lines import begin_logging
    from infra.membership import member_id
    from infra.settings import get_settings
    from streams.operations.health.figures_file import figures_file
    from streams.operations.health.last_error import remembered_errors
    from streams.operations.health.parked_file import parked_file
    from streams.operations.health.process_metrics import process_metrics
    from streams.operations.supervisor.supervisor_pipe import end_with_supervisor
    from streams.pipeline.worker.faust_app import make_app

    logging.getLogger("httpx2").setLevel(logging.WARNING)
    settings = get_settings()
    if settings.log_format == "json":
        begin_logging(settings, log_level)
    end_with_supervisor()
    with (
        member_id(settings, "worker", settings.worker_id) as name,
        remembered_errors(settings, name),
        figures_file(settings, name),
        process_metrics(settings),
        parked_file(settings, name) as parked,
    ):
        await_checked_partitions(settings)
        app = make_app(settings, name, parked.write)
        collect_rarely()
        try:
            own_log = settings.log_format == "json"
            Worker(
                app, loglevel=log_level, redirect_stdouts=False, override_logging=not own_log
            ).execute_from_commandline()
        except SystemExit:
            # Faust turns the error that has stopped the worker into exit code 1.
            if app.crash_reason is not None:
                raise app.crash_reason from None
            raise
