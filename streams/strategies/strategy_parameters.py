"""The declared parameters of a strategy, checked."""

from pydantic import ValidationError

from streams.core.reference.broken_rules import broken_rules
from streams.core.reference.fields import Frozen
from streams.errors import InputError
from streams.strategies.event_strategy import Strategy
from streams.strategies.strategy_config import StrategyConfig


def declared_parameters(made: type[Strategy], config: StrategyConfig) -> Frozen:
    """Returns the checked parameters of a strategy.

    Raises:
        InputError: a parameter is unknown, missing or out of bounds, or the number of symbols is wrong.
    """
    name, count = f"strategy {config.strategy}", made.symbol_count
    if config.quantity is not None or config.max_position is not None or config.every != 1:
        raise InputError(f"{name}: it declares its parameters; give parameters, not quantity, max_position or every")
    if count is not None and len(config.traded) != count:
        raise InputError(f"{name}: it trades {count} symbols, and {len(config.traded)} are named")
    try:
        return made.Parameters.model_validate(config.parameters)
    except ValidationError as error:
        known = ", ".join(made.Parameters.model_fields) or "none"
        raise InputError(f"{name}: {broken_rules(error)}; its parameters are {known}") from error
