"""Runs strategies in a re-simulation: shows them the market and their results, and sends their requests.

A strategy sees an update after the venue has taken it, and a result as soon as it exists. Its request arrives after
the strategy's latency: before all inputs of a later time, and after all inputs of the same time.
"""

from collections.abc import Callable, Iterable, Sequence
from heapq import heappop, heappush

from schemas.records.messages import MarketData, OrderRequest, OrderResult
from streams.strategies.market_view import updates_of
from streams.strategies.participant import Participant

Put = Callable[[OrderRequest, int], list[OrderResult]]
"""Sends a request at a time, UTC nanoseconds, and returns all results that it causes."""


class StrategyLoop:
    """The participants of a replay and their requests that are due later. Times are those of the inputs, UTC ns."""

    def __init__(self, participants: Iterable[Participant], put: Put) -> None:
        self._put = put
        self._by_account: dict[str, Participant] = {}
        self._by_symbol: dict[str, list[Participant]] = {}
        self._waiting: list[tuple[int, int, OrderRequest]] = []
        self._sent = 0
        for participant in participants:
            self._by_account[participant.account_id] = participant
            for symbol in participant.symbols:
                self._by_symbol.setdefault(symbol, []).append(participant)

    @property
    def due_ns(self) -> int | None:
        """Time of the first request that waits; None if none does."""
        return self._waiting[0][0] if self._waiting else None

    def watching(self, symbol: str) -> list[Participant]:
        """Returns the strategies that watch a symbol."""
        return self._by_symbol.get(symbol, [])

    def send_due(self, before_ns: int) -> None:
        """Sends the requests that are due before a time, including those that their results lead to."""
        while self._waiting and self._waiting[0][0] < before_ns:
            due_ns, _, request = heappop(self._waiting)
            self.show_results(self._put(request, due_ns), due_ns)

    def show_results(self, results: Sequence[OrderResult], now_ns: int) -> None:
        """Shows results to the strategies that own them."""
        for result in results:
            participant = self._by_account.get(result.account_id)
            if participant is not None:
                self.keep(participant.on_result(result, max(result.ts, now_ns)))

    def show_market(self, record: MarketData, now_ns: int) -> None:
        """Shows the updates of a market record to the strategies that watch its symbol."""
        watching = self._by_symbol.get(record.symbol)
        if watching:
            for update in updates_of(record):
                for participant in watching:
                    if participant.sees(update):
                        self.keep(participant.on_update(record.symbol, update, max(update.ts, now_ns)))

    def keep(self, requests: Iterable[OrderRequest]) -> None:
        """Keeps requests of a strategy until they are due."""
        for request in requests:
            self._sent += 1
            heappush(self._waiting, (request.ts, self._sent, request))
