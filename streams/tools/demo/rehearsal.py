"""The rehearsal of a recorded day: the same shards trade it in this process, to learn where the market must wait.

A strategy decides upon quotes and upon the results of its orders. A resting order may fill at any update, so only the
simulator knows when a strategy will act. The core is deterministic: its shards do here, update by update, what those of
the workers do, and strategies are asked as by `paper replay run`.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from schemas.records.messages import Control, MarketData, OrderRequest, OrderResult
from schemas.records.output import Message
from streams.core.core_config import CoreConfig
from streams.evidence.replay.market_time import market_only
from streams.evidence.replay.replay_engine import ReplayEngine
from streams.evidence.replay.strategy_loop import StrategyLoop
from streams.pipeline.clients.taken_inputs import Taken
from streams.pipeline.feed.table import MarketTable
from streams.pipeline.journal.partitions import partition_of
from streams.strategies.participant import Participant

WAY_TO_VENUE = ("orders", "orders.approved")


class PlacedOrder(NamedTuple):
    """A request of a strategy.

    partition: its account shard. taken: the inputs of all shards when everything that it causes is done. travels: it
    causes nothing at once, because its way to the venue takes time.
    """

    request: OrderRequest
    partition: int
    taken: Taken
    travels: bool


class Stop(NamedTuple):
    """A place at which the market waits: for requests of strategies, or because it has ended.

    row: number of updates before it. taken: the inputs of all shards when everything that these updates cause is done,
    without market.data, whose records may hold many updates.
    """

    row: int
    taken: Taken
    orders: tuple[PlacedOrder, ...] = ()

    def groups(self) -> Iterator[list[PlacedOrder]]:
        """Yields the requests in groups that may be sent together, each when all is done that the one before causes.

        A group keeps its order, because one account shard takes it. None of it changes what the next one is judged by.
        """
        group: list[PlacedOrder] = []
        for order in self.orders:
            if group and not (group[-1].travels and group[-1].partition == order.partition):
                yield group
                group = []
            group.append(order)
        if group:
            yield group


class Rehearsal:
    """A recorded day in this process. results: what each account's strategy has seen. seen: number of all results."""

    def __init__(
        self, config: CoreConfig, table: MarketTable, openings: Sequence[Control], participants: Sequence[Participant]
    ) -> None:
        """table: sorted by market time. openings: controls that open the sessions of the participants."""
        self.results: dict[str, list[OrderResult]] = defaultdict(list)
        self.seen = 0
        self._engine = ReplayEngine(config, self._keep)
        self._table = table
        self._openings = openings
        self._loop = StrategyLoop(participants, self._put)
        self._before: Taken = {}
        self._placed: list[PlacedOrder] = []

    def stops(self) -> Iterator[Stop]:
        """Yields the places at which the market waits, in their order. The last is its end. Call it once."""
        engine, loop = self._engine, self._loop
        for control in self._openings:
            assert control.account_id is not None
            partition = partition_of(control.account_id, engine.config.account_partitions)
            engine.process("controls", partition, control, 0)
        row = 0
        for item in market_only(self._table, engine.config):
            assert isinstance(item.message, MarketData)
            loop.send_due(item.time_ns)
            if self._placed:
                yield Stop(row, self._before, tuple(self._placed))
                self._placed.clear()
            loop.show_results(engine.process(item.topic, item.partition, item.message, item.time_ns), item.time_ns)
            loop.show_market(item.message, item.time_ns)
            row += len(item.message.kinds)
        yield Stop(row, self._taken())

    def _put(self, request: OrderRequest, time_ns: int) -> list[OrderResult]:
        before = self._placed[-1].taken if self._placed else self._taken()
        if not self._placed:
            self._before = before
        partition = partition_of(request.account_id, self._engine.config.account_partitions)
        results = self._engine.process("orders", partition, request, time_ns)
        taken = self._taken()
        travels = all(topic in WAY_TO_VENUE or count == before.get((topic, at)) for (topic, at), count in taken.items())
        self._placed.append(PlacedOrder(request, partition, taken, travels))
        return results

    def _taken(self) -> Taken:
        return {place: count for place, count in self._engine.taken.items() if place[0] != "market.data"}

    def _keep(self, topic: str, partition: int, key: str, message: Message) -> None:
        if isinstance(message, OrderResult):
            self.results[message.account_id].append(message)
            self.seen += 1
