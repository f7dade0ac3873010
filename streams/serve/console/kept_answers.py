"""Answers that are costly and serve several pages: each is asked for at most once in a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

Answer = TypeVar("Answer")
QUESTIONS_MAX = 100
"""Answers that are kept; of more, the oldest is forgotten."""


class KeptAnswers(Generic[Answer]):
    """The newest answer to each question, kept for a time. One question is asked at a time."""

    def __init__(self, kept_s: float) -> None:
        self._kept_s = kept_s
        self._lock = Lock()
        self._kept: dict[str, tuple[float, Answer]] = {}

    def get(self, question: str, ask: Callable[[], Answer]) -> Answer:
        """Returns the answer to a question. Raises as ask does; then nothing is kept."""
        with self._lock:
            at, answer = self._kept.get(question, (-self._kept_s, None))
            if answer is not None and time.monotonic() - at < self._kept_s:
                return answer
            found = ask()
            self._kept.pop(question, None)
            self._kept[question] = (time.monotonic(), found)
            if len(self._kept) > QUESTIONS_MAX:
                del self._kept[next(iter(self._kept))]
            return found
