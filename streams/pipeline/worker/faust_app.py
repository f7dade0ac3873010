"""The Faust application of a worker: an agent for each kind of shard passes record batches to the shards."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

from faust import Stream

from infra.forced_exit import STOP_PATIENCE_S, force_exit_after
from infra.kafka.client_config import faust_credentials
from infra.kafka.topics import topic_name
from infra.membership import process_client_id
from infra.settings import Settings
from schemas.avro.codec import Codec
from schemas.registry import Registry
from streams.pipeline.journal.kinds import ACCOUNTS, EXECUTION, ShardKind
from streams.pipeline.reference.load_config import core_config
from streams.pipeline.worker.input_fetcher import InputFetcher
from streams.pipeline.worker.lane import LaneApp, LaneConsumer, RecordBatch
from streams.pipeline.worker.name_claim import NameClaim
from streams.pipeline.worker.parked_shards import ParkedShard
from streams.pipeline.worker.shard_errors import ShardErrorHandler
from streams.pipeline.worker.shard_host import ShardHost
from streams.pipeline.worker.takeover_sign import TakeoverSign
from streams.pipeline.worker.worker_group import group_id

HEARTBEATS_IN_SESSION = 5
VERDICT_SESSIONS = 1.5


def make_app(settings: Settings, worker: str, on_parked: Callable[[list[ParkedShard]], None]) -> LaneApp:
    """Returns the application of a worker.

    worker: its name as a static member of the consumer group. on_parked: called with all parked shards at each change.
    """
    app = LaneApp(
        group_id(settings),
        broker=f"kafka://{settings.kafka_bootstrap_servers}",
        broker_client_id=process_client_id(),
        broker_credentials=faust_credentials(settings),
        datadir=settings.paper_home / "faust",
        store="memory://",
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        stream_wait_empty=False,
        stream_buffer_maxsize=settings.worker_queued_batches,
        broker_commit_interval=1.0,
        broker_session_timeout=settings.worker_session_timeout_s,
        broker_heartbeat_interval=settings.worker_session_timeout_s / HEARTBEATS_IN_SESSION,
        consumer_group_instance_id=worker,
    )
    verdict_s = settings.worker_session_timeout_s * VERDICT_SESSIONS
    errors = ShardErrorHandler(
        take_over_again=lambda: app.consumer.perform_seek(),
        progress=lambda: host.committed(),
        generation=lambda: host.generation,
        verdict_s=verdict_s,
        give_up=_crasher(app),
    )
    host = ShardHost(
        settings,
        core_config(settings),
        Codec(Registry(settings)),
        on_error=errors.handle,
        on_parked=on_parked,
        fetching=lambda: cast(LaneConsumer, app.consumer),
        sign=TakeoverSign(settings, worker),
    )
    app.positions = host
    app.name_claim = NameClaim(settings, group_id(settings), worker, verdict_s)
    app.on_read_error = errors.handle
    app.inputs = InputFetcher(settings, host.base_topic, settings.worker_batch_records)
    app.on_stop_requested = lambda: force_exit_after(
        STOP_PATIENCE_S, "the next owner reads the batch that is not committed"
    )

    @app.on_partitions_revoked.connect
    async def release_shards(*args: Any, **kwargs: Any) -> None:
        await host.release()

    @app.on_before_shutdown.connect
    async def release_at_shutdown(*args: Any, **kwargs: Any) -> None:
        await host.release()

    for kind in (ACCOUNTS, EXECUTION):
        _add_agent(app, settings, kind, host)
    return app


def _add_agent(app: LaneApp, settings: Settings, kind: ShardKind, host: ShardHost) -> None:
    topics = [topic_name(settings, topic) for topic in kind.inputs]

    @app.agent(app.topic(*topics, key_serializer="raw", value_serializer="raw"), name=kind.name, concurrency=1)
    async def shards(stream: Any) -> None:
        batches: Stream[RecordBatch] = stream
        async for event in batches.noack().events():
            await host.deliver(event.value)


def _crasher(app: LaneApp) -> Any:
    running: set[asyncio.Task[None]] = set()

    def crash(error: BaseException) -> None:
        task = asyncio.ensure_future(app.crash(error))
        running.add(task)
        task.add_done_callback(running.discard)

    return crash
