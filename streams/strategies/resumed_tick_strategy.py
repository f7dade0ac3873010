"""A strategy of one quote that goes on where its account stands."""

from collections.abc import Sequence

from schemas.records.messages import OrderRequest, OrderResult
from streams.strategies.account_history import AccountHistory
from streams.strategies.strategy import Tick, Ticket, TickStrategy


class ResumedTickStrategy:
    """A strategy that has been shown the results of its session, and whose open orders end before it sees a quote.

    Of the answers to those results nothing is sent: they were sent, or belong to a market that has passed.
    """

    def __init__(self, strategy: TickStrategy, ticket: Ticket, history: AccountHistory) -> None:
        """ticket: the strategy's own."""
        self._strategy, self._ticket, self._account = strategy, ticket, history.account
        self._has_cleared = not history.account.working
        self._has_asked = False
        for result in history.results:
            strategy.on_result(result)

    def on_tick(self, tick: Tick) -> Sequence[OrderRequest]:
        """Cancels the orders of an earlier start; after their end, shows the quote to the strategy."""
        self._has_cleared = self._has_cleared or not self._account.working
        if self._has_cleared:
            return self._strategy.on_tick(tick)
        if self._has_asked:
            return ()
        self._has_asked = True
        return (self._ticket.cancel_all(tick.ts),)

    def on_result(self, result: OrderResult) -> Sequence[OrderRequest]:
        """Shows a result to the strategy."""
        if not self._has_cleared:
            self._account.add(result)
        requests = self._strategy.on_result(result)
        return requests if self._has_cleared else ()
