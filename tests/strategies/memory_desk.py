"""A live strategy without Kafka: the real shards in this process, their topics as lists, and a strategy that can be
killed at any moment and started again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from schemas.records.messages import MarketData, OrderRequest, OrderResult
from streams.core.reference.instruments import Instrument
from streams.evidence.replay.market_time import market_only
from streams.evidence.replay.replay_engine import ReplayEngine
from streams.pipeline.feed.table import MarketTable
from streams.pipeline.journal.partitions import partition_of
from streams.strategies.account_history import AccountHistory, account_history
from streams.strategies.live_participant import LiveParticipant
from streams.strategies.market_view import updates_of
from streams.strategies.participant import Participant, make_participant
from streams.strategies.strategy_config import StrategyConfig
from tests import builders
from tests.strategies.event_markets import CORE


class MemoryDesk:
    """An account of one strategy.

    Attributes:
        topics: all records that the shards and the strategy have written, by topic.
        undelivered: requests that Kafka has and the account shard has not.
        killed_after: number of requests of the next decision after whose delivery the strategy is killed; None: all.
        is_dead: it was killed, and does nothing more.
    """

    def __init__(self, told: Mapping[str, Any], account_id: str = "P") -> None:
        self.topics: dict[str, list[Any]] = defaultdict(list)
        self.undelivered: list[OrderRequest] = []
        self.killed_after: int | None = None
        self.is_dead = False
        self._unseen: list[OrderResult] = []
        self._account_id, self._config = account_id, StrategyConfig.model_validate(told)
        instruments = {item.symbol: Instrument.from_config(item) for item in CORE.instruments}
        self._traded = {symbol: instruments[symbol] for symbol in self._config.traded}
        self._engine = ReplayEngine(CORE, lambda topic, _, __, message: self.topics[topic].append(message))
        self._partition = partition_of(account_id, CORE.account_partitions)
        cash = str(self._config.cash)
        self._engine.process("controls", self._partition, builders.opening(account_id, cash), 0)
        self.start()

    def start(self) -> None:
        """Starts the strategy from what the topics tell."""
        self.participant = self._made(self.history())
        self.trading = LiveParticipant(self.participant)
        self._unseen.clear()
        self.killed_after, self.is_dead = None, False

    def history(self) -> AccountHistory:
        """Returns the account as its topics tell it."""
        topics = ("account.equity", "positions", "order.results", "orders")
        return account_history(self._account_id, self._traded, *(self.topics[topic] for topic in topics))

    def _made(self, history: AccountHistory) -> Participant:
        return make_participant(self._account_id, self._config, self._traded, CORE.run_seed, history=history)

    def trade(self, record: MarketData, time_ns: int) -> None:
        """Shows an update to the venue, and then to the strategy."""
        self.take_requests(time_ns)
        symbol_partition = partition_of(record.symbol, CORE.execution_partitions)
        self._unseen += self._engine.process("market.data", symbol_partition, record, time_ns)
        self.show_results()
        if record.symbol in self.participant.symbols:
            for update in updates_of(record):
                self.deliver(self.trading.on_update(record.symbol, update))

    def deliver(self, requests: list[OrderRequest]) -> None:
        """Writes requests to the topic, or those of them that a killed strategy had handed to Kafka."""
        if self.is_dead:
            return
        if requests and self.killed_after is not None:
            self.is_dead, requests = True, requests[: self.killed_after]
        self.topics["orders"] += requests
        self.undelivered += requests

    def take_requests(self, time_ns: int) -> None:
        """Lets the account shard take all that was delivered."""
        while self.undelivered:
            request = self.undelivered.pop(0)
            self._unseen += self._engine.process("orders", self._partition, request, time_ns)
            self.show_results()

    def show_results(self) -> None:
        """Shows the strategy the results that it has not seen."""
        while self._unseen:
            result = self._unseen.pop(0)
            if result.account_id == self._account_id:
                self.deliver(self.trading.on_result(result))


def market(table: MarketTable) -> list[tuple[MarketData, int]]:
    """Returns a market, one update a record."""
    found = []
    for item in market_only(table, CORE):
        assert isinstance(item.message, MarketData)
        found.append((item.message, item.time_ns))
    return found
