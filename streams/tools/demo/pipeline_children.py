"""Workers and sink as child processes, ended by their own process ids."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.settings import REPOSITORY, Settings
from streams.errors import ChildError

STOP_TIMEOUT_S = 20.0
WORKER = "worker"
LOG_TAIL_LINES = 15


class Children:
    """Child processes by name, each with a log file of its own in PAPER_HOME/logs."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._logs: dict[str, Path] = {}

    def start(self, name: str, *command: str, environment: dict[str, str] | None = None) -> None:
        """Starts `paper COMMAND` with these settings, or with others."""
        log = self._settings.paper_home / "logs" / f"{self._settings.run_id}-{name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        chosen = environment or self._settings.as_environment()
        with log.open("wb") as output:
            self._processes[name] = subprocess.Popen(
                [sys.executable, "-m", "streams.cli", *command],
                cwd=REPOSITORY,
                env={**os.environ, **chosen, "PYTHONPATH": str(REPOSITORY)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._logs[name] = log

    def demand_alive(self) -> None:
        """Raises ChildError with the end of its log for a child that has ended."""
        for name, process in self._processes.items():
            if process.poll() is not None:
                tail = "\n".join(self._logs[name].read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:])
                raise ChildError(f"{name} ended with exit code {process.returncode}; {self._logs[name]} ends:\n{tail}")

    def pids(self) -> list[int]:
        """Process ids of the children."""
        return [process.pid for process in self._processes.values()]

    def stop(self, prefix: str = "") -> None:
        """Asks those whose name begins so to finish, waits STOP_TIMEOUT_S, and kills what is left."""
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
def running_pipeline(settings: Settings, workers: int, on_progress: Callable[[str], None]) -> Iterator[Children]:
    """Workers and a sink, running inside the block."""
    children = Children(settings)
    try:
        for number in range(1, workers + 1):
            children.start(f"{WORKER}-{number}", "worker")
        children.start("sink", "sink")
        on_progress(f"{workers} worker{'s' if workers > 1 else ''} and the sink were started")
        yield children
    finally:
        children.stop(WORKER)
        children.stop()
