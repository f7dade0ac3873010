"""One supervised process: started, reaped, restarted after a pause, stopped."""

import logging
import signal
import subprocess
import time
from pathlib import Path

from infra import processes
from streams.errors import WorkerIdClash
from streams.operations.health.health import ProcessHealth
from streams.operations.paper_process import start_paper
from streams.operations.supervisor.restart_backoff import RestartBackoff
from streams.operations.supervisor.supervisor_pipe import VARIABLE

log = logging.getLogger(__name__)


class SupervisedProcess:
    """A `paper` command with an environment and a log file of its own.

    pipe: reading end of a pipe whose writing end only the supervisor holds (supervisor_pipe.py).
    started: when the process was last started, seconds of the monotonic clock.
    """

    def __init__(self, name: str, command: list[str], environment: dict[str, str], log_file: Path, pipe: int) -> None:
        self.name = name
        self.started = 0.0
        self._command = command
        self._environment = {**environment, VARIABLE: str(pipe)}
        self._log_file = log_file
        self._pipe = pipe
        self._process: subprocess.Popen[bytes] | None = None
        self._backoff = RestartBackoff()
        self._due = 0.0
        self._given_up = ""
        self._restarts = -1
        self._last_end = ""

    def tend(self) -> bool:
        """Reaps the process if it has ended, and starts it if that is due. Returns whether its state changed."""
        now = time.monotonic()
        if self._process is not None and self._process.poll() is not None:
            returncode, self._process = self._process.returncode, None
            self._last_end = ending(returncode)
            if returncode == WorkerIdClash.exit_code:
                self._given_up = f"it is not started again: another worker has its name; see {self._log_file}"
                log.error("%s ended with %s; %s", self.name, self._last_end, self._given_up)
                return True
            pause_s = self._backoff.pause_s(now - self.started)
            self._due = now + pause_s
            log.warning(
                "%s ended with %s; it starts again in %.1f s; see %s",
                self.name,
                self._last_end,
                pause_s,
                self._log_file,
            )
            return True
        if self._process is None and now >= self._due and not self._given_up:
            self._start(now)
            return True
        return False

    def _start(self, now: float) -> None:
        self._log_file.parent.mkdir(parents=True, exist_ok=True)
        processes.rotate(self._log_file)
        with self._log_file.open("ab") as output:
            self._process = start_paper(self._command, self._environment, output, (self._pipe,))
        self.started = now
        self._restarts += 1
        log.info("%s started, pid %d", self.name, self._process.pid)

    def kill(self, reason: str) -> None:
        """Sends SIGKILL and logs the reason; tend() starts the process again."""
        process = self._process  # The supervisor's main thread may reap it meanwhile.
        if process is not None:
            log.warning("%s is killed: %s", self.name, reason)
            process.kill()

    def terminate(self) -> None:
        """Sends SIGTERM."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def await_end(self, deadline: float) -> None:
        """Waits for the end of the process until the deadline (monotonic clock), then kills it."""
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
        """True while the process runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def health(self) -> ProcessHealth:
        """The entry of the supervisor's state file."""
        return ProcessHealth(
            self.name,
            self._process.pid if self._process else None,
            max(self._restarts, 0),
            self._last_end,
            self._given_up or self._backoff.complaint(time.monotonic() - self.started),
        )


def ending(returncode: int) -> str:
    """Returns how a process ended, as people read it. returncode: negative for a signal."""
    return f"signal {signal.Signals(-returncode).name}" if returncode < 0 else f"exit code {returncode}"
