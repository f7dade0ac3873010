"""Running a shard: takes waiting records while the last transaction is being written, then commits the next one."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from schemas.avro.codec import Codec
from streams.errors import Fenced, LogUnavailable
from streams.pipeline.journal.owned_shard import OwnedShard
from streams.pipeline.worker.lane import RecordBatch
from streams.pipeline.worker.schema_lookup import SchemaLookup

log = logging.getLogger(__name__)

PAUSE_S = 0.004
"""Time from the end of a transaction to the start of the next. The broker answers a commit before it has written its
markers. It refuses a transaction that begins in between, and the client asks again only 20 ms later."""
SLICE = 250
"""Records of a batch that are taken before other shards have their turn."""
TAKING_S = 0.5
"""Time after which a transaction takes no further records, however few there are."""


class ShardRunner:
    """A loop that feeds a shard from a queue until the shard is released.

    A transaction holds the records that arrived while the one before it was written, and in the pause after it: one
    record under low load, many under high load. A long batch is taken in slices, so that neither other shards nor the
    commit wait for all of it.

    Args:
        batch_records_max: records after which a transaction takes no further slice.
        queued_batches_max: length of the queue.
        codec: the shard's codec, which must know the schemas of a batch before the shard takes it.
    """

    def __init__(self, shard: OwnedShard, batch_records_max: int, queued_batches_max: int, codec: Codec) -> None:
        self._shard = shard
        self._batch_records_max = batch_records_max
        self._queue: asyncio.Queue[RecordBatch] = asyncio.Queue(queued_batches_max)
        self._taken = 0
        self._first_taken = 0.0
        """Time of the transaction's first slice, by the loop's clock."""
        self._rest: RecordBatch | None = None
        """The part of a batch that waits for its turn."""
        self._writing: asyncio.Future[None] | None = None
        self._ended = -PAUSE_S
        """End of the last transaction, by the loop's clock."""
        self._wake = asyncio.Event()
        self._schemas = SchemaLookup(codec, self._wake.set)
        self._next: RecordBatch | None = None
        """The batch whose schemas are being looked up."""
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=shard.name)
        self._releasing = False

    @property
    def name(self) -> str:
        """Name of the shard."""
        return self._shard.name

    @property
    def committed(self) -> Mapping[str, int]:
        """Next offset of each input topic, as of the last transaction."""
        return self._shard.committed

    @property
    def starts(self) -> Mapping[str, int]:
        """Offset from which each input topic must be delivered."""
        return self._shard.starts

    async def put(self, batch: RecordBatch) -> None:
        """Queues a batch. Waits while the queue is full. Drops the batch if the shard is being released."""
        if not self._releasing:
            await self._queue.put(batch)
            self._wake.set()

    async def run(self) -> None:
        """Works until released. After an error, nothing of its transaction is committed."""
        try:
            while not self._releasing:
                await self._step()
            if self._writing is not None:
                await self._writing
            await self._in_thread(self._shard.hand_over)
        except (Fenced, LogUnavailable) as error:
            if not self._releasing:
                raise
            log.warning("%s ends without a last commit; its next owner reads the records again: %s", self.name, error)
        finally:
            self._schemas.close()
            await self._in_thread(self._shard.close)
            self._thread.shutdown(wait=False)

    async def _step(self) -> None:
        """Takes a batch or begins a transaction. If neither is possible, waits until one may be."""
        self._wake.clear()
        if self._writing is not None and self._writing.done():
            self._writing.result()
            self._writing = None
            self._ended = asyncio.get_running_loop().time()
            self._taken = self._shard.waiting
        batch = self._ready_batch()
        if batch is not None:
            self._take(batch)
            await asyncio.sleep(0)  # Lets other shards work, and a delivery that waits for space in the queue.
        elif self._taken and self._writing is None and self._is_time():
            self._write()
        else:
            await self._wake.wait()

    def _ready_batch(self) -> RecordBatch | None:
        """Returns the next batch, unless the transaction is full or schemas of the batch are not known yet."""
        if self._shard.faulty or self._taken >= self._batch_records_max:
            return None
        if self._taken and asyncio.get_running_loop().time() - self._first_taken > TAKING_S:
            return None
        if self._rest is not None:
            return self._rest
        if self._next is None and not self._queue.empty():
            self._next = self._queue.get_nowait()
        if self._next is None or not self._schemas.is_ready(self._next.records):
            return None
        batch, self._next = self._next, None
        return batch

    def _take(self, batch: RecordBatch) -> None:
        records, self._rest = batch.records, None
        if len(records) > SLICE:
            records = records[:SLICE]
            self._rest = batch._replace(follows=records[-1].offset + 1, records=batch.records[SLICE:])
        if not self._taken:
            self._first_taken = asyncio.get_running_loop().time()
        self._shard.take(batch.follows, records)
        self._taken += len(records)

    def _is_time(self) -> bool:
        """Returns whether the next transaction may begin; if not, wakes the runner when it may."""
        loop = asyncio.get_running_loop()
        left_s = self._ended + PAUSE_S - loop.time()
        if left_s <= 0:
            return True
        loop.call_later(left_s, self._wake.set)
        return False

    def _write(self) -> None:
        if self._shard.faulty:
            self._writing = self._in_thread(self._shard.quarantine)
        else:
            prepared = self._shard.prepare()
            self._taken = 0
            self._writing = self._in_thread(lambda: self._shard.write(prepared))
        self._writing.add_done_callback(lambda _: self._wake.set())

    def _in_thread(self, call: Callable[[], None]) -> asyncio.Future[None]:
        """Runs a call that waits for the broker in a thread, so that the worker's heartbeats continue."""
        return asyncio.get_running_loop().run_in_executor(self._thread, call)

    def discard(self) -> None:
        """Gives the shard up before run()."""
        self._shard.close()
        self._thread.shutdown(wait=False)

    def release(self) -> None:
        """Asks the runner to finish its transaction, drop waiting batches, and leave a snapshot for the next owner."""
        self._releasing = True
        while not self._queue.empty():
            self._queue.get_nowait()
        self._wake.set()
