"""Sweeps among the runs of replays: which settings they change, and their results as a heat map."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from streams.evidence.query_rows import Row

SHADES = 7
"""Shades of the map, from the worst result to the best."""


class MapCell(NamedTuple):
    """A run on the map. result: its profit and loss, None if ClickHouse has none. shade: from 0, the worst."""

    run_id: str
    result: Any
    shade: int


class SweepMap(NamedTuple):
    """A sweep. across, down: the settings of the axes; down is empty if one setting changes. rows: by its value."""

    name: str
    across: str
    down: str
    columns: list[str]
    rows: list[tuple[str, list[MapCell | None]]]


def sweep_maps(runs: Sequence[Row], results: Mapping[str, Any]) -> list[SweepMap]:
    """Returns a map of each sweep that changes one setting or two. runs: of serve_runs. results: by run."""
    sweeps: dict[str, list[Row]] = {}
    for run in runs:
        name, dash, _ = run["run_id"].rpartition("-")
        if dash:
            sweeps.setdefault(name, []).append(run)
    maps = (_map(name, found, results) for name, found in sweeps.items() if len(found) > 1)
    return [found for found in maps if found is not None]


def _map(name: str, runs: Sequence[Row], results: Mapping[str, Any]) -> SweepMap | None:
    settings = {run["run_id"]: dict(_flat(json.loads(run["what_if"] or "{}"))) for run in runs}
    names = sorted({item for values in settings.values() for item in values})
    changed = [item for item in names if len({values.get(item) for values in settings.values()}) > 1]
    if not 1 <= len(changed) <= 2:
        return None
    across, down = changed[0], changed[1] if len(changed) > 1 else ""
    ranked = sorted({results[run_id] for run_id in settings if run_id in results})
    shades = {result: place * (SHADES - 1) // max(len(ranked) - 1, 1) for place, result in enumerate(ranked)}
    cells: dict[tuple[str, str], MapCell] = {}
    for run_id, values in settings.items():
        shade = shades[results[run_id]] if run_id in results else 0
        cells[values.get(down, ""), values.get(across, "")] = MapCell(run_id, results.get(run_id), shade)
    columns = sorted({place[1] for place in cells}, key=_in_order)
    rows = sorted({place[0] for place in cells}, key=_in_order)
    return SweepMap(
        name, across, down, columns, [(row, [cells.get((row, column)) for column in columns]) for row in rows]
    )


def _flat(document: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """Yields the dotted names of a document with their values as text."""
    for name, value in document.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{path}{name}.")
        else:
            yield f"{path}{name}", value if isinstance(value, str) else json.dumps(value)


def _in_order(text: str) -> tuple[float, str]:
    """Returns a key that sorts numbers by value."""
    try:
        return float(text), text
    except ValueError:
        return float("inf"), text
