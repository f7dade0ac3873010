"""One supervised process: started, reaped, restarted after a pause, stopped."""

import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from infra import processes
from infra.settings import REPOSITORY
from streams.operations.health.supervisor_state import ChildState
from streams.operations.supervisor.restart_backoff import Backoff
from streams.operations.supervisor.supervisor_pipe import VARIABLE

log = logging.getLogger(__name__)


class Child:
    """`paper COMMAND` with an environment and a log file.

    pipe: a file descriptor that is at its end when the supervisor is gone.
    """

    def __init__(self, name: str, command: list[str], environment: dict[str, str], log_file: Path, pipe: int) -> None:
        self.name = name
        self.born = 0.0
        self._command = [sys.executable, "-P", "-m", "streams.cli", *command]
        self._environment = {**os.environ, **environment, "PYTHONPATH": str(REPOSITORY), VARIABLE: str(pipe)}
        self._log_file = log_file
        self._pipe = pipe
        self._process: subprocess.Popen[bytes] | None = None
        self._backoff = Backoff()
        self._due = 0.0
        self._restarts = -1
        self._last_end = ""

    def tend(self) -> bool:
        """Reaps the process if it has ended, starts it if that is due. Whether anything changed."""
        now = time.monotonic()
        if self._process is not None and self._process.poll() is not None:
            self._last_end = _ending(self._process.returncode)
            self._process = None
            pause_s = self._backoff.pause_s(now - self.born)
            self._due = now + pause_s
            log.warning(
                "%s ended with %s; it starts again in %.1f s; see %s",
                self.name,
                self._last_end,
                pause_s,
                self._log_file,
            )
            return True
        if self._process is None and now >= self._due:
            self._start(now)
            return True
        return False

    def _start(self, now: float) -> None:
        self._log_file.parent.mkdir(parents=True, exist_ok=True)
        processes.rotate(self._log_file)
        with self._log_file.open("ab") as output:
            self._process = subprocess.Popen(
                self._command,
                cwd=REPOSITORY,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=(self._pipe,),
            )
        self.born = now
        self._restarts += 1
        log.info("%s started, pid %d", self.name, self._process.pid)

    def kill(self, reason: str) -> None:
        """kill -9; tend() starts it again."""
        if self._process is not None:
            log.warning("%s is killed: %s", self.name, reason)
            self._process.kill()

    def ask_to_end(self) -> None:
        """SIGTERM."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def await_end(self, deadline: float) -> None:
        """Waits until then, and kills it afterwards."""
        if self._process is None:
            return
        try:
            self._process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.kill("it did not end when asked")
            self._process.wait()
        self._process = None

    @property
    def lives(self) -> bool:
        """Whether its process runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def state(self) -> ChildState:
        """For the state file."""
        return ChildState(
            self.name, self._process.pid if self._process else None, max(self._restarts, 0), self._last_end
        )


def _ending(returncode: int) -> str:
    return f"signal {signal.Signals(-returncode).name}" if returncode < 0 else f"exit code {returncode}"
