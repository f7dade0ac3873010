"""One shard at work: takes what is waiting, applies it, commits it as one transaction."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from streams.errors import Fenced, LogUnavailable
from streams.journal.owned_shard import OwnedShard
from streams.worker.lane import RecordBatch

log = logging.getLogger(__name__)


class ShardRunner:
    """Feeds a shard from a queue until it is released.

    Args:
        batch_records_max: taken into one transaction; a batch of the fetch is not divided.
        queued_batches_max: so many wait.
    """

    def __init__(self, shard: OwnedShard, batch_records_max: int, queued_batches_max: int) -> None:
        self._shard = shard
        self._batch_records_max = batch_records_max
        self._queue: asyncio.Queue[RecordBatch | None] = asyncio.Queue(queued_batches_max)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=shard.name)
        self._releasing = False

    @property
    def name(self) -> str:
        """Name of the shard."""
        return self._shard.name

    @property
    def committed(self) -> Mapping[str, int]:
        """Next offset of each input topic by the last transaction."""
        return self._shard.committed

    @property
    def starts(self) -> Mapping[str, int]:
        """Where delivery of each input topic begins."""
        return self._shard.starts

    async def put(self, batch: RecordBatch) -> None:
        """Queues a batch; waits while the queue is full. A batch for a shard that is being released is dropped."""
        if not self._releasing:
            await self._queue.put(batch)

    async def run(self) -> None:
        """Works until released. Any error leaves with nothing of its batch committed."""
        try:
            while not self._releasing:
                await self._work(await self._waiting_batches())
            await self._in_thread(self._shard.hand_over)
        except (Fenced, LogUnavailable) as error:
            if not self._releasing:
                raise
            log.warning("%s leaves without a last commit; its next owner reads what is left: %s", self.name, error)
        finally:
            await self._in_thread(self._shard.close)
            self._thread.shutdown(wait=False)

    async def _waiting_batches(self) -> list[RecordBatch]:
        first = await self._queue.get()
        batches, size = [first], len(first.records) if first else 0
        while size < self._batch_records_max and not self._queue.empty():
            batches.append(self._queue.get_nowait())
            size += len(batches[-1].records) if batches[-1] else 0
        return [batch for batch in batches if batch is not None]

    async def _work(self, batches: list[RecordBatch]) -> None:
        for batch in batches:
            self._shard.take(batch.follows, batch.records)
        await self._in_thread(self._shard.commit)

    async def _in_thread(self, call: Callable[[], None]) -> None:
        """Runs a call that waits for the broker, so that the worker's heartbeats go on."""
        await asyncio.get_running_loop().run_in_executor(self._thread, call)

    def release(self) -> None:
        """Asks the shard to finish what it works on, drop what waits, and leave a snapshot for its next owner."""
        self._releasing = True
        while not self._queue.empty():
            self._queue.get_nowait()
        self._queue.put_nowait(None)
