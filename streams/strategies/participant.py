"""A strategy in its place: whose account it trades, and how long it takes from seeing to sending."""

from collections.abc import Iterable
from dataclasses import dataclass

from schemas.records.messages import OrderRequest, OrderResult
from schemas.records.numbers import to_price
from streams.core.accounts.state import account_records as records
from streams.core.reference.instruments import Instrument
from streams.core.simulators.latency_models import LatencyModel
from streams.core.simulators.model import ModelKind
from streams.core.simulators.model_catalog import make_model
from streams.errors import InputError
from streams.strategies.find_strategy import strategy_named
from streams.strategies.strategy import Strategy, Tick, Ticket
from streams.strategies.strategy_config import StrategyConfig


@dataclass(slots=True)
class Participant:
    """Asks a strategy, and stamps its requests with the market time at which they are sent. The same live and replayed.

    latency: the strategy's own, from what it saw to the request's ts; a later request is never sent before an earlier.
    """

    account_id: str
    symbol: str
    strategy: Strategy
    latency: LatencyModel
    run_seed: int
    sent_ns: int = 0

    def on_tick(self, tick: Tick, now_ns: int) -> list[OrderRequest]:
        """What the strategy sends upon a quote that it sees at now_ns."""
        return self._sent(self.strategy.on_tick(tick), now_ns)

    def on_result(self, result: OrderResult, now_ns: int) -> list[OrderRequest]:
        """What the strategy sends upon a result that it sees at now_ns."""
        return self._sent(self.strategy.on_result(result), now_ns)

    def _sent(self, requests: Iterable[OrderRequest], now_ns: int) -> list[OrderRequest]:
        return [self._stamped(request, now_ns) for request in requests]

    def _stamped(self, request: OrderRequest, now_ns: int) -> OrderRequest:
        # Another seed than the simulators': the two latencies of one order are drawn apart.
        asked = records.approved(request, "", "", now_ns)
        self.sent_ns = max(self.sent_ns, now_ns + self.latency.latency_ns(~self.run_seed, asked, now_ns))
        return request._replace(ts=self.sent_ns)


def participant(account_id: str, config: StrategyConfig, instrument: Instrument, run_seed: int) -> Participant:
    """The participant that a configuration describes. Raises InputError where there is no such strategy."""
    ticket = Ticket(config.strategy, account_id, instrument)
    make, quantity, most = strategy_named(config.strategy), to_price(config.quantity), to_price(config.max_position)
    try:
        strategy = make(ticket, quantity, most, config.every)
    except TypeError as error:
        raise InputError(
            f"strategy {config.strategy}: {error}; it is made of (ticket, quantity, max_position, every)"
        ) from error
    return Participant(account_id, config.symbol, strategy, make_model(ModelKind.LATENCY, config.latency), run_seed)
