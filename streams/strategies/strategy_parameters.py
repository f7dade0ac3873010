"""The declared parameters of a strategy: checked values, and the table that `paper strategy show` prints."""

from typing import Any

from pydantic import ValidationError

from streams.core.reference.broken_rules import broken_rules
from streams.core.reference.fields import Frozen
from streams.errors import InputError
from streams.strategies.event_strategy import Strategy
from streams.strategies.strategy_config import StrategyConfig

RULES = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<", "enum": "one of"}


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
        remedy = f"`paper strategy show {config.strategy}` lists the parameters"
        raise InputError(f"{name}: {broken_rules(error)}; {remedy}") from error


def parameter_rows(made: type[Strategy]) -> list[dict[str, Any]]:
    """Returns a row for each declared parameter: name, type, rule, default (None: it must be given), description."""
    schema = made.Parameters.model_json_schema()
    rows = []
    for name, field in made.Parameters.model_fields.items():
        told = schema["properties"][name]
        parts = [told, *told.get("anyOf", ())]
        rules = [f"{sign} {part[key]}" for part in parts for key, sign in RULES.items() if key in part]
        rows.append(
            {
                "name": name,
                "type": getattr(field.annotation, "__name__", str(field.annotation)),
                "rule": ", ".join(dict.fromkeys(rules)),
                "default": None if field.is_required() else str(field.default),
                "description": field.description or "",
            }
        )
    return rows
