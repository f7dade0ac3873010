"""The demonstration from start to end: namespace, sessions, feed and strategies, drain, reconciliation."""

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
from streams.tools.demo.pipeline_children import WORKER, Children, running_pipeline
from streams.tools.demo.traders import open_sessions, plan_traders, runner_for

QUIET_S = 3.0
DRAIN_TIMEOUT_S = 600.0
POLL_S = 0.25
STEP_POLL_S = 0.002
UNANSWERED_MAX = 10


@dataclass(frozen=True, slots=True)
class Progress:
    """What a live display shows: updates fed, requests sent, results received."""

    updates: int
    updates_total: int
    requests: int
    results: int


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What a demonstration ends with."""

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
    on_progress: Callable[[Progress], None],
) -> DemoResult:
    """Runs a session on a namespace that fresh_namespace has made; speed as in streams.pipeline.feed.send.Feed.run."""
    instruments = instruments_for(settings, table)
    settings = with_reference_data(settings, instruments)
    codec = Codec(Registry(settings))
    traders = plan_traders(table, instruments)
    with running_pipeline(settings, workers, on_step) as children:
        try:
            open_sessions(settings, codec, traders, on_step)
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
    children: Children,
    on_progress: Callable[[Progress], None],
) -> FeedResult:
    """Feeds and trades at once, until all that was fed is traded and answered."""
    fed = _Fed(runner, in_step=speed is None)
    with ThreadPoolExecutor(2) as threads:
        trading = threads.submit(runner.run)
        feeding = threads.submit(_feed, settings, codec, table, speed, fed.reach)
        try:
            quiet = _Quiet(settings)
            deadline = time.monotonic() + len(table) / 1_000 + DRAIN_TIMEOUT_S
            while not (feeding.done() and not runner.unanswered and quiet.lasted(QUIET_S)):
                time.sleep(POLL_S)
                on_progress(Progress(fed.updates, len(table), runner.requests, runner.results))
                children.demand_alive()
                _raise_failure(trading, feeding)
                if time.monotonic() > deadline:
                    waiting = ", ".join(order_id for _, order_id in list(runner.unanswered)[:5])
                    raise NoAnswer(f"{len(runner.unanswered)} requests were not answered: {waiting}")
        finally:
            runner.stop()
            fed.release()
        trading.result()
        return feeding.result()


def _feed(
    settings: Settings, codec: Codec, table: MarketTable, speed: float | None, on_progress: Callable[[int], None]
) -> FeedResult:
    # One record of each symbol in a step: the strategies see the market as often as in a live one.
    step = UPDATES_PER_RECORD * len(table.symbols)
    return Feed(settings, codec, table).run(speed, on_progress, updates_per_transaction=step)


def _raise_failure(*futures: Future[Any]) -> None:
    for future in futures:
        if future.done():
            future.result()


class _Fed:
    """Counts what was fed. In step, it holds the feed back until the strategies have seen that and have their answers:
    at full speed a day would be over before the first order is."""

    def __init__(self, runner: StrategyRunner, in_step: bool) -> None:
        self.updates = 0
        self._runner = runner
        self._in_step = in_step
        self._released = threading.Event()

    def reach(self, updates: int) -> None:
        """Called by the feed after each step with the updates so far."""
        self.updates = updates
        while self._in_step and not self._released.is_set() and self._behind:
            self._released.wait(STEP_POLL_S)

    @property
    def _behind(self) -> bool:
        return self._runner.updates < self.updates or len(self._runner.unanswered) > UNANSWERED_MAX

    def release(self) -> None:
        """Holds the feed back no more."""
        self._released.set()


class _Quiet:
    """Watches the ends of all topics: a pipeline is quiet while none of them moves."""

    def __init__(self, settings: Settings) -> None:
        self._places = [
            TopicPartition(topic_name(settings, topic.name), partition)
            for topic in TOPICS
            for partition in range(partition_count(settings, topic.name))
        ]
        self._consumer = Consumer(client_config(settings) | {"group.id": f"{settings.topic_prefix}quiet"})
        self._ends: list[int] = []
        self._since = time.monotonic()

    def lasted(self, seconds: float) -> bool:
        """Whether nothing has moved for so long."""
        ends = [watermarks(self._consumer, place)[1] for place in self._places]
        if ends != self._ends:
            self._ends, self._since = ends, time.monotonic()
        return time.monotonic() - self._since >= seconds
