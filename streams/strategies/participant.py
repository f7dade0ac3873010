"""A strategy on an account, with its latency. Live trading and re-simulation use the same code."""

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
from streams.strategies.find_strategy import find_strategy
from streams.strategies.strategy import Strategy, Tick, Ticket
from streams.strategies.strategy_config import StrategyConfig


@dataclass(slots=True)
class Participant:
    """A strategy whose requests carry the market time at which they are sent.

    Attributes:
        account_id: account that the strategy trades for.
        symbol: instrument that it trades.
        strategy: makes the requests.
        latency: from the time of a quote or result to the ts of the request that follows.
        run_seed: seed of the latency's random numbers.
        sent_ns: ts of the newest request, UTC nanoseconds; no later request has an earlier ts.
    """

    account_id: str
    symbol: str
    strategy: Strategy
    latency: LatencyModel
    run_seed: int
    sent_ns: int = 0

    def on_tick(self, tick: Tick, now_ns: int) -> list[OrderRequest]:
        """Returns the stamped requests that follow a quote seen at now_ns."""
        return self.stamped(self.strategy.on_tick(tick), now_ns)

    def on_result(self, result: OrderResult, now_ns: int) -> list[OrderRequest]:
        """Returns the stamped requests that follow a result seen at now_ns."""
        return self.stamped(self.strategy.on_result(result), now_ns)

    def stamped(self, requests: Iterable[OrderRequest], now_ns: int) -> list[OrderRequest]:
        """Returns requests of the strategy, decided at now_ns, with the times at which they are sent."""
        return [self._stamp(request, now_ns) for request in requests]

    def _stamp(self, request: OrderRequest, now_ns: int) -> OrderRequest:
        # Another seed than the simulators', so that the two latencies of one order are independent.
        as_approved = records.approved(request, "", "", now_ns)
        self.sent_ns = max(self.sent_ns, now_ns + self.latency.latency_ns(~self.run_seed, as_approved, now_ns))
        return request._replace(ts=self.sent_ns)


def make_participant(account_id: str, config: StrategyConfig, instrument: Instrument, run_seed: int) -> Participant:
    """Returns the participant that a configuration describes.

    Raises:
        InputError: there is no such strategy, or it can't be made.
    """
    ticket = Ticket(config.strategy, account_id, instrument)
    make_strategy = find_strategy(config.strategy)
    try:
        strategy = make_strategy(ticket, to_price(config.quantity), to_price(config.max_position), config.every)
    except TypeError as error:
        raise InputError(
            f"strategy {config.strategy}: {error}; it is called with (ticket, quantity, max_position, every)"
        ) from error
    return Participant(account_id, config.symbol, strategy, make_model(ModelKind.LATENCY, config.latency), run_seed)
