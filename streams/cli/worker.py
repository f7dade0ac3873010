"""`paper worker`: runs the account and execution shards of this worker's partitions."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Adds the group's commands."""
    app.command()(worker)


def worker(log_level: str = typer.Option("INFO", help="DEBUG, INFO, WARNING or ERROR.")) -> None:
    """Runs one worker in the foreground; several share the partitions. SIGTERM or Ctrl-C ends it cleanly."""
    import logging

    from faust import Worker

    from infra.gc_tuning import collect_rarely
    from infra.membership import member_id
    from infra.settings import get_settings
    from streams.operations.health.last_error import remembered_errors
    from streams.operations.supervisor.supervisor_pipe import end_with_supervisor
    from streams.pipeline.worker.faust_app import make_app

    logging.getLogger("httpx2").setLevel(logging.WARNING)
    settings = get_settings()
    end_with_supervisor()
    with member_id(settings, "worker", settings.worker_id) as name, remembered_errors(settings, name):
        app = make_app(settings, name)
        collect_rarely()
        Worker(app, loglevel=log_level, redirect_stdouts=False).execute_from_commandline()
