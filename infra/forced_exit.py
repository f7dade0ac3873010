"""Ends a process that was asked to stop and can't."""

import logging
import os
import threading

STOP_PATIENCE_S = 8.0

log = logging.getLogger(__name__)


def exit_in(patience_s: float, consequence: str) -> None:
    """Ends the process with code 1 after that time. For processes that kill -9 does not hurt, and only for them."""

    def leave() -> None:
        log.error("not stopped after %.0f s: leaving; %s", patience_s, consequence)
        logging.shutdown()
        os._exit(1)

    timer = threading.Timer(patience_s, leave)
    timer.daemon = True
    timer.start()
