"""Runs workers, sinks and commands as a user does: as processes with a pipeline's settings."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.settings import REPOSITORY, Settings
from tests.end_to_end.warm_commands import command_host

COMMAND_TIMEOUT_S = 300
STOP_TIMEOUT_S = 30
POLL_S = 0.05
PAPER = "streams.cli"


def environment(settings: Settings) -> dict[str, str]:
    """Returns the environment of a shell with these settings."""
    path = [str(REPOSITORY), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, **settings.as_environment(), "PYTHONPATH": os.pathsep.join(path)}


def paper(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs a `paper` command to its end, as a process of its own."""
    variables, host = environment(settings), command_host()
    if host.serves(variables):
        return host.run(arguments, variables, COMMAND_TIMEOUT_S)
    return subprocess.run(
        [sys.executable, "-m", PAPER, *arguments],
        cwd=REPOSITORY,
        env=variables,
        capture_output=True,
        text=True,
        timeout=COMMAND_TIMEOUT_S,
        check=False,
    )


def done(settings: Settings, *arguments: str, code: int = 0) -> str:
    """Runs a `paper` command, demands its exit code, and returns what it prints on stdout."""
    return _ended(settings, *arguments, code=code).stdout


def told(settings: Settings, *arguments: str, code: int = 0) -> str:
    """Runs a `paper` command, demands its exit code, and returns what it prints on stdout, then on stderr."""
    result = _ended(settings, *arguments, code=code)
    return result.stdout + result.stderr


def _ended(settings: Settings, *arguments: str, code: int) -> subprocess.CompletedProcess[str]:
    result = paper(settings, *arguments)
    assert result.returncode == code, f"paper {' '.join(arguments)}:\n{result.stdout}\n{result.stderr}"
    return result


class Background:
    """A command that runs until it is stopped. module: what stands in place of `paper`."""

    def __init__(self, settings: Settings, log: Path, *arguments: str, module: str = PAPER) -> None:
        self.log = log
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                cwd=REPOSITORY,
                env=environment(settings),
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def await_log(self, text: str) -> None:
        """Waits until the log of the command contains a text."""
        deadline = time.monotonic() + COMMAND_TIMEOUT_S
        while text not in self.log.read_text():
            assert self.process.poll() is None, f"ended with {self.process.returncode}:\n{self.log.read_text()}"
            assert time.monotonic() < deadline, f"{text!r} did not come:\n{self.log.read_text()}"
            time.sleep(POLL_S)

    def kill(self) -> None:
        """Kills the command with SIGKILL."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """Ends the command with SIGTERM and returns its exit code."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(
                f"did not end within {STOP_TIMEOUT_S} s of SIGTERM; see {self.log.read_text()}"
            ) from None


@contextmanager
def running(settings: Settings, folder: Path, *arguments: str, module: str = PAPER) -> Iterator[Background]:
    """Runs a command in the background until the block ends."""
    log = folder / f"{arguments[0]}-{len(list(folder.iterdir()))}.log"
    background = Background(settings, log, *arguments, module=module)
    try:
        yield background
    finally:
        if background.process.poll() is None:
            background.stop()
