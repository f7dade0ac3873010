"""The table of breaker kinds. To add a kind: its model in breaker_config, its meter, and a row here."""

from collections.abc import Callable
from typing import Any, NamedTuple

from streams.core.risk.breakers.breaker_config import BreakerConfig
from streams.core.risk.breakers.equity_meters import DrawdownMeter, LossMeter
from streams.core.risk.breakers.gap_meter import GapMeter
from streams.core.risk.breakers.meter import Meter
from streams.core.risk.breakers.order_meters import (
    ConsecutiveLossesMeter,
    ErrorRateMeter,
    FrequencyMeter,
    RepeatedExecutionMeter,
    SlippageMeter,
    StopOutsMeter,
)


class BreakerKind(NamedTuple):
    """A kind of breaker.

    meter: makes its meter from the configuration and the opening cash, 1e-18. The meter's base class says which events
    it hears. trials_decide: in the state HALF_OPEN only the trial orders decide, not the window. of_desk: the desk may
    have a breaker of this kind.
    """

    meter: Callable[[Any, int], Meter]
    trials_decide: bool = False
    of_desk: bool = False


KINDS: dict[str, BreakerKind] = {
    "drawdown": BreakerKind(DrawdownMeter, of_desk=True),
    "loss": BreakerKind(LossMeter, of_desk=True),
    "error_rate": BreakerKind(lambda config, opening: ErrorRateMeter(config), trials_decide=True, of_desk=True),
    "frequency": BreakerKind(lambda config, opening: FrequencyMeter(config), of_desk=True),
    "consecutive_losses": BreakerKind(lambda config, opening: ConsecutiveLossesMeter(config)),
    "stop_outs": BreakerKind(lambda config, opening: StopOutsMeter(config)),
    "repeated_execution": BreakerKind(lambda config, opening: RepeatedExecutionMeter(config)),
    "slippage": BreakerKind(lambda config, opening: SlippageMeter(config), trials_decide=True),
    "market_data_gap": BreakerKind(lambda config, opening: GapMeter(config)),
}


def meter_of(config: BreakerConfig, opening: int) -> Meter:
    """Returns a new meter. opening: cash that the account started with, 1e-18."""
    return KINDS[config.kind].meter(config, opening)
