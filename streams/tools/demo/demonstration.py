"""Runs a demonstration: sessions, feed and strategies, drain, reconciliation."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from confluent_kafka import Consumer, TopicPartition

from infra.kafka.client_config import client_config
from infra.kafka.topics import TOPICS, partition_count, topic_name
from infra.settings import Settings
from schemas.avro.codec import Codec
from schemas.registry import Registry
from streams.errors import NoAnswer
from streams.evidence.reconcile import Reconciliation, reconcile
from streams.evidence.replay.market_updates import sorted_by_market_time
from streams.pipeline.clients.follow import Follower
from streams.pipeline.clients.request_models import ControlModel
from streams.pipeline.feed.send import FeedResult
from streams.pipeline.feed.table import MarketTable
from streams.pipeline.journal.kafka_log import watermarks
from streams.pipeline.journal.kinds import JOURNALS
from streams.pipeline.reference.load_config import core_config
from streams.strategies.participant import Participant
from streams.tools.demo.demo_market import instruments_for, with_reference_data
from streams.tools.demo.live_day import LiveDay
from streams.tools.demo.pipeline_children import WORKER, PipelineChildren, running_pipeline
from streams.tools.demo.recorded_day import RecordedDay
from streams.tools.demo.rehearsal import Rehearsal
from streams.tools.demo.traders import (
    LOOKS,
    RECORDED_LOOKS,
    open_sessions,
    opening_controls,
    participants_of,
    plan_traders,
)
from streams.tools.demo.two_simulators import beside_mock

QUIET_S = 3.0
"""Time without a new record after which the pipeline has drained."""
DRAIN_TIMEOUT_S = 600.0
POLL_S = 0.25


@dataclass(frozen=True, slots=True)
class DemoProgress:
    """The numbers of a live display: updates fed, requests sent, results received."""

    updates: int
    updates_total: int
    requests: int
    results: int


@dataclass(frozen=True, slots=True)
class DemoResult:
    """The outcome of a demonstration."""

    settings: Settings
    feed: FeedResult
    requests: int
    report: Reconciliation


def run_demo(
    settings: Settings,
    table: MarketTable,
    speed: float | None,
    workers: int,
    on_step: Callable[[str], None],
    on_progress: Callable[[DemoProgress], None],
) -> DemoResult:
    """Runs a session with settings that fresh_namespace has returned.

    Args:
        table: the market.
        speed: market seconds a second; None: a recorded day, whose market waits for the strategies.
        workers: worker processes.
        on_step: takes a sentence for each step.
        on_progress: takes the numbers of a live display.

    Raises:
        ChildError: a worker or the sink ended.
        NoAnswer: sessions or orders were not answered.
        OtherResults: on a recorded day the pipeline departed from the rehearsal.
    """
    instruments = instruments_for(settings, table)
    settings = with_reference_data(settings, instruments)
    codec = Codec(Registry(settings))
    looks = LOOKS if speed is not None else max(RECORDED_LOOKS // len(table.symbols), 1)
    traders = beside_mock(settings, plan_traders(table, instruments, looks))
    openings, participants = opening_controls(settings, traders), participants_of(settings, traders)
    with running_pipeline(settings, workers, on_step) as children:
        try:
            open_sessions(settings, codec, openings, on_step)
        except NoAnswer:
            children.demand_alive()
            raise
        if speed is None:
            feed, requests = _trade_recorded(settings, codec, table, openings, participants, children, on_progress)
        else:
            live = LiveDay(settings, codec, table, speed, participants)
            feed, requests = _trade(settings, live, len(table), children, on_progress), live.requests
        on_step("the workers finish; their last records land before the reconciliation")
        children.stop(WORKER)
        report = reconcile(settings, on_step)
    return DemoResult(settings, feed, requests, report)


def _trade_recorded(
    settings: Settings,
    codec: Codec,
    table: MarketTable,
    openings: Sequence[ControlModel],
    participants: Sequence[Participant],
    children: PipelineChildren,
    on_progress: Callable[[DemoProgress], None],
) -> tuple[FeedResult, int]:
    """Trades a recorded day, and demands that its strategies saw what the pipeline did. Returns feed and requests."""
    table, config = sorted_by_market_time(table), core_config(settings)
    rehearsal = Rehearsal(config, table, [opening.to_message() for opening in openings], participants)
    with Follower(settings, codec, JOURNALS, from_start=True) as journals:
        day = RecordedDay(settings, codec, table, rehearsal, config.mark_interval_ms, journals)
        feed = _trade(settings, day, len(table), children, on_progress)
    day.demand_seen_results()
    return feed, day.requests


def _trade(
    settings: Settings,
    day: LiveDay | RecordedDay,
    updates: int,
    children: PipelineChildren,
    on_progress: Callable[[DemoProgress], None],
) -> FeedResult:
    """Feeds and trades at once, until the feed has ended, each request has its answer and the pipeline has drained."""
    with ThreadPoolExecutor(len(day.parts)) as threads:
        feeding, *others = [threads.submit(part) for part in day.parts]
        try:
            drain = _DrainWatch(settings)
            deadline = time.monotonic() + updates / 1_000 + DRAIN_TIMEOUT_S
            while not (feeding.done() and not day.unanswered and drain.quiet_for(QUIET_S)):
                time.sleep(POLL_S)
                on_progress(DemoProgress(day.updates, updates, day.requests, day.results))
                children.demand_alive()
                _raise_failure(feeding, *others)
                if time.monotonic() > deadline:
                    waiting = ", ".join(order_id for _, order_id in list(day.unanswered)[:5])
                    raise NoAnswer(f"{len(day.unanswered)} requests were not answered: {waiting}")
        finally:
            day.stop()
        for other in others:
            other.result()
        result: FeedResult = feeding.result()
        return result


def _raise_failure(*futures: Future[Any]) -> None:
    for future in futures:
        if future.done():
            future.result()


class _DrainWatch:
    """A watch on the ends of all topics: the pipeline has drained if none of them moves."""

    def __init__(self, settings: Settings) -> None:
        self._partitions = [
            TopicPartition(topic_name(settings, topic.name), partition)
            for topic in TOPICS
            for partition in range(partition_count(settings, topic.name))
        ]
        self._consumer = Consumer(client_config(settings) | {"group.id": f"{settings.topic_prefix}quiet"})
        self._ends: list[int] = []
        self._since = time.monotonic()

    def quiet_for(self, seconds: float) -> bool:
        """Returns whether no topic has grown for this long."""
        ends = [watermarks(self._consumer, partition)[1] for partition in self._partitions]
        if ends != self._ends:
            self._ends, self._since = ends, time.monotonic()
        return time.monotonic() - self._since >= seconds
