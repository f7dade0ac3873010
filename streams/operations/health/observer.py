"""Observes a pipeline again and again: an observation that fails is counted and said, and the next one is tried."""

import logging
import time
from asyncio import CancelledError
from collections.abc import Callable
from typing import Generic, TypeVar

from streams.operations.health.health import Observed

STALE_S = 30.0
"""Age at which an observation no longer counts; twice the time that reading Kafka may take."""

log = logging.getLogger(__name__)


T = TypeVar("T")


class Observer(Generic[T]):
    """The newest of what is observed, and how the observations went. Threads may read it while one observes.

    collect: reads it at this moment. what: its name, for the log.
    """

    def __init__(self, collect: Callable[[], T], what: str = "the pipeline's health") -> None:
        self._collect = collect
        self._what = what
        self._newest: T | None = None
        self._began = time.monotonic()
        self._seen = 0.0
        self._errors = 0
        self._error = ""

    def observe(self) -> T | None:
        """Returns it as of this moment, or None if it could not be read. Does not raise."""
        try:
            found = self._collect()
        except (Exception, CancelledError) as error:
            # Records come from anybody, so an error may be of any class; this thread must outlive all of them.
            self._errors += 1
            self._error = f"{type(error).__name__}: {error}"
            log.exception("%s could not be read; the next attempt follows", self._what)
            return None
        self._newest, self._seen, self._error = found, time.monotonic(), ""
        return found

    @property
    def newest(self) -> T | None:
        """The newest observation; None if there is none yet, or if it is older than STALE_S."""
        return self._newest if self.observed.age_s < STALE_S else None

    @property
    def observed(self) -> Observed:
        """The success of the observations up to now."""
        return Observed(time.monotonic() - (self._seen or self._began), self._errors, self._error)
