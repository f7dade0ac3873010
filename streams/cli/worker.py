"""`paper worker`: runs the account and execution shards of this worker's partitions."""

import typer


def worker(
    log_level: str = typer.Option("INFO", help="DEBUG, INFO, WARNING or ERROR."),
) -> None:
    """Runs one worker in the foreground; several share the partitions. Ctrl-C or SIGTERM finishes the batch and leaves."""
    from faust import Worker

    from infra.settings import get_settings
    from streams.worker.app import make_app

    app = make_app(get_settings())
    Worker(app, loglevel=log_level, quiet=False, redirect_stdouts=False).execute_from_commandline()
