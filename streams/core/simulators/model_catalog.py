"""The parts that there are: ours, and those that installed packages add under the entry point groups of GROUPS.

To add one of ours, write its class and put it into PARTS of its module; examples/own_fee_model is one from a package.
"""

from functools import cache
from importlib.metadata import entry_points
from typing import Any

from pydantic import ValidationError

from streams.core.reference.declarations import PartConfig
from streams.core.simulators import fees, fill, latency, queue, slippage
from streams.core.simulators.model import Part, PartError, PartKind

GROUPS = {kind: f"paper_trading.{kind}_models" for kind in PartKind}
"""Entry point groups: the entry's name is the part's, its object the class."""
OWN = {
    PartKind.FILL: fill.PARTS,
    PartKind.QUEUE: queue.PARTS,
    PartKind.LATENCY: latency.PARTS,
    PartKind.SLIPPAGE: slippage.PARTS,
    PartKind.FEE: fees.PARTS,
}


def make_part(kind: PartKind, config: PartConfig) -> Any:
    """The part that a configuration names. Raises PartError."""
    found = part_class(kind, config.model)
    try:
        return found.model_validate(config.parameters)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        raise PartError(f"{kind} model {config.model}: {problems}") from error


def part_class(kind: PartKind, name: str) -> type[Part]:
    """The class of a part. Raises PartError."""
    classes = known_parts(kind)
    if name not in classes:
        raise PartError(
            f"{kind} model {name!r} is none of {', '.join(sorted(classes))}; "
            f"a package adds its own under the entry point group {GROUPS[kind]}"
        )
    return classes[name]


@cache
def known_parts(kind: PartKind) -> dict[str, type[Part]]:
    """All parts of a kind by name: ours and those of installed packages. Raises PartError."""
    found: dict[str, type[Part]] = {part.model: part for part in OWN[kind]}
    for entry in entry_points(group=GROUPS[kind]):
        loaded = entry.load()
        if not (isinstance(loaded, type) and issubclass(loaded, Part)):
            raise PartError(f"entry point {entry.name} = {entry.value} of {GROUPS[kind]}: it is no subclass of Part")
        if entry.name != loaded.model or entry.name in found:
            raise PartError(f"entry point {entry.name} = {entry.value} of {GROUPS[kind]}: its name must be model, once")
        found[entry.name] = loaded
    return found
