"""The points of a sweep: their names follow changes and code, and their strategies are checked before anything else."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from streams.errors import InputError
from streams.evidence.replay.check_points import check_settings, check_strategies
from streams.evidence.replay.grid_points import SweepPoint, read_grid, sweep_points
from tests.builders import config

FAST = "strategies.ema.parameters.fast"
EMA = {"strategy": "examples.ema_cross:EmaCross", "symbol": "ACME.SIM", "cash": "1000"}


def points(grid: dict[str, list[Any]], **changes: Any) -> list[SweepPoint]:
    return sweep_points("s", grid, {"strategies": {"ema": EMA | changes}})


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (0, f"the combination {FAST}=0: strategy examples.ema_cross:EmaCross: .*greater than or equal to 1"),
        (20, f"the combination {FAST}=20: .*fast 20 must be below slow 20"),
        ("ten", f"the combination {FAST}=ten: .*valid integer"),
    ],
)
def test_a_parameter_out_of_bounds_names_its_combination(value: Any, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        check_strategies(points({FAST: [5, value]}))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"strategy": "rsi:Rsi"}, "No module named 'rsi'"),
        ({"strategy": "examples.ema_cross:Emma"}, "no attribute 'Emma'"),
        ({"symbol": "", "symbols": ["A", "B"]}, "it trades 1 symbols, and 2 are named"),
        ({"strategy": "momentum"}, "it needs quantity and max_position"),
        ({"parameters": {"quick": 3}}, "its parameters are fast, slow"),
    ],
)
def test_a_strategy_that_cannot_be_made_is_said(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        check_strategies(points({"orders.scale": [1]}, **changes))


def test_an_unknown_symbol_is_said_when_the_source_is_known() -> None:
    found = points({FAST: [5]}, symbol="NOSUCH")
    check_strategies(found)
    with pytest.raises(InputError, match=r"the combination .*fast=5: strategies\.ema: instrument NOSUCH is none of"):
        check_settings(found, config())


def test_changed_code_is_another_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run of old code must not pass for a run of the new one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    path = tmp_path / "swept_strategy.py"
    names = []
    for number in (1, 1, 2):
        path.write_text(f"from examples.ema_cross import EmaCross\n\n\nclass Own(EmaCross):\n    size = {number}\n")
        sys.modules.pop("swept_strategy", None)
        (point,) = points({FAST: [5]}, strategy="swept_strategy:Own")
        names.append(point.run_id)
    assert names[0] == names[1] != names[2]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("orders.scale: 1\n", "a grid is a mapping of names to lists"),
        ("1: [2]\n", "a grid is a mapping of names to lists"),
        ("orders: [{scale: 1}]\norders.scale.x: [1]\n", "is a part of another name"),
    ],
)
def test_a_grid_that_cannot_be_read_is_refused(text: str, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "grid.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=sentence):
        sweep_points("s", read_grid(path), {})
