"""The points of a grid: every combination of its values, with a name and the changes of its run."""

import json
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from streams.core.reference.merge_patch import merge_patch
from streams.errors import InputError
from streams.evidence.replay.what_if import WhatIf, read_yaml
from streams.strategies.code_digest import strategy_code

RUNS_MAX = 10_000
HASH_CHARS = 10
GRID_REMEDY = "write YAML, as `orders.scale: [0.5, 1, 2]`"


class MarketWindow(NamedTuple):
    """A span of market time, UTC nanoseconds: from from_ns on, before to_ns."""

    from_ns: int
    to_ns: int


class SweepPoint(NamedTuple):
    """A run of a sweep.

    Attributes:
        values: the values of the grid that it changes.
        window: the part of the market that it runs over; None: all of it. Such a run has strategies and no record.
    """

    run_id: str
    what_if: WhatIf
    values: dict[str, Any]
    window: MarketWindow | None = None

    def base(self, source: str) -> str:
        """Returns the name of what it runs over. source: the name of the source."""
        return source if self.window is None else f"{source} from {self.window.from_ns} to {self.window.to_ns}"

    @property
    def told(self) -> str:
        """The values as text, for messages."""
        return ", ".join(f"{name}={text}" for name, text in point_texts(self))


def read_grid(path: Path) -> dict[str, list[Any]]:
    """Reads a grid: dotted names of settings, each with its values. Raises InputError."""
    document = read_yaml(path, GRID_REMEDY)
    if not isinstance(document, dict) or not all(
        isinstance(name, str) and isinstance(values, list) and values for name, values in document.items()
    ):
        raise InputError(f"{path}: a grid is a mapping of names to lists of values; {GRID_REMEDY}")
    return document


def sweep_points(prefix: str, grid: Mapping[str, Sequence[Any]], base: Mapping[str, Any]) -> list[SweepPoint]:
    """Returns a point for each combination of the grid. base: changes of all runs.

    A point is named after a hash of its changes and of its strategies' code, so that changed code is another run.

    Raises:
        InputError: there are too many combinations, a name is a part of another one, a change breaks a rule, or a
            strategy is not found.
    """
    combinations = list(product(*grid.values()))
    if len(combinations) > RUNS_MAX:
        raise InputError(f"the grid has {len(combinations)} combinations; at most {RUNS_MAX} are run")
    found, codes = [], dict[str, str]()
    for combination in combinations:
        values = dict(zip(grid, combination, strict=True))
        what_if = WhatIf.parse(merge_patch(base, _document(values)), "grid")
        found.append(SweepPoint(f"{prefix}-{_digest(what_if, codes)[:HASH_CHARS]}", what_if, values))
    return found


def _digest(what_if: WhatIf, codes: dict[str, str]) -> str:
    """Returns a hash of changes and the code that they name. codes: digests that are known, by strategy."""
    names = sorted({config.strategy for config in what_if.strategies.values()})
    for name in names:
        if name not in codes:
            codes[name] = strategy_code(name).sha256
    if not names:
        return what_if.sha256
    return sha256(" ".join([what_if.sha256, *(codes[name] for name in names)]).encode()).hexdigest()


def _document(values: dict[str, Any]) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for path, value in values.items():
        *parents, name = path.split(".")
        place = document
        for parent in parents:
            place = place.setdefault(parent, {})
            if not isinstance(place, dict):
                raise InputError(f"grid: {path} is a part of another name of the grid; name each setting once")
        place[name] = str(value) if isinstance(value, float) else value
    return document


def point_texts(point: SweepPoint) -> Iterator[tuple[str, str]]:
    """Yields the grid's values of a run as text."""
    for name, value in point.values.items():
        yield name, value if isinstance(value, str) else json.dumps(value)
