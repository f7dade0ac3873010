"""Ctrl-C and SIGTERM: the first ends a command cleanly, a second Ctrl-C kills it."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType


def end_by_signals() -> None:
    """Lets SIGTERM and Ctrl-C end this process as KeyboardInterrupt does, so that it stops what it has started.

    Leaves Ctrl-C ignored where the caller has it ignored, as a shell does for a job in the background.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)


def stop_by_signals(stop: Callable[[], object]) -> None:
    """Calls stop at the first SIGTERM or Ctrl-C, and lets a second Ctrl-C kill this process.

    Leaves Ctrl-C ignored as end_by_signals does.
    """

    def first(*_: object) -> None:
        kill_at_next()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        stop()

    signal.signal(signal.SIGTERM, first)
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, first)


def kill_at_next() -> None:
    """Lets the system itself end the process at the next Ctrl-C, whatever it waits for."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _interrupt(_: int, __: FrameType | None) -> None:
    kill_at_next()
    raise KeyboardInterrupt
