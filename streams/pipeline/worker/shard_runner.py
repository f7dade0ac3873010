"""One shard at work: takes what is waiting while the transaction before is on its way, then commits it as the next."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from streams.errors import Fenced, LogUnavailable
from streams.pipeline.journal.owned_shard import OwnedShard
from streams.pipeline.worker.lane import RecordBatch

log = logging.getLogger(__name__)

PACE_S = 0.005
"""A transaction begins no sooner after the one before, unless ENOUGH records wait: to the broker each costs as much as
hundreds of records."""
ENOUGH = 500


class ShardRunner:
    """Feeds a shard from a queue until it is released.

    A transaction holds what came while the one before it was written, PACE_S at least: a record when little comes, many
    under load.

    Args:
        batch_records_max: taken into one transaction; a batch of the fetch is not divided.
        queued_batches_max: so many wait.
    """

    def __init__(self, shard: OwnedShard, batch_records_max: int, queued_batches_max: int) -> None:
        self._shard = shard
        self._batch_records_max = batch_records_max
        self._queue: asyncio.Queue[RecordBatch] = asyncio.Queue(queued_batches_max)
        self._taken = 0
        self._writing: asyncio.Future[None] | None = None
        self._began = -PACE_S
        """When the last transaction began, by the loop's clock."""
        self._stirred = asyncio.Event()
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
            self._stirred.set()

    async def run(self) -> None:
        """Works until released. Any error leaves with nothing of its batch committed."""
        try:
            while not self._releasing:
                await self._step()
            if self._writing is not None:
                await self._writing
            await self._in_thread(self._shard.hand_over)
        except (Fenced, LogUnavailable) as error:
            if not self._releasing:
                raise
            log.warning("%s leaves without a last commit; its next owner reads what is left: %s", self.name, error)
        finally:
            await self._in_thread(self._shard.close)
            self._thread.shutdown(wait=False)

    async def _step(self) -> None:
        """One thing that can be done now; where there is none, waits for a batch or for the end of the writing."""
        self._stirred.clear()
        if self._writing is not None and self._writing.done():
            self._writing.result()
            self._writing = None
        if self._taken < self._batch_records_max and not self._queue.empty():
            self._take(self._queue.get_nowait())
            await asyncio.sleep(0)  # Who waits for room in the queue comes first.
        elif self._taken and self._writing is None and self._is_time():
            self._write()
        else:
            await self._stirred.wait()

    def _take(self, batch: RecordBatch) -> None:
        self._shard.take(batch.follows, batch.records)
        self._taken += len(batch.records)

    def _is_time(self) -> bool:
        """Whether the next transaction may begin; where not, the runner is stirred when it may."""
        loop = asyncio.get_running_loop()
        left_s = self._began + PACE_S - loop.time()
        if left_s <= 0 or self._taken >= ENOUGH:
            return True
        loop.call_later(left_s, self._stirred.set)
        return False

    def _write(self) -> None:
        self._began = asyncio.get_running_loop().time()
        prepared = self._shard.prepare()
        self._taken = 0
        self._writing = self._in_thread(lambda: self._shard.write(prepared))
        self._writing.add_done_callback(lambda _: self._stirred.set())

    def _in_thread(self, call: Callable[[], None]) -> asyncio.Future[None]:
        """Runs a call that waits for the broker, so that the worker's heartbeats go on."""
        return asyncio.get_running_loop().run_in_executor(self._thread, call)

    def release(self) -> None:
        """Asks the shard to finish what it works on, drop what waits, and leave a snapshot for its next owner."""
        self._releasing = True
        while not self._queue.empty():
            self._queue.get_nowait()
        self._stirred.set()
