"""Ctrl-C ends a command cleanly; a second one kills what will not end."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from infra.settings import REPOSITORY

PATIENCE_S = 30
STUBBORN = """
import signal
from streams.cli.interrupts import end_by_signals
end_by_signals()
try:
    print("waits", flush=True)
    signal.pause()
except KeyboardInterrupt:
    print("ends", flush=True)
    while True:
        signal.pause()
"""
"""A command whose clean end never comes."""
DEAF = """
import signal
from streams.cli.interrupts import stop_by_signals
stop_by_signals(lambda: print("ends", flush=True))
print("waits", flush=True)
while True:
    signal.pause()
"""
"""A feed or sink that does not stop."""


def stubborn(code: str = STUBBORN, **settings: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", code]
    return subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, **settings)  # type: ignore[call-overload, no-any-return]


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("code", [STUBBORN, DEAF], ids=["stubborn", "deaf"])
def test_the_first_signal_ends_cleanly_and_ctrl_c_twice_kills(code: str, first: signal.Signals) -> None:
    with stubborn(code) as command:
        assert command.stdout is not None
        assert command.stdout.readline() == "waits\n"
        command.send_signal(first)
        assert command.stdout.readline() == "ends\n"
        command.send_signal(signal.SIGINT)
        if first is signal.SIGTERM and code is STUBBORN:
            command.send_signal(signal.SIGINT)
        assert command.wait(PATIENCE_S) == -signal.SIGINT


def test_a_job_in_the_background_goes_on_after_ctrl_c() -> None:
    with stubborn(preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN)) as command:
        assert command.stdout is not None
        assert command.stdout.readline() == "waits\n"
        command.send_signal(signal.SIGINT)
        command.send_signal(signal.SIGTERM)
        assert command.stdout.readline() == "ends\n"
        command.kill()
