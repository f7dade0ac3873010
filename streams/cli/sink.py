"""`paper sink`: writes every topic to ClickHouse."""

from __future__ import annotations

import typer

from streams.cli.interrupts import stop_by_signals
from streams.cli.options import LOG_LEVEL

COLLECT_AFTER = 1_000_000
"""New objects between two garbage collections. At Python's 700, collections take a quarter of the sink's time."""


def register(app: typer.Typer) -> None:
    """Adds the command to `paper`."""
    app.command()(sink)


def sink(log_level: str = LOG_LEVEL) -> None:
    """Writes every topic to ClickHouse, in the foreground.

    Each row names the run (setting RUN_ID). SIGTERM or Ctrl-C stops the sink cleanly.
    """
    import gc
    import sys

    from infra.forced_exit import STOP_PATIENCE_S, force_exit_after
    from infra.log_lines import begin_logging
    from infra.membership import member_id
    from infra.settings import get_settings
    from streams.operations.health.figures_file import figures_file
    from streams.operations.health.last_error import remembered_errors
    from streams.operations.health.process_metrics import process_metrics
    from streams.operations.supervisor.supervisor_pipe import end_with_supervisor
    from streams.pipeline.sink.sink import Sink

    # The sink holds many messages, and none is part of a reference cycle.
    gc.set_threshold(COLLECT_AFTER)
    settings = get_settings()
    begin_logging(settings, log_level)
    end_with_supervisor()
    with (
        member_id(settings, "sink") as name,
        remembered_errors(settings, name),
        figures_file(settings, name),
        process_metrics(settings),
    ):
        running = Sink(settings, name)

        def stop() -> None:
            running.stop()
            force_exit_after(STOP_PATIENCE_S, "the next start continues after the last block that was inserted")

        stop_by_signals(stop)
        print(f"{running.run()} records", file=sys.stderr)
