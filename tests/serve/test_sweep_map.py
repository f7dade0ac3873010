"""Tests of the maps of sweeps."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from streams.serve.console.sweep_map import SHADES, sweep_maps


def run(run_id: str, **what_if: Any) -> dict[str, Any]:
    return {"run_id": run_id, "what_if": json.dumps(what_if)}


def test_two_settings_make_rows_and_columns_in_the_order_of_numbers() -> None:
    runs = [
        run(f"s-{scale}{limit}", orders={"scale": scale}, limits={"max_position": limit})
        for scale in ("10", "2")
        for limit in ("500", "90")
    ]
    results = {item["run_id"]: Decimal(place) for place, item in enumerate(runs)}
    (found,) = sweep_maps(runs, results)
    assert (found.name, found.across, found.down) == ("s", "limits.max_position", "orders.scale")
    assert found.columns == ["90", "500"]
    assert [name for name, _ in found.rows] == ["2", "10"]
    assert [[cell.result for cell in cells if cell] for _, cells in found.rows] == [[3, 2], [1, 0]]
    shades = {cell.result: cell.shade for _, cells in found.rows for cell in cells if cell}
    assert (shades[Decimal(0)], shades[Decimal(3)]) == (0, SHADES - 1)


def test_one_setting_makes_one_row_and_a_run_without_rows_has_no_result() -> None:
    (found,) = sweep_maps([run("s-a", orders={"scale": "1"}), run("s-b", orders={"scale": "2"})], {"s-a": Decimal(5)})
    ((name, cells),) = found.rows
    assert (name, found.down, [cell and cell.result for cell in cells]) == ("", "", [5, None])


def test_what_is_no_sweep_of_one_or_two_settings_has_no_map() -> None:
    alone = [run("slow", orders={"scale": "1"}), run("a-1", orders={"scale": "1"})]
    same = [run("b-1", orders={"scale": "1"}), run("b-2", orders={"scale": "1"})]
    three = [run(f"c-{n}", orders={"scale": str(n)}, limits={"a": n, "b": n}) for n in range(2)]
    assert sweep_maps([*alone, *same, *three], {}) == []
