"""Workers and a sink as child processes of this one."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.processes import log_tail
from infra.settings import Settings
from streams.errors import ChildError
from streams.operations.paper_process import start_paper

STOP_TIMEOUT_S = 20.0
WORKER = "worker"


class PipelineChildren:
    """Child processes by name, each with a log file of its own in PAPER_HOME/logs."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._logs: dict[str, Path] = {}

    def start(self, name: str, command: str) -> None:
        """Starts `paper COMMAND` with these settings."""
        log = self._settings.paper_home / "logs" / f"{self._settings.run_id}-{name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as output:
            self._processes[name] = start_paper([command], self._settings.as_environment(), output)
        self._logs[name] = log

    def demand_alive(self) -> None:
        """Raises ChildError, with the end of its log, if a child has ended."""
        for name, process in self._processes.items():
            if process.poll() is not None:
                log = self._logs[name]
                raise ChildError(f"{name} ended with exit code {process.returncode}; {log} ends:\n{log_tail(log)}")

    def pids(self) -> list[int]:
        """Returns the process ids of the children."""
        return [process.pid for process in self._processes.values()]

    def stop(self, prefix: str = "") -> None:
        """Sends SIGTERM to the children whose name has the prefix, and SIGKILL to those left after STOP_TIMEOUT_S."""
        stopped = [self._processes.pop(name) for name in list(self._processes) if name.startswith(prefix)]
        for process in stopped:
            process.terminate()
        for process in stopped:
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def running_pipeline(
    settings: Settings, workers: int, on_progress: Callable[[str], None]
) -> Iterator[PipelineChildren]:
    """Yields workers and a sink that run inside the block."""
    children = PipelineChildren(settings)
    try:
        for number in range(1, workers + 1):
            children.start(f"{WORKER}-{number}", "worker")
        children.start("sink", "sink")
        on_progress(f"{workers} worker{'s' if workers > 1 else ''} and the sink were started")
        yield children
    finally:
        # The workers first, so that the sink can still land their last records.
        children.stop(WORKER)
        children.stop()
