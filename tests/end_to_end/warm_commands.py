"""Runs `paper` commands as processes of a host that has loaded their modules (command_host)."""

from __future__ import annotations

import atexit
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from functools import cache

from infra.settings import REPOSITORY

HOST = "tests.end_to_end.command_host"
READ_AT_START = ("LANG", "LC_", "LD_", "MALLOC_", "PAPER_COMPILED", "PYTHON", "TZ")
"""Beginnings of variables that Python, its libraries or the system read when a process starts."""
ENVIRONMENT = dict(os.environ)
"""The environment of this process before a test has changed it."""
READ_BYTES = 65_536
STOP_TIMEOUT_S = 30


class CommandHost:
    """A host of commands, which ends with this process."""

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", HOST, str(theirs.fileno())],
                cwd=REPOSITORY,
                env=ENVIRONMENT,
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )

    @property
    def pid(self) -> int:
        """Process id of the host."""
        return self._process.pid

    def serves(self, environment: Mapping[str, str]) -> bool:
        """Returns whether a new process with this environment would start as the host did."""
        return _read_at_start(environment) == _read_at_start(ENVIRONMENT)

    def close(self) -> None:
        """Ends the host."""
        self._control.close()
        self._process.wait(STOP_TIMEOUT_S)

    def run(
        self, arguments: Sequence[str], environment: Mapping[str, str], timeout_s: float
    ) -> subprocess.CompletedProcess[str]:
        """Runs a command until it has ended and nobody writes its output any more.

        Raises subprocess.TimeoutExpired after it has killed the command.
        """
        caller, theirs = socket.socketpair()
        pipes = [os.pipe(), os.pipe()]
        with caller, open(pipes[0][0], "rb", 0), open(pipes[1][0], "rb", 0):
            with theirs, open(pipes[0][1], "wb", 0), open(pipes[1][1], "wb", 0):
                socket.send_fds(self._control, [b"\0"], [theirs.fileno(), pipes[0][1], pipes[1][1]])
            caller.sendall(json.dumps({"arguments": list(arguments), "environment": dict(environment)}).encode())
            caller.shutdown(socket.SHUT_WR)
            begun = caller.recv(READ_BYTES)
            assert begun, "the host of commands has ended; stderr says why"
            texts = {caller.fileno(): begun, pipes[0][0]: b"", pipes[1][0]: b""}
            ended = _read_all(texts, timeout_s)
        told, stdout, stderr = (text.decode() for text in texts.values())
        if not ended:
            os.kill(int(told.split()[0]), signal.SIGKILL)
            raise subprocess.TimeoutExpired(["paper", *arguments], timeout_s, stdout, stderr)
        _, code = told.split()
        return subprocess.CompletedProcess(["paper", *arguments], int(code), stdout, stderr)


@cache
def command_host() -> CommandHost:
    """Returns the host of this process, which it starts once."""
    host = CommandHost()
    atexit.register(host.close)
    return host


def _read_at_start(environment: Mapping[str, str]) -> dict[str, str]:
    known = {name: value for name, value in environment.items() if name.startswith(READ_AT_START)}
    known.pop("PYTHONPATH", None)  # The host follows it.
    return known


def _read_all(texts: dict[int, bytes], timeout_s: float) -> bool:
    """Reads descriptors to their ends, or until the time is over. Returns whether all ends were reached."""
    deadline = time.monotonic() + timeout_s
    with selectors.DefaultSelector() as selector:
        for descriptor in texts:
            selector.register(descriptor, selectors.EVENT_READ)
        while selector.get_map():
            if not (ready := selector.select(deadline - time.monotonic())) and time.monotonic() > deadline:
                return False
            for key, _ in ready:
                if data := os.read(key.fd, READ_BYTES):
                    texts[key.fd] += data
                else:
                    selector.unregister(key.fd)
    return True
