"""A strategy that trades live: its results come when Kafka brings them, and it learns each at its market time."""

from heapq import heappop, heappush

from schemas.records.messages import OrderRequest, OrderResult
from streams.strategies.market_view import Update
from streams.strategies.participant import Participant

NEVER_NS = 2**63 - 1


class LiveParticipant:
    """A participant that holds its results until their time. Times are market times, UTC nanoseconds.

    With a result latency above the time that results take, the strategy learns what its replay learns when it does.
    Without one it learns a result when it comes.

    Attributes:
        participant: the strategy on its account.
        late: results that came after their time, when the strategy had seen later updates: a replay shows them earlier.
        slowest_ns: the longest time from a result to the newest update that the strategy had seen when it came.
    """

    def __init__(self, participant: Participant) -> None:
        self.participant = participant
        self.late = 0
        self.slowest_ns = 0
        self._held: list[tuple[int, int, OrderResult]] = []
        self._count = 0
        self._seen_ns = 0

    def on_update(self, symbol: str, update: Update) -> list[OrderRequest]:
        """Returns the stamped requests that follow the results which are due before an update, and the update."""
        requests = self._tell_before(update.ts)
        self._seen_ns = max(self._seen_ns, update.ts)
        if self.participant.sees(update):
            requests += self.participant.on_update(symbol, update, update.ts)
        return requests

    def on_result(self, result: OrderResult) -> list[OrderRequest]:
        """Returns the stamped requests that follow a result; none yet if the strategy learns it later."""
        self.slowest_ns = max(self.slowest_ns, self._seen_ns - result.ts)
        if not self.participant.result_latency_ns:
            return self.participant.on_result(result, result.ts)
        told_ns = self.participant.told_ns(result)
        self.late += told_ns < self._seen_ns
        self._count += 1
        heappush(self._held, (max(told_ns, self._seen_ns), self._count, result))
        return []

    def on_stop(self, now_ns: int) -> list[OrderRequest]:
        """Returns the stamped requests with which a run ends. The strategy learns first what it has not learned yet."""
        return self._tell_before(NEVER_NS) + self.participant.on_stop(now_ns)

    def _tell_before(self, time_ns: int) -> list[OrderRequest]:
        requests: list[OrderRequest] = []
        while self._held and self._held[0][0] < time_ns:
            told_ns, _, result = heappop(self._held)
            requests += self.participant.on_result(result, told_ns)
        return requests
