"""A child that ends when its supervisor does, however that ended."""

import os
import signal
import threading

VARIABLE = "PAPER_SUPERVISOR_PIPE"


def end_with_supervisor() -> None:
    """Asks this process to end as soon as its supervisor is gone; does nothing in one that has none."""
    descriptor = os.environ.pop(VARIABLE, None)
    if descriptor is None:
        return

    def wait() -> None:
        os.read(int(descriptor), 1)  # Nobody writes: it returns when the other end is closed.
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, daemon=True, name="end-with-supervisor").start()
