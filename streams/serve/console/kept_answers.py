"""Answers that are costly and serve several pages: each is asked for at most once in a time, by one page."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

from streams.serve.service_problem import not_reached

Answer = TypeVar("Answer")
QUESTIONS_MAX = 100
"""Answers that are kept; of more, the oldest is forgotten."""
PATIENCE_S = 2.0
"""Time that a page waits while another page asks."""


class KeptAnswers(Generic[Answer]):
    """The newest answer to each question. kept_s: time for which it serves all pages; then it is asked for again."""

    def __init__(self, kept_s: float, patience_s: float = PATIENCE_S) -> None:
        self._kept_s, self._patience_s = kept_s, patience_s
        self._asking = Lock()
        self._kept: dict[str, tuple[float, Answer]] = {}

    def get(self, question: str, ask: Callable[[], Answer]) -> Answer:
        """Returns the answer, an old one while another page asks. Raises ServiceProblem, and as ask does."""
        kept = self._kept.get(question)
        if kept is not None and time.monotonic() - kept[0] < self._kept_s:
            return kept[1]
        if not self._asking.acquire(timeout=self._patience_s):
            if kept is not None:
                return kept[1]
            raise not_reached("it is being computed for another page; this page asks again by itself")
        try:
            kept = self._kept.get(question)
            if kept is not None and time.monotonic() - kept[0] < self._kept_s:
                return kept[1]
            return self._keep(question, ask())
        finally:
            self._asking.release()

    def _keep(self, question: str, answer: Answer) -> Answer:
        self._kept.pop(question, None)
        self._kept[question] = (time.monotonic(), answer)
        if len(self._kept) > QUESTIONS_MAX:
            del self._kept[next(iter(self._kept))]
        return answer
