"""One shard at work: takes what is waiting, applies it, commits it as one transaction."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from streams.errors import DeliveryGap
from streams.journal.log import LogWriter
from streams.journal.processor import ShardProcessor
from streams.journal.snapshots import SnapshotPolicy
from streams.worker.lane import RecordBatch

BATCH_RECORDS_MAX = 2_000
QUEUED_BATCHES_MAX = 8


class ShardRunner:
    """Owns a processor and its writer. committed: next offset of each input topic by the last transaction."""

    def __init__(self, processor: ShardProcessor, writer: LogWriter, snapshots: SnapshotPolicy) -> None:
        self._processor = processor
        self._writer = writer
        self._snapshots = snapshots
        self._queue: asyncio.Queue[RecordBatch | None] = asyncio.Queue(QUEUED_BATCHES_MAX)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=processor.name)
        self._releasing = False
        self.committed = dict(processor.positions)

    @property
    def name(self) -> str:
        """Name of the shard."""
        return self._processor.name

    async def put(self, batch: RecordBatch) -> None:
        """Queues a batch; waits while the queue is full. A batch for a shard that is being released is dropped."""
        if not self._releasing:
            await self._queue.put(batch)

    async def run(self) -> None:
        """Works until released. Any error leaves with nothing of its batch committed."""
        try:
            while not self._releasing:
                batches = await self._waiting_batches()
                if batches:
                    await self._work(batches)
            await self._commit(closing=True)
        finally:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._writer.close)
            self._thread.shutdown(wait=False)

    async def _waiting_batches(self) -> list[RecordBatch]:
        first = await self._queue.get()
        batches, size = [first], len(first.records) if first else 0
        while size < BATCH_RECORDS_MAX and not self._queue.empty():
            batches.append(self._queue.get_nowait())
            size += len(batches[-1].records) if batches[-1] else 0
        return [batch for batch in batches if batch is not None]

    async def _work(self, batches: list[RecordBatch]) -> None:
        # 1. The core applies the records in the order of arrival.
        for batch in batches:
            self._demand_no_gap(batch)
            for record in batch.records:
                self._processor.take(record)
        # 2. Outputs, journal record and, from time to time, a snapshot become one transaction.
        await self._commit(closing=False)

    def _demand_no_gap(self, batch: RecordBatch) -> None:
        topic = batch.records[0].topic
        position = self._processor.positions.get(topic, batch.follows)
        if batch.follows > position:
            raise DeliveryGap(
                f"{self.name} stands at offset {position} of {topic}, but the next batch follows {batch.follows}: "
                "records were skipped on the way; the worker stops and a restart reads them"
            )

    async def _commit(self, closing: bool) -> None:
        transaction = self._snapshots.next_transaction(self._processor, closing)
        if transaction is None:
            return
        loop = asyncio.get_running_loop()
        journal_offset = await loop.run_in_executor(self._thread, self._writer.commit, transaction)
        # 3. Only what is committed counts as consumed.
        self._snapshots.committed(transaction, journal_offset)
        self.committed = dict(self._processor.positions)

    def release(self) -> None:
        """Asks the shard to finish what it works on, drop what waits, and write a snapshot for its next owner."""
        self._releasing = True
        while not self._queue.empty():
            self._queue.get_nowait()
        self._queue.put_nowait(None)
