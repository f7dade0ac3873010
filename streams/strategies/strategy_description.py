"""A strategy as its class declares it: parameters, symbols, and what it does with open orders."""

import inspect
from collections.abc import Iterable
from enum import Enum
from typing import Any, Literal, NamedTuple, get_args, get_origin

from pydantic.fields import FieldInfo

from streams.strategies.event_strategy import Strategy
from streams.strategies.find_strategy import find_strategy

BOUNDS = {"gt": "> {}", "ge": ">= {}", "lt": "< {}", "le": "<= {}", "multiple_of": "a multiple of {}"}
LENGTHS = {"min_length": "at least {} long", "max_length": "at most {} long"}
QUOTE_PARAMETERS = (
    ("quantity", "Decimal", "> 0", None, "units of each order"),
    ("max_position", "Decimal", "> 0", None, "largest position, long or short, in units"),
    ("every", "int", ">= 1", "1", "quotes from one decision to the next; 50 live"),
)
"""Parameters of each strategy of one quote, which declares none itself."""


class DeclaredParameter(NamedTuple):
    """A parameter. bounds: in words, empty if there are none. default: as text; None: it must be given."""

    name: str
    type: str
    bounds: str
    default: str | None
    description: str


class StrategyDescription(NamedTuple):
    """A strategy.

    Attributes:
        summary: first line of its class's docstring, or of its module's.
        symbols: number of symbols that it trades; None: any.
        keeps_orders: orders that are open when it starts stay.
        cancels_on_error: its orders are canceled when it raises an error.
        is_declared: it declares its parameters itself.
    """

    name: str
    summary: str
    symbols: int | None
    keeps_orders: bool
    cancels_on_error: bool
    is_declared: bool
    parameters: tuple[DeclaredParameter, ...]


def describe_strategy(name: str) -> StrategyDescription:
    """Returns what is known of a strategy. name: from `paper strategy list`, or module:Class. Raises InputError."""
    found = find_strategy(name)
    summary = (inspect.getdoc(found) or "").partition("\n")[0]
    if isinstance(found, type) and issubclass(found, Strategy):
        declared = tuple(_parameter(field, told) for field, told in found.Parameters.model_fields.items())
        return StrategyDescription(
            name, summary, found.symbol_count, found.keeps_orders, found.cancel_on_error, True, declared
        )
    usual = tuple(DeclaredParameter(*parameter) for parameter in QUOTE_PARAMETERS)
    return StrategyDescription(name, summary, 1, False, False, False, usual)


def _parameter(name: str, field: FieldInfo) -> DeclaredParameter:
    if field.is_required():
        default = None
    else:
        value = field.get_default(call_default_factory=True, validated_data={})
        default = value.value if isinstance(value, Enum) else str(value)
    return DeclaredParameter(
        name, _type_name(field.annotation), "; ".join(_bounds(field.metadata)), default, field.description or ""
    )


def _bounds(metadata: Iterable[Any]) -> Iterable[str]:
    for item in metadata:
        for name, words in {**BOUNDS, **LENGTHS}.items():
            value = getattr(item, name, None)
            if value is not None:
                yield words.format(value)


def _type_name(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return " or ".join(map(str, get_args(annotation)))
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return " or ".join(str(item.value) for item in annotation)
    return annotation.__name__ if isinstance(annotation, type) else str(annotation).replace("typing.", "")
