"""Ctrl-C and SIGTERM: the first ends a command cleanly, a second Ctrl-C kills it."""

from __future__ import annotations

import signal
from types import FrameType


def end_by_signals() -> None:
    """Lets SIGTERM and Ctrl-C end this process as KeyboardInterrupt does, so that it stops what it has started.

    Leaves Ctrl-C ignored where the caller has it ignored, as a shell does for a job in the background.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)


def _interrupt(_: int, __: FrameType | None) -> None:
    # From now on the system itself ends the process, whatever it waits for.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    raise KeyboardInterrupt
