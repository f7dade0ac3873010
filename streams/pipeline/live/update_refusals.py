"""Counts what a venue sent and the market must never see. Says so once a minute for each kind and symbol."""

import logging

from streams.pipeline.live.source import SourceHealth

logger = logging.getLogger(__name__)

SAY_EVERY_NS = 60_000_000_000
SAID_MAX = 10_000
"""Pairs of kind and symbol that are remembered; a venue that makes up more of them is told of again."""


class RefusedUpdate(ValueError):
    """An update breaks a rule. kind: which part of it; the text says how."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


class Refusals:
    """The refused updates of a venue."""

    def __init__(self, venue: str, health: SourceHealth) -> None:
        self._venue, self._health = venue, health
        self._said: dict[tuple[str, str], int] = {}

    def take(self, symbol: str, kind: str, text: str, now_ns: int) -> None:
        """Counts a refused update. symbol: empty if it is unknown. now_ns: time of receipt."""
        self._health.refused += 1
        key = (kind, symbol)
        if now_ns - self._said.get(key, now_ns - SAY_EVERY_NS) < SAY_EVERY_NS:
            return
        if len(self._said) >= SAID_MAX:
            self._said.clear()
        self._said[key] = now_ns
        where = f"{self._venue} {symbol}" if symbol else self._venue
        logger.warning("%s: refused %s: %s (%d refused so far)", where, kind, text, self._health.refused)
