"""Runs a demonstration: sessions, feed and strategies, drain, reconciliation."""

import threading
import time
from collections.abc import Callable
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
from streams.pipeline.feed.send import UPDATES_PER_RECORD, Feed, FeedResult
from streams.pipeline.feed.table import MarketTable
from streams.pipeline.journal.kafka_log import watermarks
from streams.strategies.live_runner import StrategyRunner
from streams.tools.demo.demo_market import instruments_for, with_reference_data
from streams.tools.demo.pipeline_children import WORKER, PipelineChildren, running_pipeline
from streams.tools.demo.traders import open_trader_sessions, plan_traders, runner_for
from streams.tools.demo.two_simulators import beside_mock

QUIET_S = 3.0
"""Time without a new record after which the pipeline has drained."""
DRAIN_TIMEOUT_S = 600.0
POLL_S = 0.25
STEP_POLL_S = 0.002
UNANSWERED_MAX = 10
"""Requests without an answer at which the feed waits."""


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
        speed: market seconds a second; None: as fast as the strategies follow (streams.pipeline.feed.send.Feed.run).
        workers: worker processes.
        on_step: takes a sentence for each step.
        on_progress: takes the numbers of a live display.

    Raises:
        ChildError: a worker or the sink ended.
        NoAnswer: sessions or orders were not answered.
    """
    instruments = instruments_for(settings, table)
    settings = with_reference_data(settings, instruments)
    codec = Codec(Registry(settings))
    traders = beside_mock(settings, plan_traders(table, instruments))
    with running_pipeline(settings, workers, on_step) as children:
        try:
            open_trader_sessions(settings, codec, traders, on_step)
        except NoAnswer:
            children.demand_alive()
            raise
        runner = runner_for(settings, codec, traders)
        feed = _trade(settings, codec, table, speed, runner, children, on_progress)
        on_step("the workers finish; their last records land before the reconciliation")
        children.stop(WORKER)
        report = reconcile(settings, on_step)
    return DemoResult(settings, feed, runner.requests, report)


def _trade(
    settings: Settings,
    codec: Codec,
    table: MarketTable,
    speed: float | None,
    runner: StrategyRunner,
    children: PipelineChildren,
    on_progress: Callable[[DemoProgress], None],
) -> FeedResult:
    """Feeds and trades at once, until the feed has ended, each request has its answer and the pipeline has drained."""
    pace = _FeedPace(runner, in_step=speed is None)
    with ThreadPoolExecutor(2) as threads:
        trading = threads.submit(runner.run)
        feeding = threads.submit(_feed, settings, codec, table, speed, pace.reach)
        try:
            drain = _DrainWatch(settings)
            deadline = time.monotonic() + len(table) / 1_000 + DRAIN_TIMEOUT_S
            while not (feeding.done() and not runner.unanswered and drain.quiet_for(QUIET_S)):
                time.sleep(POLL_S)
                on_progress(DemoProgress(pace.updates, len(table), runner.requests, runner.results))
                children.demand_alive()
                _raise_failure(trading, feeding)
                if time.monotonic() > deadline:
                    waiting = ", ".join(order_id for _, order_id in list(runner.unanswered)[:5])
                    raise NoAnswer(f"{len(runner.unanswered)} requests were not answered: {waiting}")
        finally:
            runner.stop()
            pace.release()
        trading.result()
        return feeding.result()


def _feed(
    settings: Settings, codec: Codec, table: MarketTable, speed: float | None, on_progress: Callable[[int], None]
) -> FeedResult:
    # One record of each symbol in a step, so that the strategies see the market as often as in live trading.
    step = UPDATES_PER_RECORD * len(table.symbols)
    return Feed(settings, codec, table).run(speed, on_progress, updates_per_transaction=step)


def _raise_failure(*futures: Future[Any]) -> None:
    for future in futures:
        if future.done():
            future.result()


class _FeedPace:
    """The progress of the feed. in_step: the feed waits until the strategies have seen its updates and have answers.

    Without that, a day at full speed would be over before the first order is sent.
    """

    def __init__(self, runner: StrategyRunner, in_step: bool) -> None:
        self.updates = 0
        self._runner = runner
        self._in_step = in_step
        self._released = threading.Event()

    def reach(self, updates: int) -> None:
        """Takes the number of updates fed so far; the feed calls it after each step."""
        self.updates = updates
        while self._in_step and not self._released.is_set() and self._behind:
            self._released.wait(STEP_POLL_S)

    @property
    def _behind(self) -> bool:
        return self._runner.updates < self.updates or len(self._runner.unanswered) > UNANSWERED_MAX

    def release(self) -> None:
        """Makes the feed wait no longer."""
        self._released.set()


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
