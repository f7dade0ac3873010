"""The shards of a worker: recovered at assignment, fed by the agents, parked after faults, released at revocation."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Protocol

from faust.types import TP

from infra.kafka.topics import topic_name
from infra.settings import Settings
from schemas.avro.codec import Codec
from streams.core.core_config import CoreConfig
from streams.errors import Fenced, RecoveryError
from streams.pipeline.journal.kafka_log import KafkaLogWriter, pipeline_proof
from streams.pipeline.journal.kinds import KINDS, ShardKind
from streams.pipeline.journal.owned_shard import take_over
from streams.pipeline.journal.snapshots import SnapshotPolicy
from streams.pipeline.worker.lane import RecordBatch
from streams.pipeline.worker.parked_shards import ParkedShard, ParkedShards, ShardKey, is_of_the_shard
from streams.pipeline.worker.shard_runner import ShardRunner
from streams.pipeline.worker.takeover_sign import SigningReader, TakeoverSign

log = logging.getLogger(__name__)

LATE_S = 10.0
"""Time after which an assignment goes on without shards that still recover; they follow one by one."""


class Fetching(Protocol):
    """The control of the partitions that are fetched, while records of others flow."""

    def fetch_also(self, positions: Mapping[TP, int]) -> None:
        """Fetches further partitions, from these offsets on."""
        ...

    def fetch_no_more(self, tps: set[TP]) -> None:
        """Ends the fetching of partitions."""
        ...


class ShardHost:
    """The shards of a worker, and the Positions of its lane.

    Args:
        on_error: called with the error that ended a shard, if it concerns other shards too or may pass by itself.
        on_parked: called with all parked shards after each change.
        fetching: returns the lane's consumer.
        sign: shown while shards are taken over.
    """

    def __init__(
        self,
        settings: Settings,
        config: CoreConfig,
        codec: Codec,
        on_error: Callable[[BaseException], None],
        on_parked: Callable[[list[ParkedShard]], None],
        fetching: Callable[[], Fetching],
        sign: TakeoverSign,
    ) -> None:
        self.generation = 0
        self._assignment = 0
        self._positioned = False
        self._settings = settings
        self._config = config
        self._codec = codec
        self._on_error = on_error
        self._fetching = fetching
        self._sign = sign
        self._kind_of_topic = {topic: kind for kind in KINDS for topic in kind.inputs}
        self._base_of_topic = {topic_name(settings, topic): topic for topic in self._kind_of_topic}
        self._runners: dict[ShardKey, ShardRunner] = {}
        self._tasks: dict[ShardKey, asyncio.Task[None]] = {}
        self._late: set[asyncio.Task[None]] = set()
        self._parked = ParkedShards(self._bring_back, on_parked)

    def base_topic(self, topic: str) -> str:
        """Returns the name of a topic without prefix."""
        return self._base_of_topic[topic]

    async def assigned(self, tps: set[TP]) -> Mapping[TP, int]:
        """Takes over the shards of these partitions, and returns the next offset of each partition.

        Leaves out shards that are parked, and those that take long; they follow by themselves.
        """
        await self.release()
        keys = self._shard_keys(tps)
        self._parked.forget_all_but(keys)
        with self._sign.shown():
            await asyncio.to_thread(self._codec.prepare)
            takings = {key: self._begin_take_over(key) for key in keys if not self._parked.waits(key)}
            try:
                await self._settle(takings)
            except BaseException:
                for taking in takings.values():
                    taking.add_done_callback(_discard)
                raise
        return {tp: at for key, runner in self._runners.items() for tp, at in self._starts(key, runner).items()}

    async def _settle(self, takings: dict[ShardKey, "asyncio.Future[ShardRunner]"]) -> None:
        """Starts the shards that could be taken over in time, and parks those that could not be at all."""
        if takings:
            await asyncio.wait(takings.values(), timeout=LATE_S)
        ended = {key: taking for key, taking in takings.items() if taking.done()}
        for taking in ended.values():
            error = taking.exception()
            if error is not None and not is_of_the_shard(error):
                raise error
        for key, taking in ended.items():
            error = taking.exception()
            if error is None:
                self._start(key, taking.result())
            else:
                self._parked.park(key, error, {})
        for key in takings.keys() - ended.keys():
            log.warning("shard %s still recovers after %.0f s; all others go on", key[0].shard_name(key[1]), LATE_S)
            task = asyncio.create_task(self._follow(key, takings[key]))
            self._late.add(task)
            task.add_done_callback(self._late.discard)

    def _shard_keys(self, tps: set[TP]) -> list[ShardKey]:
        keys = sorted({self._shard_key(tp) for tp in tps}, key=lambda key: (key[0].name, key[1]))
        for kind, partition in keys:
            missing = {TP(topic_name(self._settings, topic), partition) for topic in kind.inputs} - tps
            if missing:
                raise RecoveryError(f"shard {kind.shard_name(partition)} was assigned without {sorted(missing)}")
        return keys

    def _begin_take_over(self, key: ShardKey) -> "asyncio.Future[ShardRunner]":
        return asyncio.ensure_future(asyncio.to_thread(self._take_over, *key, self._assignment))

    async def _follow(self, key: ShardKey, taking: "asyncio.Future[ShardRunner]") -> None:
        """Lets a shard work that was taken over late."""
        try:
            await self._join(key, taking)
        except Exception as error:
            self._end(key, error, {})

    async def _bring_back(self, key: ShardKey) -> Mapping[str, int]:
        await self._join(key, self._begin_take_over(key))
        return self._runners[key].committed

    async def _join(self, key: ShardKey, taking: "asyncio.Future[ShardRunner]") -> None:
        """Lets a shard work beside the others, once it is taken over."""
        try:
            runner = await asyncio.shield(taking)
        except asyncio.CancelledError:
            taking.add_done_callback(_discard)
            raise
        try:
            self._fetching().fetch_also(self._starts(key, runner))
        except BaseException:
            runner.discard()
            raise
        self._start(key, runner)

    def _start(self, key: ShardKey, runner: ShardRunner) -> None:
        self._runners[key] = runner
        self._tasks[key] = asyncio.create_task(runner.run(), name=runner.name)
        self._tasks[key].add_done_callback(partial(self._on_task_done, key, runner))

    def _starts(self, key: ShardKey, runner: ShardRunner) -> Mapping[TP, int]:
        return {TP(topic_name(self._settings, topic), key[1]): at for topic, at in runner.starts.items()}

    def positioned(self) -> None:
        """Begins a new generation: batches that were fetched before are dropped."""
        self.generation += 1
        self._positioned = True

    def _take_over(self, kind: ShardKind, partition: int, assignment: int) -> ShardRunner:
        def open_writer(name: str) -> KafkaLogWriter:
            if assignment != self._assignment:
                raise Fenced(f"{name} was released before it was taken over")
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
        self._assignment += 1
        self._positioned = False
        for runner in self._runners.values():
            runner.release()
        tasks, late = list(self._tasks.values()), list(self._late)
        self._runners, self._tasks = {}, {}
        for task in late:
            task.cancel()
        await self._parked.release()
        await asyncio.gather(*tasks, *late, return_exceptions=True)

    def _on_task_done(self, key: ShardKey, runner: ShardRunner, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is None:
            return
        if self._runners.get(key) is not runner:
            log.error("shard %s ended with an error; its next owner finds it again: %s", runner.name, error)
            return
        # An agent that waits for space in the queue of this shard must go on with the other shards.
        runner.release()
        self._end(key, error, runner.committed)

    def _end(self, key: ShardKey, error: BaseException, stood_at: Mapping[str, int]) -> None:
        """Parks a shard that has failed, or lets the worker handle the error."""
        if not is_of_the_shard(error):
            log.error("shard %s has stopped: %s", key[0].shard_name(key[1]), error, exc_info=error)
            self._on_error(error)
            return
        self._parked.park(key, error, stood_at)
        runner = self._runners.pop(key, None)
        if runner is not None:
            del self._tasks[key]
            self._fetching().fetch_no_more(set(self._starts(key, runner)))


def _discard(taking: "asyncio.Future[ShardRunner]") -> None:
    if not taking.cancelled() and taking.exception() is None:
        taking.result().discard()
