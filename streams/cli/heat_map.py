"""Draws results over two numbers of a grid as a table whose cells are coloured from the worst to the best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from streams.cli.cell_text import amount_text

PEAK, PLATEAU = "*", "+"
LEGEND = f"{PEAK} peak: the best result   {PLATEAU} plateau: the best median of a result and its neighbours'"
DARKEST, BRIGHTEST = 40, 200
"""Amount of red or green in a cell's colour, of 255."""


class HeatMap(NamedTuple):
    """Results by two numbers.

    Attributes:
        down, across: names of the grid.
        others: the other names with the values that the map is of, as text.
        cells: result and mark by the values of down and across, both rising.
    """

    down: str
    across: str
    others: str
    cells: dict[Decimal, dict[Decimal, tuple[Decimal, str]]]


def heat_map(grid: Sequence[Mapping[str, Any]], rows: Sequence[Mapping[str, Any]], result: str) -> HeatMap | None:
    """Returns the map through the plateau; None if fewer than two names of the grid have several numbers.

    Args:
        grid: the values of each point, by name.
        rows: a row of sweep_results for each point.
        result: the column to draw.
    """
    from streams.evidence.replay.plateau import numbers_of

    numbers = {name: numbers_of([values[name] for values in grid]) for name in grid[0]}
    drawn = [name for name, found in numbers.items() if found and len(set(found.values())) > 1][:2]
    if len(drawn) < 2:
        return None
    down, across = drawn
    plateau = next(values for values, row in zip(grid, rows, strict=True) if row["is_plateau"])
    others = {name: value for name, value in plateau.items() if name not in drawn}
    cells: dict[Decimal, dict[Decimal, tuple[Decimal, str]]] = {}
    for values, row in zip(grid, rows, strict=True):
        if all(values[name] == value for name, value in others.items()):
            mark = PEAK * row["is_peak"] + PLATEAU * row["is_plateau"]
            place = Decimal(str(values[down])), Decimal(str(values[across]))
            cells.setdefault(place[0], {})[place[1]] = row[result], mark
    ordered = {number: dict(sorted(line.items())) for number, line in sorted(cells.items())}
    return HeatMap(down, across, ", ".join(f"{name}={value}" for name, value in others.items()), ordered)


def print_heat_map(drawn: HeatMap) -> None:
    """Prints a map with its legend. Only a terminal shows colours."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    results = [result for line in drawn.cells.values() for result, _ in line.values()]
    worst, best = min(results), max(results)
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False, pad_edge=False)
    table.add_column("", no_wrap=True)
    for number in next(iter(drawn.cells.values())):
        table.add_column(f"{number}", justify="right", no_wrap=True)
    for number, line in drawn.cells.items():
        texts = [Text(f"{amount_text(result)}{mark}", _colour(result, worst, best)) for result, mark in line.values()]
        table.add_row(f"{number}", *texts)
    console = Console(soft_wrap=True)
    print(f"\n{drawn.down} down, {drawn.across} across" + (f", {drawn.others}" if drawn.others else ""), flush=True)
    console.print(table)
    print(LEGEND, flush=True)


def _colour(result: Decimal, worst: Decimal, best: Decimal) -> str:
    share = float((result - worst) / (best - worst)) if best > worst else 1.0
    green, red = (round(DARKEST + (BRIGHTEST - DARKEST) * part) for part in (share, 1 - share))
    return f"black on rgb({red},{green},{DARKEST})"
