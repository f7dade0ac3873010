"""Runs strategies in a re-simulation: shows them the market and their results, and sends their requests.

A strategy sees an update after the venue has taken it. It learns a result as soon as that exists, or after its
result_latency_ms. Its request arrives after the strategy's latency. Both come before all inputs of a later time, and
after all inputs of the same time.
"""

from collections.abc import Callable, Iterable, Sequence
from heapq import heappop, heappush

from schemas.records.messages import MarketData, OrderRequest, OrderResult
from streams.strategies.market_view import updates_of
from streams.strategies.participant import Participant

Put = Callable[[OrderRequest, int], list[OrderResult]]
"""Sends a request at a time, UTC nanoseconds, and returns all results that it causes."""


class StrategyLoop:
    """The participants of a replay, and what is due later: requests and results. Times are of the inputs, UTC ns."""

    def __init__(self, participants: Iterable[Participant], put: Put) -> None:
        self._put = put
        self._by_account: dict[str, Participant] = {}
        self._by_symbol: dict[str, list[Participant]] = {}
        self._waiting: list[tuple[int, int, OrderRequest | OrderResult]] = []
        self._kept = 0
        for participant in participants:
            self._by_account[participant.account_id] = participant
            for symbol in participant.symbols:
                self._by_symbol.setdefault(symbol, []).append(participant)

    @property
    def due_ns(self) -> int | None:
        """Time of the first request or result that waits; None if none does."""
        return self._waiting[0][0] if self._waiting else None

    def watching(self, symbol: str) -> list[Participant]:
        """Returns the strategies that watch a symbol."""
        return self._by_symbol.get(symbol, [])

    def send_due(self, before_ns: int) -> None:
        """Sends the requests and tells the results that are due before a time, including those that they lead to."""
        while self._waiting and self._waiting[0][0] < before_ns:
            due_ns, _, item = heappop(self._waiting)
            if isinstance(item, OrderRequest):
                self.show_results(self._put(item, due_ns), due_ns)
            else:
                self.keep(self._by_account[item.account_id].on_result(item, due_ns))

    def show_results(self, results: Sequence[OrderResult], now_ns: int) -> None:
        """Shows results to the strategies that own them, or keeps those that a strategy learns later."""
        for result in results:
            participant = self._by_account.get(result.account_id)
            if participant is None:
                continue
            if participant.result_latency_ns:
                self._keep(max(participant.told_ns(result), now_ns), result)
            else:
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
            self._keep(request.ts, request)

    def _keep(self, due_ns: int, item: OrderRequest | OrderResult) -> None:
        self._kept += 1
        heappush(self._waiting, (due_ns, self._kept, item))
