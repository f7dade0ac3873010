"""A market at a given speed, and strategies that trade it through Kafka as it comes."""

from collections.abc import Callable, Collection, Iterable
from typing import Any

from infra.settings import Settings
from schemas.avro.codec import Codec
from streams.pipeline.feed.send import Feed, FeedResult
from streams.pipeline.feed.table import MarketTable
from streams.strategies.live_runner import StrategyRunner
from streams.strategies.participant import Participant


class LiveDay:
    """The feed and the strategies of a demonstration in real time. updates: market updates fed so far."""

    def __init__(
        self, settings: Settings, codec: Codec, table: MarketTable, speed: float, participants: Iterable[Participant]
    ) -> None:
        """speed: market seconds a second."""
        self.updates = 0
        self._feed = Feed(settings, codec, table)
        self._speed = speed
        self._runner = StrategyRunner(settings, codec)
        for participant in participants:
            self._runner.add(participant)

    @property
    def parts(self) -> tuple[Callable[[], Any], ...]:
        """The calls that run at once, each in a thread of its own: the feed, and the strategies until stop()."""
        return self._run_feed, self._runner.run

    @property
    def requests(self) -> int:
        """Number of requests sent."""
        return self._runner.requests

    @property
    def results(self) -> int:
        """Number of results received."""
        return self._runner.results

    @property
    def unanswered(self) -> Collection[tuple[str, str]]:
        """Requests without any result, by account and order id."""
        return self._runner.unanswered

    def stop(self) -> None:
        """Ends all parts. May be called from another thread."""
        self._feed.stop()
        self._runner.stop()

    def _run_feed(self) -> FeedResult:
        return self._feed.run(self._speed, self._note)

    def _note(self, updates: int) -> None:
        self.updates = updates
