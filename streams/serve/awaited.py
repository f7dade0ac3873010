"""Wakes those who wait for one thing, and nobody else."""

from __future__ import annotations

from collections.abc import Iterable
from threading import Event, Lock
from typing import NamedTuple


class Awaited(NamedTuple):
    """A thing that a request waits for: an answer, an order or the outcome of an operator's command, by its id."""

    kind: str
    account_id: str
    id: str


class Arrivals:
    """The requests that wait, each in a thread of its own, by what they wait for."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._waiting: dict[Awaited, list[Event]] = {}

    def expect(self, wanted: Awaited) -> Event:
        """Returns an event that is set once the thing has come. Call leave when it no longer matters."""
        event = Event()
        with self._lock:
            self._waiting.setdefault(wanted, []).append(event)
        return event

    def leave(self, wanted: Awaited, event: Event) -> None:
        """Forgets an event of expect."""
        with self._lock:
            events = self._waiting[wanted]
            events.remove(event)
            if not events:
                del self._waiting[wanted]

    def came(self, things: Iterable[Awaited]) -> None:
        """Wakes all who wait for one of these things."""
        with self._lock:
            for thing in things:
                for event in self._waiting.get(thing, ()):
                    event.set()

    def end(self) -> None:
        """Wakes everybody: nothing will come any more."""
        with self._lock:
            for events in self._waiting.values():
                for event in events:
                    event.set()
