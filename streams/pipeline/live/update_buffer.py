"""The updates of a live source that wait for its reader."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from streams.pipeline.live.source import LiveHalt, LiveResume, LiveUpdate


class UpdateBuffer:
    """A queue from what a source receives to its reader. An error of the source ends the reading."""

    def __init__(self) -> None:
        self._waiting: deque[LiveUpdate] = deque()
        self._changed = asyncio.Event()
        self._failure: BaseException | None = None
        self._closed = False

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, update: LiveUpdate) -> None:
        """Takes an update and wakes the reader."""
        self._waiting.append(update)
        self._changed.set()

    def drop_market(self) -> None:
        """Drops all that waits but halts and resumptions."""
        self._waiting = deque(item for item in self._waiting if isinstance(item, LiveHalt | LiveResume))

    def wake(self) -> None:
        """Wakes who awaits a change of the source."""
        self._changed.set()

    def fail(self, error: BaseException) -> None:
        """Ends the reading by an error, after what waits."""
        self._failure = error
        self._changed.set()

    def close(self) -> None:
        """Ends the reading, after what waits."""
        self._closed = True
        self._changed.set()

    async def changed(self) -> None:
        """Waits for the next change. Raises the error by which the source ended."""
        self._changed.clear()
        await self._changed.wait()
        if self._failure:
            raise self._failure

    async def updates(self) -> AsyncIterator[LiveUpdate]:
        """Yields all updates as they come, until close. Raises the error by which the source ended."""
        while True:
            while self._waiting:
                yield self._waiting.popleft()
            if self._failure:
                raise self._failure
            if self._closed:
                return
            self._changed.clear()
            await self._changed.wait()
