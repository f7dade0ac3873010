"""`paper sink`: lands every topic in ClickHouse."""

from __future__ import annotations

import typer

COLLECT_AFTER = 1_000_000
"""Objects. At the default, 700, looking at waiting messages takes a quarter of the sink's time."""


def register(app: typer.Typer) -> None:
    """Adds the group's commands."""
    app.command()(sink)


def sink(log_level: str = typer.Option("INFO", help="DEBUG, INFO, WARNING or ERROR.")) -> None:
    """Lands every topic in ClickHouse under RUN_ID, in the foreground. SIGTERM or Ctrl-C ends it cleanly."""
    import gc
    import logging
    import signal
    import sys

    from infra.forced_exit import STOP_PATIENCE_S, force_exit_after
    from infra.membership import member_id
    from infra.settings import get_settings
    from streams.operations.health.last_error import remembered_errors
    from streams.operations.supervisor.supervisor_pipe import end_with_supervisor
    from streams.pipeline.sink.sink import Sink

    logging.basicConfig(stream=sys.stderr, level=log_level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    for noisy in ("httpx", "httpx2"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # Messages are many, and no part of any cycle that a collection could find.
    gc.set_threshold(COLLECT_AFTER)
    settings = get_settings()
    end_with_supervisor()
    with member_id(settings, "sink") as name, remembered_errors(settings, name):
        running = Sink(settings, name)

        def stop(*_: object) -> None:
            running.stop()
            force_exit_after(STOP_PATIENCE_S, "the next start goes on behind the last block that landed")

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)
        print(f"{running.run()} records", file=sys.stderr)
