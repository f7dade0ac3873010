"""Runs `paper` commands in a terminal, as a person sees them."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager

from infra.settings import REPOSITORY, Settings
from tests.end_to_end.processes import COMMAND_TIMEOUT_S, PAPER, STOP_TIMEOUT_S, environment

ROWS, COLUMNS = 50, 80
READ_BYTES = 65_536
CODES = re.compile(r"\x1b\[[0-9;?<>=]*[A-Za-z]|\x1b[()][A-Z0-9]|\x1b[=>]")
"""Codes that move the cursor and colour the text."""


NAMED = re.compile(r"^[a-z_0-9]+( [a-z_0-9]+)?  +\S")
"""A line of a name and a value, which may be longer than the terminal."""


def too_wide(text: str) -> list[str]:
    """Returns the lines of tables that a terminal of 80 columns would break."""
    lines = CODES.sub("", text).splitlines()
    return [line for line in lines if len(line) > COLUMNS and not NAMED.match(line)]


class Terminal:
    """A command in a terminal of 80 columns."""

    def __init__(self, settings: Settings, *arguments: str) -> None:
        self._screen, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        variables = environment(settings) | {"TERM": "xterm-256color"}
        for name in ("COLUMNS", "LINES", "NO_COLOR"):
            variables.pop(name, None)
        self.process = subprocess.Popen(
            [sys.executable, "-m", PAPER, *arguments],
            cwd=REPOSITORY,
            env=variables,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        self.shown = ""

    def await_text(self, text: str) -> None:
        """Waits until a text has been shown."""
        deadline = time.monotonic() + COMMAND_TIMEOUT_S
        while text not in self.shown:
            assert time.monotonic() < deadline, f"{text!r} did not come:\n{self.shown}"
            assert self._read(1.0), f"ended without {text!r}:\n{self.shown}"

    def read_for(self, seconds: float) -> None:
        """Reads what is shown in some seconds, or until the command ends."""
        deadline = time.monotonic() + seconds
        while (left_s := deadline - time.monotonic()) > 0 and self._read(left_s):
            pass

    def press(self, keys: str) -> None:
        """Presses keys."""
        os.write(self._screen, keys.encode())

    def interrupt(self) -> int:
        """Presses Ctrl-C, and returns the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.ended()

    def ended(self) -> int:
        """Waits until the command has ended, and returns its exit code."""
        while self._read(STOP_TIMEOUT_S):
            pass
        return self.process.wait(STOP_TIMEOUT_S)

    def close(self) -> None:
        """Kills the command if it still runs."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._screen)

    def _read(self, patience_s: float) -> bool:
        """Reads what is shown, or waits. Returns whether the terminal is still open."""
        if not select.select([self._screen], [], [], patience_s)[0]:
            return self.process.poll() is None
        try:
            data = os.read(self._screen, READ_BYTES)
        except OSError:
            return False  # Linux's answer when the last process has closed its end.
        self.shown += CODES.sub("", data.decode(errors="replace"))
        return bool(data)


@contextmanager
def terminal(settings: Settings, *arguments: str) -> Iterator[Terminal]:
    """Runs a command in a terminal until the block ends."""
    found = Terminal(settings, *arguments)
    try:
        yield found
    finally:
        found.close()
