"""Counts the rows of each partition while they land."""

from __future__ import annotations

from collections.abc import Iterable

from streams.pipeline.sink.tables import Place


class RowCounts:
    """The number of rows of each partition that a sink owns. A record that lands again counts once."""

    def __init__(self) -> None:
        self._rows: dict[Place, int] = {}
        self._counted_until: dict[Place, int] = {}

    def __getitem__(self, place: Place) -> int:
        return self._rows.get(place, 0)

    def start(self, place: Place, rows: int, end: int) -> None:
        """Sets the number of rows before the offset `end`."""
        self._rows[place] = rows
        self._counted_until[place] = end

    def forget(self, places: Iterable[Place]) -> None:
        """Drops partitions that another sink owns now."""
        for place in places:
            self._rows.pop(place, None)
            self._counted_until.pop(place, None)

    def add(self, place: Place, last: int, rows: int = 1) -> None:
        """Counts rows that have landed, up to the offset `last`, if they lie behind the rows that were counted."""
        if last >= self._counted_until.get(place, 0):
            self._rows[place] = self._rows.get(place, 0) + rows
            self._counted_until[place] = last + 1
