"""Compares each point of a grid with its neighbours: a good point among bad ones is rather luck than a good setting."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from statistics import median
from typing import Any, NamedTuple

from streams.evidence.replay.grid_points import SweepPoint

Place = tuple[Any, ...]
"""The place of a point: for each name of the grid its rank among the numbers, or the value if it is none."""


class Surroundings(NamedTuple):
    """A point among its neighbours, which differ by one step of one number.

    Attributes:
        neighbours_median: median of the neighbours' results; None without neighbours.
        is_peak: no point has a better result.
        is_plateau: no point has a better median of its own result and those of its neighbours.
    """

    neighbours_median: Decimal | None
    is_peak: bool
    is_plateau: bool


def surroundings(points: Sequence[SweepPoint], results: Mapping[str, Decimal]) -> dict[str, Surroundings]:
    """Returns how each point stands among its neighbours, by run id. results: of each point, by run id."""
    places = dict(zip(_places([point.values for point in points]), points, strict=True))
    around = {
        point.run_id: [results[places[near].run_id] for near in _near(place) if near in places]
        for place, point in places.items()
    }
    levels = {run_id: median([results[run_id], *near]) for run_id, near in around.items()}
    peak, plateau = (max(found, key=lambda run_id: (found[run_id], results[run_id])) for found in (results, levels))
    return {
        run_id: Surroundings(median(near) if near else None, run_id == peak, run_id == plateau)
        for run_id, near in around.items()
    }


def numbers_of(values: Sequence[Any]) -> dict[Any, Decimal] | None:
    """Returns each value as a number; None if one of them is none."""
    try:
        found = {value: Decimal(str(value)) for value in values}
    except (InvalidOperation, TypeError):
        return None
    return found if all(number.is_finite() for number in found.values()) else None


def _places(values: Sequence[Mapping[str, Any]]) -> list[Place]:
    columns = [_ranks([point[name] for point in values]) for name in values[0]]
    return list(zip(*columns, strict=True))


def _ranks(values: Sequence[Any]) -> list[Any]:
    numbers = numbers_of(values)
    if numbers is None:
        return [str(value) for value in values]
    ranks = {number: rank for rank, number in enumerate(sorted(set(numbers.values())))}
    return [ranks[numbers[value]] for value in values]


def _near(place: Place) -> Iterator[Place]:
    for at, rank in enumerate(place):
        if isinstance(rank, int):
            for step in (-1, 1):
                yield (*place[:at], rank + step, *place[at + 1 :])
