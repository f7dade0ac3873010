"""Finds the new trades in ccxt's caches: each trade once, however often and on however many connections it came."""

from collections.abc import Mapping, Sequence
from typing import Any

IDS_KEPT = 10_000
"""Trades of a symbol by whose id a repetition is known, as after a reconnect that begins with the last trades."""


class Tape:
    """The trades of one symbol."""

    def __init__(self) -> None:
        self._last: Mapping[str, Any] | None = None
        self._ids: dict[str, None] = {}

    def fresh(self, cache: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """Returns the trades of a cache that were not returned before, oldest first."""
        found: list[Mapping[str, Any]] = []
        for trade in reversed(cache):
            if trade is self._last:
                break
            found.append(trade)
        found.reverse()
        if found:
            self._last = found[-1]
        return [trade for trade in found if self._is_new(trade.get("id"))]

    def _is_new(self, trade_id: object) -> bool:
        """Notes an id; returns whether it is new. A trade without id is taken as new."""
        if not isinstance(trade_id, str):
            return True
        if trade_id in self._ids:
            return False
        self._ids[trade_id] = None
        if len(self._ids) > IDS_KEPT:
            del self._ids[next(iter(self._ids))]
        return True
