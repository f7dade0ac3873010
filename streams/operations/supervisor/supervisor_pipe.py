"""The pipe by which a child notices that its supervisor is gone, even after kill -9."""

import os
import signal
import threading

VARIABLE = "PAPER_SUPERVISOR_PIPE"
"""Environment variable with the descriptor of the pipe's reading end."""


def end_with_supervisor() -> None:
    """Sends SIGTERM to this process as soon as its supervisor is gone; does nothing without a supervisor."""
    descriptor = os.environ.pop(VARIABLE, None)
    if descriptor is None:
        return

    def wait() -> None:
        os.read(int(descriptor), 1)  # Nobody writes: it returns when the other end is closed.
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, daemon=True, name="end-with-supervisor").start()
