"""A variant of a strategy: its code and its parameters, by which the gate counts trials and binds an authorisation."""

from collections.abc import Sequence
from decimal import Decimal
from hashlib import sha256
from typing import Any, NamedTuple

from schemas.records.canonical_json import canonical_json
from schemas.records.numbers import plain
from streams.core.simulators.model import ModelKind
from streams.core.simulators.model_catalog import make_model
from streams.strategies.code_digest import strategy_code
from streams.strategies.event_strategy import Strategy
from streams.strategies.find_strategy import find_strategy
from streams.strategies.strategy_config import StrategyConfig
from streams.strategies.strategy_parameters import declared_parameters


class StrategyVariant(NamedTuple):
    """A variant of a strategy.

    Attributes:
        code_sha256: digest of the code, in hex.
        parameters: canonical JSON of the parameters; equal for equal numbers, however they are written.
    """

    code_sha256: str
    parameters: str


def variant_of(config: StrategyConfig) -> StrategyVariant:
    """Returns the variant that a configuration describes. Cash is none of its parameters, and nor is a name.

    Raises InputError: there is no such strategy, or one of its modules has no source.
    """
    code = strategy_code(config.strategy)
    latency = make_model(ModelKind.LATENCY, config.latency)
    made = find_strategy(config.strategy)
    if isinstance(made, type) and issubclass(made, Strategy):
        declared = declared_parameters(made, config).model_dump(mode="json")
        own: dict[str, Any] = {"symbols": ",".join(config.traded), "parameters": declared}
    else:
        sizes = {"quantity": config.quantity, "max_position": config.max_position}
        own = {"symbol": config.symbol, "every": config.every, **sizes}
    parameters: dict[str, Any] = {
        "entry": code.entry,
        "latency": {"model": latency.model, **latency.model_dump()},
        **own,
    }
    if config.result_latency_ms:
        parameters["result_latency_ms"] = config.result_latency_ms
    return StrategyVariant(code.sha256, canonical_json(_exact(parameters)))


def _exact(value: Any) -> Any:
    """Returns a JSON value with decimals as text, and digests in place of lists, which may be longer than a text."""
    if isinstance(value, dict):
        return {name: _exact(item) for name, item in value.items()}
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return sha256(canonical_json([_exact(item) for item in value]).encode()).hexdigest()
    return value
