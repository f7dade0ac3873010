"""The shards of a worker: recovered at assignment, fed by the agents, released at revocation."""

import asyncio
import logging
from collections.abc import Callable, Mapping

from faust.types import TP

from infra.kafka.topics import topic_name
from infra.settings import Settings
from schemas.avro.codec import Codec
from streams.core.core_config import CoreConfig
from streams.errors import RecoveryError
from streams.pipeline.journal.kafka_log import KafkaLogWriter, pipeline_proof
from streams.pipeline.journal.kinds import KINDS, ShardKind
from streams.pipeline.journal.owned_shard import take_over
from streams.pipeline.journal.snapshots import SnapshotPolicy
from streams.pipeline.worker.lane import RecordBatch
from streams.pipeline.worker.shard_runner import ShardRunner
from streams.pipeline.worker.takeover_sign import SigningReader, TakeoverSign

log = logging.getLogger(__name__)

ShardKey = tuple[ShardKind, int]


class ShardHost:
    """The shards of a worker, and the Positions of its lane.

    on_error: called with the error that ended a shard. sign: shown while shards are taken over.
    """

    def __init__(
        self,
        settings: Settings,
        config: CoreConfig,
        codec: Codec,
        on_error: Callable[[BaseException], None],
        sign: TakeoverSign,
    ) -> None:
        self.generation = 0
        self._positioned = False
        self._settings = settings
        self._config = config
        self._codec = codec
        self._on_error = on_error
        self._sign = sign
        self._kind_of_topic = {topic: kind for kind in KINDS for topic in kind.inputs}
        self._base_of_topic = {topic_name(settings, topic): topic for topic in self._kind_of_topic}
        self._runners: dict[ShardKey, ShardRunner] = {}
        self._tasks: dict[ShardKey, asyncio.Task[None]] = {}

    def base_topic(self, topic: str) -> str:
        """Returns the name of a topic without prefix."""
        return self._base_of_topic[topic]

    async def assigned(self, tps: set[TP]) -> Mapping[TP, int]:
        """Takes over the shards of these partitions, and returns the next offset of each partition."""
        await self.release()
        keys = sorted({self._shard_key(tp) for tp in tps}, key=lambda key: (key[0].name, key[1]))
        for kind, partition in keys:
            missing = {TP(topic_name(self._settings, topic), partition) for topic in kind.inputs} - tps
            if missing:
                raise RecoveryError(f"shard {kind.shard_name(partition)} was assigned without {sorted(missing)}")
        with self._sign.shown():
            await asyncio.to_thread(self._codec.prepare)
            runners = await asyncio.gather(*(asyncio.to_thread(self._take_over, *key) for key in keys))
        self._runners = dict(zip(keys, runners, strict=True))
        for key, runner in self._runners.items():
            self._tasks[key] = asyncio.create_task(runner.run(), name=runner.name)
            self._tasks[key].add_done_callback(self._on_task_done)
        return {tp: self._runners[self._shard_key(tp)].starts[self.base_topic(tp.topic)] for tp in tps}

    def positioned(self) -> None:
        """Begins a new generation: batches that were fetched before are dropped."""
        self.generation += 1
        self._positioned = True

    def _take_over(self, kind: ShardKind, partition: int) -> ShardRunner:
        def open_writer(name: str) -> KafkaLogWriter:
            return KafkaLogWriter(self._settings, name)

        snapshots = SnapshotPolicy.of(self._settings)
        reader = SigningReader(self._settings, self._sign)
        proof = pipeline_proof(self._settings)
        shard = take_over(kind, partition, self._config, self._codec, reader, open_writer, snapshots, proof=proof)
        queued_max = self._settings.worker_queued_batches
        return ShardRunner(shard, self._settings.worker_batch_records, queued_max, self._codec)

    def _shard_key(self, tp: TP) -> ShardKey:
        return self._kind_of_topic[self.base_topic(tp.topic)], tp.partition

    async def deliver(self, batch: RecordBatch) -> None:
        """Passes a batch to its shard. Waits while the shard's queue is full. Drops batches of older generations."""
        runner = self._runners.get(self._shard_key(batch.tp))
        if runner is not None and self._positioned and batch.generation == self.generation:
            await runner.put(batch)

    def committed(self) -> Mapping[TP, int]:
        """Returns the next offset of each partition, as of the last transactions."""
        return {
            TP(topic_name(self._settings, topic), partition): offset
            for (_, partition), runner in self._runners.items()
            for topic, offset in runner.committed.items()
        }

    async def release(self) -> None:
        """Lets every shard finish its batch and leave a snapshot. Batches that were fetched before are dropped."""
        self.generation += 1
        self._positioned = False
        for runner in self._runners.values():
            runner.release()
        tasks = list(self._tasks.values())
        self._runners, self._tasks = {}, {}
        await asyncio.gather(*tasks, return_exceptions=True)

    def _on_task_done(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.error("shard %s has stopped: %s", task.get_name(), error, exc_info=error)
            self._on_error(error)
