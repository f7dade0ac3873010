"""The catalog of execution models: built-in ones, and those that installed packages add through entry points.

To add a built-in model, write its class and list it in MODELS of its module. examples/own_fee_model shows how a package
adds one under an entry point group of GROUPS.
"""

from functools import cache
from importlib.metadata import entry_points
from typing import Any

from pydantic import ValidationError

from streams.core.reference.broken_rules import broken_rules
from streams.core.reference.declarations import ModelConfig
from streams.core.simulators import fee_models, fill_models, latency_models, queue_models, slippage_models
from streams.core.simulators.model import Model, ModelError, ModelKind

GROUPS = {kind: f"paper_trading.{kind}_models" for kind in ModelKind}
"""Entry point group of each kind: an entry's name is the model's name, its object is the class."""
BUILT_IN = {
    ModelKind.FILL: fill_models.MODELS,
    ModelKind.QUEUE: queue_models.MODELS,
    ModelKind.LATENCY: latency_models.MODELS,
    ModelKind.SLIPPAGE: slippage_models.MODELS,
    ModelKind.FEE: fee_models.MODELS,
}


def make_model(kind: ModelKind, config: ModelConfig) -> Any:
    """Returns the model that a configuration names, with its parameters. Raises ModelError."""
    found = model_class(kind, config.model)
    try:
        return found.model_validate(config.parameters)
    except ValidationError as error:
        raise ModelError(f"{kind} model {config.model}: {broken_rules(error)}") from error


def model_class(kind: ModelKind, name: str) -> type[Model]:
    """Returns the class of a model. Raises ModelError."""
    classes = known_models(kind)
    if name not in classes:
        raise ModelError(
            f"unknown {kind} model {name!r}; known are {', '.join(sorted(classes))}. "
            f"A package adds its own under the entry point group {GROUPS[kind]}"
        )
    return classes[name]


@cache
def known_models(kind: ModelKind) -> dict[str, type[Model]]:
    """Returns all models of a kind by name: built-in ones and those of installed packages. Raises ModelError."""
    found: dict[str, type[Model]] = {item.model: item for item in BUILT_IN[kind]}
    for entry in entry_points(group=GROUPS[kind]):
        where = f"entry point {entry.name} = {entry.value} of {GROUPS[kind]}"
        loaded = entry.load()
        if not (isinstance(loaded, type) and issubclass(loaded, Model)):
            raise ModelError(f"{where}: it is not a subclass of Model")
        if entry.name != loaded.model:
            raise ModelError(f"{where}: the entry's name must be the model's name, {loaded.model}")
        if entry.name in found:
            raise ModelError(f"{where}: a model of this name exists already")
        found[entry.name] = loaded
    return found
