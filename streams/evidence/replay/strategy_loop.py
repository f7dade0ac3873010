"""Strategies in the loop of a re-simulation: what they see, and when what they send comes.

They see an update after the venue has taken it, and a result as soon as there is one. What they decide upon it comes
the strategy's own latency later: before whatever comes at a later time, behind all that comes at the same.
"""

from collections.abc import Callable, Iterable, Sequence
from heapq import heappop, heappush

from schemas.records.messages import MarketData, OrderRequest, OrderResult
from streams.strategies.participant import Participant
from streams.strategies.strategy import ticks

Put = Callable[[OrderRequest, int], list[OrderResult]]
"""Takes a request at a time, UTC nanoseconds; gives all results that it causes."""


class StrategyLoop:
    """Participants around a pipeline. now_ns: when something came, by the clock of the inputs."""

    def __init__(self, participants: Iterable[Participant], put: Put) -> None:
        self._put = put
        self._by_account: dict[str, Participant] = {}
        self._by_symbol: dict[str, list[Participant]] = {}
        self._waiting: list[tuple[int, int, OrderRequest]] = []
        self._sent = 0
        for participant in participants:
            self._by_account[participant.account_id] = participant
            self._by_symbol.setdefault(participant.symbol, []).append(participant)

    def release(self, before_ns: int) -> None:
        """Puts what is due before a time; what its results make strategies send too, where that is due by then."""
        while self._waiting and self._waiting[0][0] < before_ns:
            due_ns, _, request = heappop(self._waiting)
            self.tell(self._put(request, due_ns), due_ns)

    def tell(self, results: Sequence[OrderResult], now_ns: int) -> None:
        """Shows results to the strategies that they are for."""
        for result in results:
            participant = self._by_account.get(result.account_id)
            if participant is not None:
                self._send(participant.on_result(result, max(result.ts, now_ns)))

    def show(self, record: MarketData, now_ns: int) -> None:
        """Shows the market that has come with a record at a time."""
        watching = self._by_symbol.get(record.symbol)
        if watching:
            for tick in ticks(record):
                for participant in watching:
                    self._send(participant.on_tick(tick, max(tick.ts, now_ns)))

    def _send(self, requests: Iterable[OrderRequest]) -> None:
        for request in requests:
            self._sent += 1
            heappush(self._waiting, (request.ts, self._sent, request))
