"""Trades strategies through Kafka: market.data and order.results in, orders out."""

import threading
from collections.abc import Callable, Mapping, Sequence

from infra.settings import Settings
from schemas.avro.codec import Codec
from schemas.records.messages import MarketData, OrderRequest, OrderResult
from schemas.records.numbers import NANOS_PER_S
from streams.errors import StrategyFailed
from streams.pipeline.clients.follow import Follower
from streams.pipeline.clients.producer import RecordProducer
from streams.strategies.live_participant import LiveParticipant
from streams.strategies.live_tally import LiveTally
from streams.strategies.market_view import updates_of
from streams.strategies.participant import Participant
from streams.strategies.strategy import Tick

POLL_S = 0.02
LATE_NS = NANOS_PER_S
"""More than requests need at the speed of the market: their way through Kafka takes milliseconds."""

NO_SESSION = "UNKNOWN_ACCOUNT"
"""Code of a refusal because the account has no open session: no later request would fare better."""


class StrategyRunner:
    """A runner of strategies, each on one account.

    Attributes:
        updates: market data updates seen.
        requests: requests sent.
        results: results received.
        unanswered: the ts of requests without any result, by account and order id.
        late: requests whose first result came more than LATE_NS of market time after their ts.
        latest_ns: the longest such time.
        participants: the strategies, by account.
        refusal: why the account shard takes no requests any more, which ends the run: no session is open; else empty.
    """

    def __init__(
        self,
        settings: Settings,
        codec: Codec,
        max_orders: int | None = None,
        starts: Mapping[tuple[str, int], int] | None = None,
    ) -> None:
        """starts: offsets of the first records to read, by topic and partition; see AccountHistory."""
        self._follower = Follower(settings, codec, ["market.data", "order.results"], starts=starts)
        self._producer = RecordProducer(settings, codec, linger_ms=1)
        self.participants: dict[str, LiveParticipant] = {}
        self._by_symbol: dict[str, list[LiveParticipant]] = {}
        self._tallies: dict[str, LiveTally] = {}
        self._max_orders = max_orders
        self._stop = threading.Event()
        self._now_ns = 0
        self.updates = 0
        self.requests = 0
        self.results = 0
        self.unanswered: dict[tuple[str, str], int] = {}
        self.late = 0
        self.latest_ns = 0
        self.refusal = ""

    def add(self, participant: Participant, tally: LiveTally | None = None) -> None:
        """Adds a strategy; no other one may trade for its account. tally: counts what it does."""
        trading = self.participants[participant.account_id] = LiveParticipant(participant)
        if tally is not None:
            self._tallies[participant.account_id] = tally
        for symbol in participant.symbols:
            self._by_symbol.setdefault(symbol, []).append(trading)

    def stop(self) -> None:
        """Makes run() return after the present record. May be called from another thread or a signal's handler."""
        self._stop.set()

    def run(self, on_progress: Callable[[], None] = lambda: None) -> None:
        """Trades until stop() is called, or until max_orders requests were sent and answered.

        on_progress: called many times a second.

        Raises StrategyFailed after the requests are sent that follow the error of a strategy.
        """
        try:
            self._trade(on_progress)
        except StrategyFailed:
            for trading in self.participants.values():
                self._send_last(trading.participant.after_error(self._now_ns))
            raise
        finally:
            self._producer.flush()

    def _trade(self, on_progress: Callable[[], None]) -> None:
        with self._follower as follower:
            while not self._stop.is_set() and not self._finished:
                on_progress()
                for followed in follower.poll(POLL_S):
                    if self._stop.is_set():
                        break
                    if followed.topic == "market.data":
                        self._on_market_data(followed.message)
                    else:
                        self._on_result(followed.message)
        self._end()

    def _end(self) -> None:
        for trading in self.participants.values():
            self._send_last(trading.on_stop(self._now_ns))

    @property
    def _finished(self) -> bool:
        return self._max_orders is not None and self.requests >= self._max_orders and not self.unanswered

    def _on_market_data(self, record: MarketData) -> None:
        watching = self._by_symbol.get(record.symbol)
        if watching:
            for update in updates_of(record):
                self._now_ns = update.ts
                for trading in watching:
                    tally = self._tallies.get(trading.participant.account_id)
                    if isinstance(update, Tick) and tally is not None:
                        tally.mark(record.symbol, update)
                    self._send(trading.on_update(record.symbol, update))
        self.updates += len(record.kinds)

    def _on_result(self, result: OrderResult) -> None:
        trading = self.participants.get(result.account_id)
        if trading is None:
            return
        self.results += 1
        if result.account_id in self._tallies:
            self._tallies[result.account_id].add(result)
        sent_ns = self.unanswered.pop((result.account_id, result.request_id or result.order_id), result.ts)
        self.late += result.ts - sent_ns > LATE_NS
        self.latest_ns = max(self.latest_ns, result.ts - sent_ns)
        self._send(trading.on_result(result))
        if result.reason_code == NO_SESSION:
            self.refusal = result.text or NO_SESSION
            self._stop.set()

    def _send(self, requests: Sequence[OrderRequest]) -> None:
        for request in requests:
            if self._max_orders is not None and self.requests >= self._max_orders:
                return
            self.unanswered[request.account_id, request.order_id] = request.ts
            self._send_last((request,))

    def _send_last(self, requests: Sequence[OrderRequest]) -> None:
        """Sends requests whatever max_orders says, whose answers need not be awaited."""
        for request in requests:
            self.requests += 1
            self._producer.send("orders", request.account_id, request)
