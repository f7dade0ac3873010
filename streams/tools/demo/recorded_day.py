"""A recorded day in the pipeline: the market waits until every strategy has answered, so that no decision comes late.

The rehearsal says at which updates strategies send requests. There the market waits until the shards have taken it, and
everything that it causes. Then the requests are sent, and the market goes on when the venue has them.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from itertools import zip_longest

from infra.settings import Settings
from schemas.avro.codec import Codec
from schemas.records.messages import OrderResult
from streams.errors import OtherResults
from streams.pipeline.clients.follow import Follower
from streams.pipeline.clients.producer import RecordProducer
from streams.pipeline.clients.read_topic import read_topic
from streams.pipeline.clients.taken_inputs import Taken, TakenInputs
from streams.pipeline.feed.mark_ends import mark_ends
from streams.pipeline.feed.pace import Slice, at_once
from streams.pipeline.feed.send import Feed, FeedResult
from streams.pipeline.feed.table import MarketTable
from streams.tools.demo.rehearsal import Rehearsal


class RecordedDay:
    """The feed of a recorded day and the requests of its strategies.

    Attributes:
        updates: market updates fed.
        requests: requests sent.
    """

    def __init__(
        self,
        settings: Settings,
        codec: Codec,
        table: MarketTable,
        rehearsal: Rehearsal,
        mark_interval_ms: int,
        journals: Follower,
    ) -> None:
        """table: that of the rehearsal. journals: as TakenInputs has it. Nothing may have been fed to the pipeline."""
        self.updates = 0
        self.requests = 0
        self._settings = settings
        self._codec = codec
        self._rehearsal = rehearsal
        self._feed = Feed(settings, codec, table, mark_ends(table, mark_interval_ms))
        self._producer = RecordProducer(settings, codec, linger_ms=0)
        self._shards = TakenInputs(journals)

    @property
    def parts(self) -> tuple[Callable[[], FeedResult]]:
        """The call that feeds the market and sends the requests, one after the other."""
        return (self._run,)

    @property
    def unanswered(self) -> Collection[tuple[str, str]]:
        """Requests without any result: none, because the market waits for each."""
        return ()

    def _run(self) -> FeedResult:
        return self._feed.run_slices(self._slices(), self._note)

    def stop(self) -> None:
        """Makes the day end early. May be called from another thread."""
        self._feed.stop()
        self._shards.stop()

    @property
    def results(self) -> int:
        """Number of results that the strategies have seen."""
        return self._rehearsal.seen

    def _note(self, updates: int) -> None:
        self.updates = updates

    def _slices(self) -> Iterator[Slice]:
        sent: Taken = {}
        for stop in self._rehearsal.stops():
            # Meanwhile the rehearsal has gone on.
            self._wait(sent)
            for piece in at_once(self._feed.row, stop.row):
                yield piece._replace(open_ended=True)
            if not stop.orders:
                yield Slice(stop.row)
            sent = stop.taken
            for group in stop.groups():
                self._wait(sent)
                for order in group:
                    self._producer.send("orders", order.request.account_id, order.request)
                    self.requests += 1
                sent = group[-1].taken
        self._wait(sent)

    def _wait(self, taken: Taken) -> None:
        market = {("market.data", partition): count for partition, count in self._feed.records.items()}
        self._shards.wait({**taken, **market})

    def demand_seen_results(self) -> None:
        """Demands that the pipeline's results are those that the strategies have seen. Raises OtherResults."""
        found: dict[str, list[OrderResult]] = defaultdict(list)
        for result in read_topic(self._settings, self._codec, "order.results"):
            found[result.account_id].append(result)
        for account_id, seen in self._rehearsal.results.items():
            for number, (ours, theirs) in enumerate(zip_longest(seen, found[account_id]), 1):
                if ours is None or theirs is None or _without_ids(ours) != _without_ids(theirs):
                    raise OtherResults(
                        f"account {account_id}, result {number}: the strategy saw {ours}, the pipeline gave {theirs}; "
                        "please report this, with the market's files"
                    )


def _without_ids(result: OrderResult) -> OrderResult:
    """Returns a result without what depends on the order in which a shard took records of other accounts or symbols."""
    return result._replace(result_id="", exec_id=None, ts=0, breaker_event_id=None)
