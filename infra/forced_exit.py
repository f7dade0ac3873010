"""A deadline for processes that were asked to stop."""

import logging
import os
import threading

STOP_PATIENCE_S = 8.0

log = logging.getLogger(__name__)


def force_exit_after(patience_s: float, consequence: str) -> None:
    """Ends the process with exit code 1 if it still runs after patience_s seconds.

    Use it only for processes that survive kill -9 without loss. consequence: text for the log.
    """

    def leave() -> None:
        log.error("not stopped after %.0f s: leaving; %s", patience_s, consequence)
        logging.shutdown()
        os._exit(1)

    timer = threading.Timer(patience_s, leave)
    timer.daemon = True
    timer.start()
